"""A Valkey of our own, whatever EMAIL_REDIS_URL says: it is emptied, starved and killed here."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from sandbox.leash import leashed
from sandbox.process import Child
from sandbox.valkey import Keeper
from tests.integration.messaging.world import Bell


@contextmanager
def started(folder: Path) -> Iterator[tuple[Keeper, Child]]:
    keeper, child = Keeper.prepare(folder).start()
    with leashed(child):
        yield keeper, child


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started(tmp_path_factory.mktemp("valkey")) as (keeper, _):
        yield keeper.url


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[tuple[Keeper, Child]]:
    """Of this test alone."""
    with started(tmp_path) as server:
        yield server


@pytest.fixture
def client(valkey_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def make_bell() -> Iterator[Callable[..., Bell]]:
    """A doorbell and a broker on the same Valkey, in a namespace of their own."""
    with ExitStack() as stack:

        def make(url: str, **settings: float) -> Bell:
            bell = Bell(url, namespace=f"test-{uuid4().hex[:8]}", **settings)
            stack.callback(bell.close)
            return bell

        yield make


@pytest.fixture
def bell(valkey_url: str, make_bell: Callable[..., Bell]) -> Bell:
    return make_bell(valkey_url)
