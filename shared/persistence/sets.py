"""Statements with parameters of ours, many rows at a time.

Columns travel as arrays, so that a statement's text never depends on the number of its rows. A parameter's name gets a
prefix, here and when it is given its value: a plain name that is a column's too would be taken as a value to SET.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Interval,
    TableValuedAlias,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

Kind = TypeEngine[Any] | type[TypeEngine[Any]]
Given = Mapping[str, object]

_PREFIX = "given_"
_NOTHING: Given = {}


def parameter(name: str, kind: Kind = Uuid) -> ColumnElement[Any]:
    return bindparam(_PREFIX + name, type_=kind)


def given_rows(**columns: Kind) -> TableValuedAlias:
    """A table `given` made of array parameters, one named after each column."""
    arrays = [parameter(name, ARRAY(kind)) for name, kind in columns.items()]
    named = [column(name, kind) for name, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*named).render_derived(name="given")


def as_arrays(names: Iterable[str], rows: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """The parameters of `given_rows`."""
    held = list(rows)
    return {name: [row[name] for row in held] for name in names}


def any_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column` is one of the array parameter `name`."""
    return column == func.any(parameter(name, ARRAY(column.type)))


def after(name: str) -> ColumnElement[datetime]:
    """The parameter `name`, a timedelta, from this moment of the database's clock."""
    # Not now(): that is when the transaction began, and waiting for a lock must not eat a lease up.
    return func.clock_timestamp() + parameter(name, Interval)


def constant(value: StrEnum) -> ColumnElement[str]:
    """Spelled out in the statement: with a parameter, a plan for any value could not use a partial index."""
    return literal_column(f"'{value}'", Text)


def named(given: Given) -> dict[str, object]:
    """As the statement knows them."""
    return {_PREFIX + name: value for name, value in given.items()}


def run(connection: Connection, statement: Executable, given: Given = _NOTHING) -> CursorResult[Any]:
    return connection.execute(statement, named(given))


def rows_of(connection: Connection, statement: Executable, given: Given = _NOTHING) -> list[dict[str, Any]]:
    result = run(connection, statement, given)
    # Not `_asdict`, which looks up each column of each row by its name: of a batch that is a tenth of what it costs.
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def first_of(connection: Connection, statement: Executable, given: Given = _NOTHING) -> dict[str, Any] | None:
    row = run(connection, statement, given).first()
    return None if row is None else row._asdict()


def ids_of(connection: Connection, statement: Executable, given: Given = _NOTHING) -> list[UUID]:
    return list(run(connection, statement, given).scalars())
