"""Tables as full as those of a busy partition, in minutes: rows first, then every index and constraint anew.

The rows are ordinary ones and are vacuumed: nothing of how they came is left for what is measured afterwards.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

CONNECTIONS = 2
# What holds a row for each job, or for a share of them.
_LARGE = ["email_job", "send_attempt", "email_job_content", "email_event"]
_MEMORY = "SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'; SET synchronous_commit = off"
# p and u before f when they are made, after it when they are dropped: foreign keys need them.
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype IN ('p', 'u', 'f') AND (conrelid = ANY(%(large)s::regclass[]) OR confrelid = ANY(%(large)s::regclass[]))
ORDER BY contype = 'f', contype
"""
_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%(large)s) AND indexname NOT IN (SELECT conname FROM pg_constraint) ORDER BY indexname
"""


def tenant(number: int) -> UUID:
    return UUID(int=(1 << 96) + number)


def configuration(number: int) -> UUID:
    """The only one of that tenant; it may send."""
    return UUID(int=(2 << 96) + number)


def fill(url: str, *, jobs: int, tenants: int) -> None:
    """Into a database with our schema and no rows. With no jobs, tenants only; else as many jobs at least."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    given = {"jobs": jobs, "tenants": min(tenants, jobs) if jobs else tenants, "now": datetime.now(UTC)}
    view, *inserts = script.format(**given).split(";\n\n")
    wanted = inserts if jobs else [one for one in inserts if "INTO email_configuration" in one]
    _run(url, view)
    with _unindexed(url):
        _run_beside(url, wanted)
    _run(url, "DROP VIEW made")
    _run_beside(url, [f"VACUUM ANALYZE {table}" for table in _LARGE])
    _run(url, "VACUUM ANALYZE")


@contextmanager
def _unindexed(url: str) -> Iterator[None]:
    """Meanwhile the large tables have neither indexes nor keys: one sort each instead of millions of descents."""
    with psycopg.connect(url) as connection:
        constraints = connection.execute(_CONSTRAINTS, {"large": _LARGE}).fetchall()
        indexes = connection.execute(_INDEXES, {"large": _LARGE}).fetchall()
        for table, name, *_ in reversed(constraints):
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
    yield
    keys = {table: [one for one in constraints if one[0] == table and one[2] != "f"] for table in _LARGE}
    _run_beside(url, [_added(each) for each in keys.values()])
    _run_beside(url, [definition for _, definition in indexes])
    _run(url, _added([one for one in constraints if one[2] == "f"]))


def _added(constraints: Iterable[tuple[str, ...]]) -> str:
    return "; ".join(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        for table, name, _, definition in constraints
    )


def _run_beside(url: str, scripts: Iterable[str]) -> None:
    """In this order, two at a time."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(lambda script: _run(url, script), scripts))


def _run(url: str, script: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_MEMORY)
        connection.execute(script)
