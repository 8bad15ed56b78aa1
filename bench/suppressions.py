"""What the gate's question costs: whether an address is suppressed, with five million entries in the list.

    python -m bench.suppressions [--entries N] [--tenants N] [--calls N]

Asks the repository itself, inside a transaction as the gate does, for addresses of tenants drawn at random, half of
them suppressed. Times are the caller's: the round trip and the reading of the rows included; `SELECT 1` on the same
connection, taking turns with the questions, says how much of that is the round trip's. A table, and as JSON
`.state/suppressions.json`. Ends with 1 when the median for one address is a millisecond or more.
EMAIL_DATABASE_URL names a server to use instead of an own one.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from uuid import UUID, uuid4

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from sandbox.postgres import running
from shared.persistence import PostgresStore, make_engine
from shared.persistence.migrations import migrate

REPORT = Path(".state/suppressions.json")
TARGET_MS = 1.0
WARM_UP = 200
ONE, MANY, ROUND_TRIP = "1 address", "500 addresses", "SELECT 1"

# Ids in the order of creation, as version 7 has them, and tenants mixed, as in life. One entry in ten is lifted.
FILL = """
INSERT INTO suppression_entry (
    e_id, tenant_id, address, reason, active, since, lifted_at, author, created_at, updated_at
)
SELECT
    lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n % {tenants}), 32, '0')::uuid,
    'person' || k || '@mail' || k % 997 || '.example.com', 'HARD_BOUNCE', k % 10 <> 7, now(),
    CASE WHEN k % 10 = 7 THEN now() END, 'provider', now(), now()
FROM (SELECT n, n / {tenants} AS k FROM generate_series(0, {entries} - 1) n) numbered
"""
SECONDARY = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'suppression_entry' AND indexname NOT LIKE 'pk%'
"""


@dataclass(frozen=True)
class Filled:
    """How the list was filled: a question is what is asked of it."""

    entries: int
    tenants: int

    def question(self, dice: random.Random, size: int) -> tuple[UUID, list[str]]:
        """Of one tenant; half of the addresses are not in its list."""
        numbers = [dice.randrange(self.entries // self.tenants * 2) for _ in range(size)]
        return UUID(int=dice.randrange(self.tenants)), [
            f"person{number}@mail{number % 997}.example.com" for number in numbers
        ]


@dataclass(frozen=True)
class Line:
    """Milliseconds; `found`: addresses that were suppressed, a call."""

    question: str
    calls: int
    median: float
    p99: float
    worst: float
    found: float


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=5_000_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--calls", type=int, default=2_000)
    given = parser.parse_args()
    filled = Filled(given.entries, given.tenants)
    with engine_on(filled) as engine:
        lines = measure(engine, filled, given.calls)
        megabytes = size_of_list(engine)
    show(filled, lines, megabytes)
    return 0 if next(line for line in lines if line.question == ONE).median < TARGET_MS else 1


@contextmanager
def engine_on(filled: Filled) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "state") as server:
        name = f"suppressions_{uuid4().hex}"
        url = server.create_database(name)
        try:
            migrate(url)
            fill(url, filled)
            engine = make_engine(url)
            yield engine
            engine.dispose()
        finally:
            server.drop_database(name)


def fill(url: str, filled: Filled) -> None:
    """The indexes last: one sort each instead of millions of descents."""
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(SECONDARY).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute(FILL.format(**asdict(filled)).encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("VACUUM ANALYZE suppression_entry")


def measure(engine: Engine, filled: Filled, calls: int) -> list[Line]:
    """The ways take turns, so that a busy machine is as busy for each."""
    store, dice = PostgresStore(engine), random.Random(20260102)
    ways: dict[str, Callable[[], tuple[float, int]]] = {
        ONE: partial(ask, store, filled, dice, 1),
        MANY: partial(ask, store, filled, dice, 500),
        ROUND_TRIP: partial(go_and_return, engine),
    }
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for _ in range(WARM_UP + calls):
        for name, way in ways.items():
            taken[name].append(way())
    return [line_of(name, each[WARM_UP:]) for name, each in taken.items()]


def ask(store: PostgresStore, filled: Filled, dice: random.Random, size: int) -> tuple[float, int]:
    tenant_id, addresses = filled.question(dice, size)
    with store.begin() as tx:
        tx.now()  # the transaction has begun, as it has at the gate
        begun = time.perf_counter()
        found = tx.suppressions.active_among(tenant_id, addresses)
        return (time.perf_counter() - begun) * 1000, len(found)


def go_and_return(engine: Engine) -> tuple[float, int]:
    with engine.begin() as connection:
        connection.execute(_NOTHING)
        begun = time.perf_counter()
        connection.execute(_NOTHING).scalar_one()
        return (time.perf_counter() - begun) * 1000, 0


_NOTHING = text("SELECT 1")


def line_of(question: str, calls: list[tuple[float, int]]) -> Line:
    times = sorted(milliseconds for milliseconds, _ in calls)
    return Line(
        question,
        len(times),
        median=round(median(times), 3),
        p99=round(times[len(times) * 99 // 100], 3),
        worst=round(times[-1], 3),
        found=round(mean(found for _, found in calls), 2),
    )


def size_of_list(engine: Engine) -> dict[str, int]:
    """Megabytes of the table and of the index that answers."""
    sizes = {"table": "suppression_entry", "index": "uq_suppression_entry_active"}
    with engine.connect() as connection:
        return {
            name: connection.execute(text(f"SELECT pg_relation_size('{relation}')")).scalar_one() // 2**20
            for name, relation in sizes.items()
        }


def show(filled: Filled, lines: list[Line], megabytes: dict[str, int]) -> None:
    title = f"{filled.entries:,} entries of {filled.tenants:,} tenants: table {megabytes['table']} MB, "
    table = Table(title=title + f"index {megabytes['index']} MB")
    for heading in ("milliseconds for", "median", "p99", "worst", "found"):
        table.add_column(heading, justify="left" if heading == "milliseconds for" else "right")
    for line in lines:
        table.add_row(
            line.question, f"{line.median:.3f}", f"{line.p99:.3f}", f"{line.worst:.3f}", f"{line.found}"
        )
    Console().print(table)
    told = {**asdict(filled), "megabytes": megabytes, "lines": [asdict(line) for line in lines]}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
