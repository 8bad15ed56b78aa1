"""The rows, read as they are, and refused where it suits the story."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from tests.acceptance.canary import allowed
from tests.acceptance.canary.search import Haystack

_TABLES = """
SELECT table_schema, table_name, array_agg(column_name::text ORDER BY ordinal_position)
  FROM information_schema.columns
 WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
 GROUP BY 1, 2 ORDER BY 1, 2
"""
# What somebody who may look at the server sees of sessions at work.
_SESSIONS = "SELECT coalesce(application_name, '') || ' ' || coalesce(query, '') FROM pg_stat_activity"


class Database:
    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(question.encode(), values).fetchall()

    def run(self, statement: str, *values: Any) -> None:
        with self._connected() as connection:
            connection.execute(statement.encode(), values)

    @contextmanager
    def refusing(self, table: str, condition: str) -> Iterator[None]:
        """Rows of which `condition` is not true cannot be written, as after a release that forgot something."""
        self.run(f"ALTER TABLE {table} ADD CONSTRAINT rehearsal CHECK ({condition}) NOT VALID")
        try:
            yield
        finally:
            self.run(f"ALTER TABLE {table} DROP CONSTRAINT rehearsal")

    @contextmanager
    def lacking(self, table: str) -> Iterator[None]:
        """As before a migration that was forgotten."""
        self.run(f"ALTER TABLE {table} RENAME TO rehearsal")
        try:
            yield
        finally:
            self.run(f"ALTER TABLE rehearsal RENAME TO {table}")

    def haystacks(self) -> Iterator[Haystack]:
        """Every column of every table, as text, and what sessions say they do."""
        for schema, table, columns in self.ask(_TABLES):
            yield from self._columns(schema, table, columns)
        yield Haystack("sessions", "\n".join(text for (text,) in self.ask(_SESSIONS)).encode())

    def _columns(self, schema: str, table: str, columns: list[str]) -> Iterator[Haystack]:
        fields = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
        question = sql.SQL("SELECT {} FROM {}").format(fields, sql.Identifier(schema, table))
        with self._connected() as connection:
            rows = connection.execute(question).fetchall()
        for column, values in zip(columns, zip(*rows, strict=True), strict=False):
            text = "\n".join(value for value in values if value is not None)
            place = f"{table}.{column}"
            yield Haystack(place, text.encode(), allowed.COLUMNS.get(place, frozenset()))

    def _connected(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self._url, autocommit=True, connect_timeout=10)
