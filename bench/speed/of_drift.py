"""What drift checks cost over configurations that are in order: calls and memory.

Real processes on the sandbox of the fault matrix: the pool checks rows against the simulator's servers and the
stand-in's zone, at the paces of the defaults.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import psutil

from bench.faults import world as worlds
from bench.faults.emailctl import Emailctl
from bench.faults.of_drift import ROLE
from bench.faults.of_encryption import KeyFile
from bench.faults.plan import plan_of
from bench.faults.provider import Provider
from bench.faults.seeded import Seed, delete_rows, insert_rows, records_made, seeds, servers_made
from bench.faults.world import World
from bench.speed.figures import Figure, Target, alone, compared
from bench.speed.registry import Size, Tell, bench
from bench.speed.stage import Stage
from shared.domain.drift import Assertion

# Whoever is asked, whoever rings, and the pool.
ROLES = ("web", ROLE, "scheduler-1")
PLAN = plan_of(ROLES)
ROUND_SECONDS = 600.0
MEBIBYTE = 1024 * 1024
# Memory beside so many times fewer tenants. If a tenth of it grew with them, this would be 1.9.
FEWER = 10
FLAT = 2.0
_FINISHED = (
    "SELECT verdict, calls, seconds FROM drift_assertion"
    " WHERE assertion = %s AND lease_token IS NULL AND due_at IS NULL AND verdict IS NOT NULL"
)


@dataclass(frozen=True)
class Round:
    """Of every assertion one check of all configurations, by a pool that has just started."""

    calls: int
    memory_mib: float


@bench(
    "drift",
    "a round of drift checks over 10,000 tenants: calls, and memory beside a tenth of the tenants",
    long=Size(work=10_000),
    short=Size(work=1_000, rounds=2),
)
def drift(stage: Stage, size: Size, tell: Tell) -> Iterable[Figure]:
    """`work`: tenants."""
    tell("starting the sandbox")
    with worlds.running(
        stage.folder / "world", lambda _: None, plan=f"{__name__}:PLAN", roles=ROLES
    ) as world:
        few = list(_rounds(world, size.work // FEWER, size.rounds, tell))
        many = list(_rounds(world, size.work, size.rounds, tell))
    yield alone(
        "drift-calls",
        [float(one.calls) for one in many],
        unit="calls",
        target=Target(110, of="value", at_most=True),
    )
    yield compared(
        "drift-memory",
        [one.memory_mib for one in many],
        unit="MiB grown",
        reference=f"with {size.work // FEWER:,} tenants",
        others=[one.memory_mib for one in few],
        target=Target(FLAT, at_most=True),
    )


def _rounds(world: World, tenants: int, rounds: int, tell: Tell) -> Iterator[Round]:
    emailctl = Emailctl(world.processes)
    with _in_order(world, tenants, tell):
        for _ in range(rounds):
            world.processes.kill(ROLE)
            world.processes.wait_ready(ROLE)
            with Memory(world.processes.family(ROLE)) as memory:
                calls = sum(_checked(world, emailctl, assertion, tell) for assertion in Assertion)
            yield Round(calls, memory.grown_mib)


@contextmanager
def _in_order(world: World, tenants: int, tell: Tell) -> Iterator[None]:
    """So many configurations, each with its server and its records, while it lasts."""
    provider = Provider(world.places)
    zone = world.processes.environment("web")["EMAIL_MAIL_ZONE_NAME"]
    token = f"a1.k{KeyFile(world.processes.folder).current}:AAAA"
    made = seeds(tenants, zone)
    with ExitStack() as until_the_end:
        names = [one.server_name for one in made]
        ids = until_the_end.enter_context(servers_made(provider, names, _seldom(tell)))
        rows: Sequence[Seed] = [replace(one, server_id=ids[one.server_name], token=token) for one in made]
        until_the_end.callback(world.simulator.set, server_deletion_allowed=True)
        insert_rows(world.database, rows)
        until_the_end.callback(delete_rows, world.database, rows)
        records = [record for one in rows for record in one.records]
        until_the_end.enter_context(records_made(provider, records))
        yield


def _seldom(tell: Tell) -> Callable[[str], None]:
    return lambda told: tell(told) if told.partition(" of ")[0].endswith("000") else None


def _checked(world: World, emailctl: Emailctl, assertion: Assertion, tell: Tell) -> int:
    """The calls that it took."""
    emailctl.run("drift", "run", assertion.value)
    deadline = time.monotonic() + ROUND_SECONDS
    while time.monotonic() < deadline:
        if found := world.database.ask(_FINISHED, assertion.value):
            verdict, calls, seconds = found[0]
            tell(f"{assertion.value}: {verdict}, {calls} calls, {seconds:.1f} s")
            return int(calls)
        time.sleep(0.2)
    raise TimeoutError(f"{assertion} did not end")


class Memory:
    """The most that these processes held together, above what they held before; looked at twenty times a second."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._before = self._peak = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def grown_mib(self) -> float:
        return round((self._peak - self._before) / MEBIBYTE, 1)

    def _now(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._peak = max(self._peak, self._now())
