"""Statements that run so often that what SQLAlchemy does around each of them costs as much as the statement itself.

It compiles them, once; the driver runs them, on a connection of the engine's pool, without a transaction around them:
each is one by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import psycopg
from sqlalchemy import Engine, Select
from sqlalchemy.engine.interfaces import DBAPIConnection

from shared.persistence.faults import in_our_words
from shared.persistence.sets import Given, named
from shared.ports.store import alone

Row = tuple[Any, ...]


class DirectStatement:
    """Made of a statement with the parameters of `sets`; compiled when it is first run."""

    def __init__(self, engine: Engine, statement: Select[Any]) -> None:
        self._engine = engine
        self._statement = statement

    def rows(self, given: Given) -> list[Row]:
        """Raises `StoreUnavailable` and `DatabaseFault`, as any statement; `RuntimeError` within a transaction."""
        values = {name: self._bound(name, value) for name, value in named(given).items()}
        with alone(), in_our_words(), _borrowed(self._engine) as connection:
            return connection.execute(self._text, values).fetchall()

    def _bound(self, name: str, value: object) -> object:
        process = self._processors.get(name)
        return value if process is None else process(value)

    @cached_property
    def _compiled(self) -> Any:
        return self._statement.compile(dialect=self._engine.dialect)

    @cached_property
    def _text(self) -> bytes:
        return str(self._compiled).encode()

    @cached_property
    def _processors(self) -> Mapping[str, Callable[[Any], Any]]:
        dialect = self._engine.dialect
        found = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in self._compiled.binds.items()
        }
        return {name: process for name, process in found.items() if process is not None}


@contextmanager
def _borrowed(engine: Engine) -> Iterator["psycopg.Connection[Row]"]:
    pooled = engine.raw_connection()
    connection = _driver_connection(pooled.driver_connection)
    try:
        connection.autocommit = True
        yield connection
    except BaseException as error:
        # A statement that was refused leaves a good connection behind; whatever else it was, nobody knows.
        if connection.closed or not isinstance(error, psycopg.Error):
            pooled.invalidate(error)
        raise
    finally:
        if pooled.is_valid:
            connection.autocommit = False
        pooled.close()


def _driver_connection(connection: DBAPIConnection | None) -> "psycopg.Connection[Row]":
    assert isinstance(connection, psycopg.Connection), "the engine's driver is psycopg"
    return connection
