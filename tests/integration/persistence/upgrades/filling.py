"""Rows of every kind that a schema admits, found by asking it: each value of an enumeration, NULL and not NULL.

Columns, checks and keys are read from the catalogue. A row is made by chance and offered; a check that refuses it has
its columns thrown again, until the row is taken.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from shared.domain.drift import Assertion
from shared.domain.retention import Kind
from shared.persistence.ids import new_id

Row = dict[str, Any]
Made = Callable[[Row], Any]
# A pin: a value that a row has to have, or just that it has one.
GIVEN = object()

THROWS_MAX = 100
# Times of these are to come, so that nobody finds the rows due or their leases run out.
_TO_COME = ("due_at", "until", "until_at", "begins_at")
# What more than the schema says of a value.
PARTICULAR: dict[tuple[str, str], Made] = {
    ("drift_assertion", "e_id"): lambda row: Assertion(row["assertion"]).e_id,
    ("retention", "e_id"): lambda row: Kind(row["kind"]).e_id,
    ("email_job_content", "attachments"): lambda _row: Jsonb([]),
    # While one is open, nobody sends.
    ("recovery", "ended_at"): lambda _row: datetime.now(UTC),
    ("recovery", "ended_by"): lambda _row: "olga",
}
# Tables that hold so few rows that not every kind fits in at once.
FEW = {"provider_account", "drift_assertion", "retention"}


@dataclass
class Column:
    name: str
    type: str
    nullable: bool
    enumeration: list[str]
    parent: tuple[str, str] | None


@dataclass
class Table:
    name: str
    columns: dict[str, Column]
    # Constraint to the columns that it speaks of.
    constraints: Mapping[str, list[str]]
    rows: list[Row] = field(default_factory=list)

    def pins(self) -> Iterator[tuple[str, Any]]:
        for column in self.columns.values():
            yield from ((column.name, value) for value in column.enumeration)
            if column.type == "boolean":
                yield from ((column.name, value) for value in (True, False))
            if column.nullable:
                yield from ((column.name, value) for value in (None, GIVEN))


class Filler:
    def __init__(
        self, connection: psycopg.Connection[Any], particular: Mapping[tuple[str, str], Made]
    ) -> None:
        self._connection = connection
        self._particular = {**PARTICULAR, **particular}
        self._chance = Random(7)
        self.tables = {table.name: table for table in tables_of(connection)}
        # What no row could be found for.
        self.missing: list[tuple[str, str, Any]] = []

    def fill(self) -> None:
        for table in in_order(self.tables):
            if not self._row(table, {}):
                self.missing.append((table.name, "", None))
            for column, value in table.pins():
                if not self._is_shown(table, column, value) and not self._row(table, {column: value}):
                    self.missing.append((table.name, column, value))

    def _is_shown(self, table: Table, column: str, value: Any) -> bool:
        """By a row, or never, as what is particular has it otherwise."""
        return (table.name, column) in self._particular or any(
            _shows(row[column], value) for row in table.rows
        )

    def _row(self, table: Table, pinned: Row) -> bool:
        row = {name: self._value(table, column, pinned) for name, column in table.columns.items()}
        for _ in range(THROWS_MAX):
            for name in table.columns:
                if (made := self._particular.get((table.name, name))) is not None:
                    row[name] = made(row)
            refused = self._refusal(table, row)
            if refused is None:
                table.rows.append(row)
                return True
            for name in table.constraints.get(refused, list(table.columns)):
                row[name] = self._value(table, table.columns[name], pinned)
        return False

    def _refusal(self, table: Table, row: Row) -> str | None:
        """The constraint that will not have it."""
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table.name), names, sql.SQL(", ").join(map(sql.Placeholder, row))
        )
        try:
            self._connection.execute(insert, row)
        except (errors.CheckViolation, errors.UniqueViolation) as refused:
            return str(refused.diag.constraint_name)
        return None

    def _value(self, table: Table, column: Column, pinned: Row) -> Any:
        present = GIVEN if not column.nullable else self._chance.choice([None, GIVEN])
        wanted = pinned.get(column.name, present)
        if wanted is not GIVEN:
            return wanted
        if column.parent is not None:
            parent, key = column.parent
            return self._chance.choice(self.tables[parent].rows)[key]
        if column.enumeration:
            return self._chance.choice(column.enumeration)
        return self._of_type(column)

    def _of_type(self, column: Column) -> Any:
        number = self._chance.randint(1, 3)
        to_come = column.name.endswith(_TO_COME)
        moment = timedelta(hours=self._chance.randint(1, 100_000))
        made: dict[str, Callable[[], Any]] = {
            "uuid": new_id,
            "text": lambda: f"{column.name} {self._chance.getrandbits(48):x}",
            "boolean": lambda: self._chance.choice([True, False]),
            "smallint": lambda: number,
            "integer": lambda: number,
            "bigint": lambda: number + 5_000_000_000,
            "double precision": lambda: number + 0.5,
            "timestamp with time zone": lambda: datetime.now(UTC) + (moment if to_come else -moment),
            "bytea": lambda: self._chance.randbytes(32),
            "jsonb": lambda: Jsonb({}),
            "text[]": lambda: ["Bounce"],
        }
        return made[column.type]()


def _shows(value: Any, wanted: Any) -> bool:
    return value is not None if wanted is GIVEN else value == wanted


def in_order(tables: Mapping[str, Table]) -> Iterator[Table]:
    """Parents first."""
    left = dict(tables)
    while left:
        ready = [
            table
            for table in left.values()
            if not any(column.parent and column.parent[0] in left for column in table.columns.values())
        ]
        yield from ready
        left = {name: table for name, table in left.items() if table not in ready}


def tables_of(connection: psycopg.Connection[Any]) -> list[Table]:
    columns: dict[str, dict[str, Column]] = {}
    for table, name, kind, nullable, enumeration, parent, key in connection.execute(_COLUMNS):
        values = [part.split("'")[1] for part in (enumeration or "").split(",") if "'" in part]
        columns.setdefault(table, {})[name] = Column(
            name, kind, nullable, values, (parent, key) if parent else None
        )
    constraints: dict[str, dict[str, list[str]]] = {}
    for table, name, about in connection.execute(_CONSTRAINTS):
        constraints.setdefault(table, {})[name] = about
    return [Table(name, held, constraints.get(name, {})) for name, held in columns.items()]


_COLUMNS = r"""
SELECT t.relname, a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull,
    (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.conrelid = t.oid AND c.contype = 'c'
        AND c.conkey = ARRAY[a.attnum] AND pg_get_constraintdef(c.oid) ~ '^CHECK \(\(\w+ = ANY \(ARRAY\[''' LIMIT 1),
    (SELECT f.confrelid::regclass::text FROM pg_constraint f WHERE f.conrelid = t.oid AND f.contype = 'f'
        AND f.conkey = ARRAY[a.attnum]),
    (SELECT k.attname FROM pg_constraint f JOIN pg_attribute k ON k.attrelid = f.confrelid AND k.attnum = f.confkey[1]
        WHERE f.conrelid = t.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum])
FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND t.relname <> 'alembic_version'
ORDER BY t.relname, a.attnum
"""
# Only of checks: what refuses a double is thrown again whole.
_CONSTRAINTS = """
SELECT c.conrelid::regclass::text, c.conname,
    (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey))
FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype = 'c' AND c.conkey IS NOT NULL
"""
