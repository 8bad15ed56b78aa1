"""Records a day of work of the code that is here, as the file of the newest revision that it knows.

    python -m tests.integration.persistence.upgrades.record

Run it where the code is still without the next revision: docs/migrations.md. A file that is there is left alone.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, event

from sandbox.postgres import running
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate
from tests.integration.persistence.upgrades import side_work, working_day
from tests.integration.persistence.upgrades.day import Day
from tests.integration.persistence.upgrades.history import REVISIONS, file_of
from tests.integration.persistence.upgrades.transcript import (
    Statement,
    Transaction,
    Transcript,
    dumped,
    encoded,
    named,
    with_names,
)

STEPS = (*working_day.STEPS, *side_work.STEPS, *side_work.SHARED)


def main() -> int:
    file = file_of(REVISIONS[-1])
    if file.exists():
        sys.exit(f"{file} is there already")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "state") as server:
        url = server.create_database("recorded")
        migrate(url)
        file.write_text(dumped(recorded(url)), encoding="utf-8")
    return 0


def recorded(url: str) -> Transcript:
    """A day of work of the present code, done in the database of `url`, which is at the newest revision."""
    engine = make_engine(url)
    try:
        store = PostgresStore(engine)
        store.ping()
        day = Day()
        transactions = [_step(store, engine, day, deed) for deed in STEPS]
        names = named(each.parameters for one in transactions for each in one.statements)
        for one in transactions:
            one.statements = [
                Statement(each.text, with_names(each.parameters, names), each.rows) for each in one.statements
            ]
        return Transcript(transactions, left_by(url, names))
    finally:
        engine.dispose()


def _step(store: PostgresStore, engine: Engine, day: Day, deed: working_day.Deed) -> Transaction:
    found = Transaction(deed.__name__.replace("_", " "))
    with _caught(engine, found, shared=deed in side_work.SHARED), store.begin() as tx:
        deed(day, tx)
    return found


@contextmanager
def _caught(engine: Engine, found: Transaction, *, shared: bool) -> Iterator[None]:
    def catch(
        _connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        assert not many, "statements take arrays: see shared/persistence/sets.py"
        now = datetime.now(UTC)
        text = json.dumps(encoded(dict(parameters), now), ensure_ascii=False)
        found.statements.append(Statement(statement, text, None if shared else cursor.rowcount))

    event.listen(engine, "after_cursor_execute", catch)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", catch)


def left_by(url: str, ids: Any) -> dict[str, int]:
    """Table to the number of its rows in which one of these ids stands, tables without any left out."""
    with psycopg.connect(url) as connection:
        counts = {
            table: _rows_with(connection, table, columns, list(ids)) for table, columns in _tables(connection)
        }
    return {table: count for table, count in counts.items() if count}


def _tables(connection: psycopg.Connection[Any]) -> list[tuple[str, list[str]]]:
    """Tables with the columns that hold ids; without those that everybody writes."""
    found = connection.execute(
        """SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'uuid' GROUP BY table_name ORDER BY table_name"""
    ).fetchall()
    return [(table, columns) for table, columns in found if table not in side_work.SHARED_TABLES]


def _rows_with(connection: psycopg.Connection[Any], table: str, columns: list[str], ids: list[str]) -> int:
    any_column = sql.SQL(" OR ").join(
        sql.SQL("{}::text = ANY(%(ids)s)").format(sql.Identifier(column)) for column in columns
    )
    query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(table), any_column)
    row = connection.execute(query, {"ids": ids}).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())
