"""Every test here runs against the store in memory and against PostgreSQL: neither may know better."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import DateTime

from sandbox.postgres import Server
from shared.domain.configuration import EmailConfiguration
from shared.persistence import PostgresStore, make_engine
from shared.persistence.tables import metadata
from shared.ports.store import Store
from tests.database import database
from tests.factories import CREATED, sendable
from tests.fakes.store import MemoryStore

# One round trip; on a few rows it is faster than TRUNCATE.
_EMPTY = ";".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))


@pytest.fixture(scope="session")
def emptied_after_each_test(postgres: Server, migrated_template: str) -> Iterator[PostgresStore]:
    with database(postgres, template=migrated_template) as url:
        engine = make_engine(url, application_name="email-contract")
        yield PostgresStore(engine)
        engine.dispose()


@pytest.fixture
def postgres_emptied(emptied_after_each_test: PostgresStore) -> Iterator[PostgresStore]:
    yield emptied_after_each_test
    with emptied_after_each_test.engine.begin() as connection:
        connection.exec_driver_sql(_EMPTY)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    found: PostgresStore = request.getfixturevalue("postgres_emptied")
    return found


@pytest.fixture
def a_moment_passes(store: Store) -> Callable[[], object]:
    """PostgreSQL's clock moves by itself."""
    return (lambda: store.advance(seconds=1)) if isinstance(store, MemoryStore) else (lambda: None)


# PostgreSQL's clock cannot be set: its rows grow older instead.
_OLDER = ";".join(
    f"UPDATE {table.name} SET {column.name} = {column.name} - interval '{{seconds}} seconds'"
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, DateTime)
)


@pytest.fixture
def time_passes(store: Store) -> Callable[[float], object]:
    if isinstance(store, MemoryStore):
        return lambda seconds: store.advance(seconds=seconds)
    assert isinstance(store, PostgresStore)
    engine = store.engine

    def pass_(seconds: float) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(_OLDER.format(seconds=seconds))

    return pass_


@pytest.fixture
def acme(store: Store) -> EmailConfiguration:
    """A stored configuration that may send."""
    configuration = sendable()
    with store.begin() as tx:
        tx.configurations.add(configuration, CREATED)
    return configuration
