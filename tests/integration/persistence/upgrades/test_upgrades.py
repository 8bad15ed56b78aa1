"""A database of every earlier revision moves to the newest while the code of that revision goes on writing.

The code is its statements, as they were recorded (statements/): with the same timeouts and prepared statements, on
connections that were there before. The first rounds are done before the upgrade, some during it, the last ones after.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import select

from shared.domain.dead_letter import DeadLetterFilter, Rest
from shared.domain.drift import FindingState
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from shared.persistence.tables import metadata
from shared.ports.store import Transaction
from tests.integration.persistence.upgrades.conftest import At
from tests.integration.persistence.upgrades.filling import FEW, Filler, Row
from tests.integration.persistence.upgrades.history import EARLIER, file_of
from tests.integration.persistence.upgrades.record import left_by
from tests.integration.persistence.upgrades.rows import Rows, every_row, lost
from tests.integration.persistence.upgrades.side_work import SHARED_TABLES
from tests.integration.persistence.upgrades.transcript import Transcript, parsed, with_values
from tests.integration.persistence.upgrades.writers import Crew

# Enough for the driver to have prepared every statement on the server: that is the harder case.
ROUNDS_BEFORE = 4
ROUNDS_AFTER = 2
# A migration gives a lock up after this long, and nobody behind it has waited longer.
WAIT_MAX_SECONDS = 5.0


@dataclass
class Upgraded:
    """What there was before, and what came of it."""

    revision: str
    url: str
    transcript: Transcript
    filler: Filler
    before: Rows
    crew: Crew
    statements_during: int = 0
    connection: psycopg.Connection[Any] = field(init=False)


@pytest.fixture(scope="module", params=EARLIER)
def upgraded(request: pytest.FixtureRequest, database_at: At) -> Iterator[Upgraded]:
    revision = request.param
    url, transcript = database_at(revision), parsed(file_of(revision).read_text(encoding="utf-8"))
    with psycopg.connect(url, autocommit=True) as connection:
        filler = Filler(connection, {("email_configuration_record", "snapshot"): _snapshot_of(transcript)})
        filler.fill()
        found = Upgraded(
            revision,
            url,
            transcript,
            filler,
            every_row(connection, list(filler.tables)),
            Crew(url, transcript),
        )
        with found.crew as crew:
            crew.work_on(ROUNDS_BEFORE)
            statements = crew.statements
            migrate(url)
            found.statements_during = crew.statements - statements
            crew.work_on(ROUNDS_AFTER)
        found.connection = connection
        yield found


def _snapshot_of(transcript: Transcript) -> Callable[[Row], Any]:
    """As the code of then writes it: what else it could be only that code knows."""
    statements = (each for one in transcript.transactions for each in one.statements)
    insert = next(
        each for each in statements if each.text.startswith("INSERT INTO email_configuration_record")
    )
    values = dict.fromkeys(transcript.names, str(UUID(int=0)))
    snapshot = with_values(insert, values, datetime.now(UTC))["snapshot"]
    return lambda _row: snapshot


def test_every_table_had_rows_of_every_kind(upgraded: Upgraded) -> None:
    assert [table for table, rows in upgraded.before.items() if not rows] == []
    assert [missing for missing in upgraded.filler.missing if missing[0] not in FEW] == []


def test_no_statement_of_the_code_before_fails_or_does_something_else(upgraded: Upgraded) -> None:
    assert [repr(fault) for fault in upgraded.crew.faults] == []


def test_the_code_before_was_at_work_during_the_upgrade(upgraded: Upgraded) -> None:
    assert upgraded.statements_during > 0


def test_what_the_code_before_had_to_try_again_had_met_a_lock_of_the_migration(upgraded: Upgraded) -> None:
    """As it would anyway: docs/migrations.md."""
    told = [text for log in upgraded.crew.logs for text in log.retried]
    assert [text for text in told if "DeadlockDetected" not in text] == []


def test_nobody_waited_longer_than_a_migration_may_wait(upgraded: Upgraded) -> None:
    assert max(log.slowest for log in upgraded.crew.logs)[0] < WAIT_MAX_SECONDS


def test_the_rows_from_before_are_there_as_they_were(upgraded: Upgraded) -> None:
    before = {table: rows for table, rows in upgraded.before.items() if table not in SHARED_TABLES}
    assert lost(before, every_row(upgraded.connection, list(before))) == {}


def test_what_was_written_before_meanwhile_and_after_is_there(upgraded: Upgraded) -> None:
    ids = [value for log in upgraded.crew.logs for value in log.values]
    rounds = upgraded.crew.rounds
    assert rounds >= ROUNDS_BEFORE + ROUNDS_AFTER
    expected = {table: count * rounds for table, count in upgraded.transcript.leaves.items()}
    assert left_by(upgraded.url, ids) == expected


def test_new_columns_have_their_defaults(upgraded: Upgraded) -> None:
    """Of rows from before, and of those that code wrote that does not know them."""
    wrong = []
    for table, held in upgraded.filler.tables.items():
        for column, default in _columns_added(upgraded, table, set(held.columns)):
            count = upgraded.connection.execute(_count_of_others(table, column, default)).fetchone()
            wrong += [(table, column, default, count)] if count != (0,) else []
    assert wrong == []


def test_the_schema_is_the_one_that_the_code_knows(upgraded: Upgraded) -> None:
    engine = make_engine(upgraded.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_no_constraint_is_unproved_and_no_index_half_built(upgraded: Upgraded) -> None:
    found = upgraded.connection.execute(
        """SELECT conname::text FROM pg_constraint WHERE NOT convalidated
        UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid OR NOT indisready"""
    ).fetchall()
    assert found == []


def test_the_code_that_is_here_reads_every_row(upgraded: Upgraded) -> None:
    engine = make_engine(upgraded.url)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            connection.execute(select(table)).all()
    with PostgresStore(engine).begin() as tx:
        _read(tx, upgraded.connection)
    engine.dispose()


def _read(tx: Transaction, connection: psycopg.Connection[Any]) -> None:
    """Through the repositories, by the ids that are in the rows: each makes values of the domain of them."""
    for e_id, tenant_id in connection.execute("SELECT e_id, tenant_id FROM email_configuration"):
        assert tx.configurations.get(e_id, tenant_id=tenant_id) is not None
        tx.configurations.history(e_id)
        tx.checks.latest(e_id)
        tx.webhook_looks.report(e_id)
    for e_id, tenant_id in connection.execute("SELECT e_id, tenant_id FROM email_job"):
        assert tx.jobs.get(tenant_id, e_id) is not None
        tx.jobs.attempts(tenant_id, e_id)
        tx.events.for_job(tenant_id, e_id)
    for tenant_id, addresses in connection.execute(
        "SELECT tenant_id, array_agg(DISTINCT recipient) FROM email_event GROUP BY tenant_id"
    ):
        tx.events.about(tenant_id, [address for address in addresses if address])
    for e_id, tenant_id in connection.execute("SELECT e_id, tenant_id FROM suppression_entry"):
        assert tx.suppressions.get(tenant_id, e_id) is not None
    _read_of_operators(tx)


def _read_of_operators(tx: Transaction) -> None:
    for rest in Rest:
        tx.dead_letters.find(DeadLetterFilter(rest=rest), limit=10_000)
    for replay in tx.replays.newest(before=None, limit=10_000):
        tx.replays.results(replay.e_id, after=None, limit=10_000)
    tx.findings.find(states=list(FindingState), limit=10_000)
    tx.gaps.latest(10_000)
    tx.rounds.reports()
    tx.key_uses.all()
    tx.views.deeds(before=None, limit=10_000)


def _columns_added(upgraded: Upgraded, table: str, known: set[str]) -> list[tuple[str, str | None]]:
    found = upgraded.connection.execute(
        "SELECT column_name, column_default FROM information_schema.columns WHERE table_name = %s", [table]
    )
    return [(name, default) for name, default in found if name not in known]


def _count_of_others(table: str, column: str, default: str | None) -> sql.Composed:
    """Rows whose `column` is not as the default makes it; of a moment it is enough that it has been."""
    moment = default == "now()"
    other = (
        "{column} IS NULL OR {column} > now()"
        if moment
        else "{column} IS DISTINCT FROM " + (default or "NULL")
    )
    return sql.SQL("SELECT count(*) FROM {table} WHERE " + other).format(
        table=sql.Identifier(table), column=sql.Identifier(column)
    )
