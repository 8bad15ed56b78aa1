import pytest

from shared.config.settings import Settings
from tests.unit.cli.world import World
from tests.unit.web.conftest import settings

__all__ = ["settings"]


@pytest.fixture
def world(settings: Settings) -> World:
    return World(settings)
