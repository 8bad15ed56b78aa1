"""Databases of growing size on one server, and what is asked of each in turn."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.speed.filled import configuration, fill, tenant
from bench.speed.of_large import BATCH, Draining, offered
from bench.speed.stage import Stage, stage_in
from shared.persistence import PostgresStore, make_engine
from shared.persistence.arrivals import PostgresArrivals
from shared.ports.store import Transaction

# What is taken for one value of a round.
ACCEPTS, DRAINED, SWEEPS = 300, 20 * BATCH, 5
# Of the scheduler: configurations that one look rings for at the most.
LIMIT = 500
ACCEPT, DRAIN = "accept", "claim and record"

Tell = Callable[[str], None]
Sweep = Callable[[Transaction], object]

SWEPT: dict[str, Sweep] = {
    "due jobs": lambda tx: tx.jobs.configurations_with_due_jobs(LIMIT),
    "due events": lambda tx: tx.events.configurations_with_due_events(LIMIT),
    "due doubts": lambda tx: tx.jobs.configurations_with_due_doubts(LIMIT),
    "oldest waits": lambda tx: tx.waits.oldest(),
    "what stands": lambda tx: tx.waits.standing(),
    "states": lambda tx: tx.configurations.count_by_state(),
}


@dataclass(frozen=True)
class Size:
    jobs: int
    tenants: int


@dataclass(frozen=True)
class Measured:
    """Of `rounds`: microseconds a job, or milliseconds a sweep."""

    size: Size
    what: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def value(self) -> float:
        return median(self.rounds)


class Point:
    """One database, each tenant of which has a job and an event waiting."""

    def __init__(self, stage: Stage, size: Size) -> None:
        self.size = size
        self._engine = make_engine(stage.database_url)
        self._store, self._arrivals = PostgresStore(self._engine), PostgresArrivals(self._engine)
        self._drain = Draining(stage, size.tenants)

    def look(self) -> dict[tuple[str, str], float]:
        """By what and its unit."""
        found = {(ACCEPT, "µs a job"): self._accept(), (DRAIN, "µs a job"): self._claim_and_record()}
        return found | {(name, "ms"): self._sweep(sweep) for name, sweep in SWEPT.items()}

    def _accept(self) -> float:
        return median(self._accept_one() for _ in range(ACCEPTS)) * 1e6

    def _accept_one(self) -> float:
        number = random.randrange(self.size.tenants)
        job = offered(configuration(number))
        begun = time.perf_counter()
        accepted_at = self._arrivals.job(tenant(number), job)
        seconds = time.perf_counter() - begun
        assert accepted_at, "this tenant may send, and nobody has this key"
        return seconds

    def _claim_and_record(self) -> float:
        return 1e6 / self._drain.drained(DRAINED)

    def _sweep(self, sweep: Sweep) -> float:
        return median(self._sweep_once(sweep) for _ in range(SWEEPS)) * 1e3

    def _sweep_once(self, sweep: Sweep) -> float:
        with self._store.begin() as tx:
            begun = time.perf_counter()
            sweep(tx)
            return time.perf_counter() - begun

    def close(self) -> None:
        self._drain.close()
        self._engine.dispose()


@contextmanager
def points(folder: Path, sizes: Sequence[Size], tell: Tell) -> Iterator[list[Point]]:
    """All at once, so that they can take turns."""
    with stage_in(folder) as first, ExitStack() as until_the_end:
        made = []
        for number, size in enumerate(sizes):
            stage = first if number == 0 else until_the_end.enter_context(first.another())
            tell(f"filling in {size.jobs:,} jobs of {size.tenants:,} tenants")
            fill(stage.database_url, jobs=size.jobs, tenants=size.tenants)
            made.append(point := Point(stage, size))
            until_the_end.callback(point.close)
        yield made


def measure(made: Sequence[Point], rounds: int, tell: Tell) -> list[Measured]:
    """Each first in every other round, as `take_turns` has it; what comes before the first round is not counted."""
    found: dict[tuple[Size, str, str], list[float]] = {}
    for number in range(rounds + 1):
        for point in made if number % 2 == 0 else reversed(made):
            tell(f"round {number} of {rounds}: {point.size.jobs:,} jobs, {point.size.tenants:,} tenants")
            looked = point.look()
            for (what, unit), value in looked.items() if number else ():
                found.setdefault((point.size, what, unit), []).append(round(value, 3))
    ordered = sorted(found.items(), key=lambda each: (each[0][0].tenants, each[0][0].jobs))
    return [Measured(*key, tuple(values)) for key, values in ordered]
