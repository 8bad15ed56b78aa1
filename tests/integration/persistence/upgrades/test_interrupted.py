"""A migration that is stopped in its middle leaves the schema as it was, and is run again to the end."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from shared.persistence import make_engine
from shared.persistence.migrations import migrate
from shared.persistence.tables import metadata
from tests.integration.persistence.upgrades.conftest import At
from tests.integration.persistence.upgrades.history import EARLIER, HEAD, REVISIONS

LOOKS_MAX = 200_000
BUILDS_INDEXES = "0007"

COLUMNS = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
)
INVALID = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"


@contextmanager
def held_up(url: str, held: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of somebody else that does not end before this does."""
    with psycopg.connect(url) as other:
        if held == "its tables":
            names = other.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            tables = sql.SQL(", ").join(
                sql.Identifier(name) for (name,) in names if name != "alembic_version"
            )
            # As whoever has written a row of each.
            other.execute(sql.SQL("LOCK TABLE {} IN ROW EXCLUSIVE MODE").format(tables))
        else:
            # The last thing that a migration does is to write its number.
            other.execute("SELECT * FROM alembic_version FOR UPDATE")
        yield other


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """For one migration at a time. It ends after whatever holds it up."""
    with ThreadPoolExecutor(1) as threads:
        yield threads


def until(observer: psycopg.Connection[Any], running: Future[None], condition: str) -> int | None:
    """The process id of the migrator, once its session is so; None when it came to its end. Asks PostgreSQL."""
    query = f"SELECT pid FROM pg_stat_activity WHERE {_MIGRATOR} AND {condition}"
    for _ in range(LOOKS_MAX):
        row = observer.execute(query).fetchone()
        if row is not None or running.done():
            return row and int(row[0])
    pytest.fail("the migrator neither waits nor ends")


_MIGRATOR = "datname = current_database() AND application_name = 'email-migrate'"
# CONCURRENTLY waits for transactions as for locks.
WAITS = "wait_event_type = 'Lock'"
PAUSES = "query ~ 'pg_sleep' AND state = 'active'"


@pytest.mark.parametrize("held", ["its tables", "its number"])
@pytest.mark.parametrize("revision", EARLIER)
def test_a_migration_whose_connection_dies_is_run_again_to_the_end(
    threads: ThreadPoolExecutor, database_at: At, revision: str, held: str
) -> None:
    url, following = database_at(revision), REVISIONS[REVISIONS.index(revision) + 1]
    with psycopg.connect(url, autocommit=True) as observer:
        before = set(observer.execute(COLUMNS))
        with held_up(url, held):
            running = threads.submit(migrate, url, following)
            pid = until(observer, running, WAITS)
            # There are migrations that wait for nobody's table.
            assert pid is not None or held == "its tables"
            if pid is not None:
                observer.execute("SELECT pg_terminate_backend(%s)", [pid])
                with pytest.raises(SQLAlchemyError):
                    running.result()
                assert (version(observer), set(observer.execute(COLUMNS))) == (revision, before)
        migrate(url)
        assert (version(observer), observer.execute(INVALID).fetchall()) == (HEAD, [])
    assert differences(url) == []


def version(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    return str(row[0])


def differences(url: str) -> object:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return compare_metadata(MigrationContext.configure(connection), metadata)
    finally:
        engine.dispose()


def test_an_index_whose_building_was_stopped_is_invalid_until_the_migration_is_run_again(
    threads: ThreadPoolExecutor, database_at: At
) -> None:
    url = database_at(REVISIONS[REVISIONS.index(BUILDS_INDEXES) - 1])
    with psycopg.connect(url, autocommit=True) as observer:
        with held_up(url, "its tables"):
            running = threads.submit(migrate, url, BUILDS_INDEXES)
            observer.execute("SELECT pg_terminate_backend(%s)", [until(observer, running, WAITS)])
            with pytest.raises(SQLAlchemyError):
                running.result()
            assert len(observer.execute(INVALID).fetchall()) == 1
        migrate(url, BUILDS_INDEXES)
        assert observer.execute(INVALID).fetchall() == []


def test_a_migration_gives_way_to_a_long_transaction_and_begins_again_by_itself(
    threads: ThreadPoolExecutor, database_at: At
) -> None:
    """Whoever came to the table after it has waited for no longer than it did itself."""
    url = database_at("0002")
    with psycopg.connect(url, autocommit=True) as observer:
        with held_up(url, "its tables"):
            running = threads.submit(migrate, url, "0003")
            until(observer, running, WAITS)
            # As the code before: it would give up after 5 s.
            observer.execute("SET lock_timeout = '5s'")
            observer.execute("UPDATE email_configuration SET version = version")
            assert until(observer, running, PAUSES) is not None
            assert version(observer) == "0002"
        running.result()
        assert version(observer) == "0003"
