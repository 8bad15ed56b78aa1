"""A collector that listens, and this process reporting to nobody when a test is over."""

from collections.abc import Iterator

import pytest
import sentry_sdk

from sandbox.sentry import Receiver
from tests.integration.messaging.conftest import make_bell, valkey_url
from tests.integration.telemetry.collecting import Collector
from tests.integration.web.conftest import settings

__all__ = ["collector", "make_bell", "receiver", "settings", "valkey_url"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def collector(receiver: Receiver) -> Iterator[Collector]:
    yield Collector(receiver)
    sentry_sdk.get_client().close(timeout=1)
    sentry_sdk.get_global_scope().set_client(None)
