"""Rows as they are, whatever the code that is here knows of them."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

# Table to its rows, each as JSON by the names of its columns.
Rows = Mapping[str, list[dict[str, Any]]]


def every_row(connection: psycopg.Connection[Any], tables: list[str]) -> Rows:
    return {table: _rows(connection, table) for table in tables}


def _rows(connection: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    query = sql.SQL("SELECT to_jsonb(held) FROM {} AS held").format(sql.Identifier(table))
    return [row for (row,) in connection.execute(query)]


def lost(before: Rows, after: Rows) -> Rows:
    """Rows of before that are not there any more as they were, by the columns that they had then."""
    return {table: missing for table in before if (missing := _lost(before[table], after[table]))}


def _lost(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    columns = before[0].keys() if before else ()
    held = {_text({name: row[name] for name in columns}) for row in after}
    return [row for row in before if _text(row) not in held]


def _text(row: dict[str, Any]) -> str:
    return repr(sorted(row.items()))
