from collections.abc import Callable

import pytest
from pydantic import SecretStr

from shared.config.settings import Settings
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import container_of
from tests.unit.web.console.browser import OPERATOR_KEY, READER_KEY, Browser
from web.app import create_app


@pytest.fixture
def opened(settings: Settings) -> Settings:
    """With keys for both roles."""
    keys = {"operator_key": SecretStr(OPERATOR_KEY), "reader_key": SecretStr(READER_KEY)}
    return settings.model_copy(update={"console": settings.console.model_copy(update=keys)})


@pytest.fixture
def browse(opened: Settings, store: MemoryStore) -> Callable[..., Browser]:
    """A process of its own, with a browser before it that nobody has used yet."""

    def open(settings: Settings | None = None) -> Browser:
        container = container_of(settings or opened, store, RecordingDoorbell(), clock=store.clock)
        return Browser(create_app(container))

    return open


@pytest.fixture
def stranger(browse: Callable[..., Browser]) -> Browser:
    return browse()


@pytest.fixture
def olga(browse: Callable[..., Browser]) -> Browser:
    """An operator who is signed in."""
    return browse().signed_in("Olga", OPERATOR_KEY)


@pytest.fixture
def rita(browse: Callable[..., Browser]) -> Browser:
    """A reader who is signed in."""
    return browse().signed_in("Rita", READER_KEY)
