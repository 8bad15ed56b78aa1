"""Two stores on one database: two processes that know nothing of each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest
from sqlalchemy import Engine, text

from shared.domain.configuration import EmailConfiguration
from shared.persistence import PostgresStore, make_engine
from tests.factories import CREATED, sendable

Result = TypeVar("Result")


@pytest.fixture
def store(engine: Engine) -> PostgresStore:
    return PostgresStore(engine)


@pytest.fixture
def other_store(database_url: str) -> Iterator[PostgresStore]:
    engine = make_engine(database_url, application_name="email-test-other")
    yield PostgresStore(engine)
    engine.dispose()


@pytest.fixture
def acme(store: PostgresStore) -> EmailConfiguration:
    configuration = sendable()
    with store.begin() as tx:
        tx.configurations.add(configuration, CREATED)
    return configuration


@pytest.fixture
def elsewhere() -> Iterator[Callable[[Callable[[], Result]], Future[Result]]]:
    """Runs a function in another thread, where no transaction is open."""
    with ThreadPoolExecutor(max_workers=4) as threads:
        yield threads.submit


@pytest.fixture
def until_somebody_waits(engine: Engine) -> Callable[[], None]:
    """Returns once a session of this database waits for a lock; asks PostgreSQL, and not the clock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def wait() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for _ in range(100_000):
                if connection.scalar(waiting):
                    return
        pytest.fail("nobody waits")

    return wait
