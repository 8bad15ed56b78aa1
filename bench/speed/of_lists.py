"""What the gate's question costs: whether addresses are suppressed, with five million entries in the list."""

import random
import time
from collections.abc import Callable, Iterable
from statistics import median
from uuid import UUID

import psycopg
from sqlalchemy import Engine, text

from bench.speed.figures import Figure, Target, compared, take_turns
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import Stage
from shared.persistence import PostgresStore, make_engine

TENANTS = 1_000
MANY = 500
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
_NOTHING = text("SELECT 1")


@bench(
    "suppression",
    "whether an address is suppressed, among 5,000,000 entries, beside the bare round trip",
    long=Size(work=2_000, rows=5_000_000),
    short=Size(work=300, rounds=3, rows=200_000),
)
def suppression(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """`work`: questions a round. Asked of the repository, inside a transaction as the gate does."""
    _fill(stage.database_url, size.rows)
    tell(f"filled with {size.rows:,} entries of {TENANTS:,} tenants")
    engine = make_engine(stage.database_url)
    asking = Asking(engine, size)
    found = take_turns(asking.ways(), 1)  # connections and statements stand
    found = take_turns(asking.ways(), size.rounds)
    engine.dispose()
    for name, aim in (("suppression", Target(1, of="value", at_most=True)), ("suppression-many", None)):
        yield compared(
            name, found[name], unit="ms", reference="SELECT 1", others=found["SELECT 1"], target=aim
        )


class Asking:
    """Medians in milliseconds, of the caller's time. Tenants are drawn at random; half of the addresses are listed."""

    def __init__(self, engine: Engine, size: Size) -> None:
        self._engine, self._store, self._size = engine, PostgresStore(engine), size
        self._dice = random.Random(20260102)

    def ways(self) -> dict[str, Callable[[], float]]:
        return {
            "suppression": lambda: self._median(lambda: self._ask(1)),
            "suppression-many": lambda: self._median(lambda: self._ask(MANY), share=10),
            "SELECT 1": lambda: self._median(self._go_and_return),
        }

    def _median(self, call: Callable[[], float], *, share: int = 1) -> float:
        return median(call() for _ in range(self._size.work // share)) * 1000

    def _ask(self, addresses: int) -> float:
        tenant_id, wanted = self._question(addresses)
        with self._store.begin() as tx:
            tx.now()  # the transaction has begun, as it has at the gate
            begun = time.perf_counter()
            tx.suppressions.active_among(tenant_id, wanted)
            return time.perf_counter() - begun

    def _question(self, addresses: int) -> tuple[UUID, list[str]]:
        of_each = self._size.rows // TENANTS
        numbers = [self._dice.randrange(of_each * 2) for _ in range(addresses)]
        wanted = [f"person{number}@mail{number % 997}.example.com" for number in numbers]
        return UUID(int=self._dice.randrange(TENANTS)), wanted

    def _go_and_return(self) -> float:
        with self._engine.begin() as connection:
            connection.execute(_NOTHING)
            begun = time.perf_counter()
            connection.execute(_NOTHING).scalar_one()
            return time.perf_counter() - begun


def _fill(url: str, entries: int) -> None:
    """The indexes last: one sort each instead of millions of descents."""
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = connection.execute(SECONDARY).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}".encode())
        connection.execute(FILL.format(entries=entries, tenants=TENANTS).encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("VACUUM ANALYZE suppression_entry")
