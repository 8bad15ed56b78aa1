"""What a round of drift checks costs: calls, seconds and memory, by the number of configurations.

    python -m bench.drift [1000 10000]

Real processes on the sandbox: the pool checks configurations that are in order against the simulator's servers and the
stand-in's zone, at the paces of the defaults. Memory is the most that the pool held at once, above what it
had held before. Written to `.state/drift.json`.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.faults import world as worlds
from bench.faults.emailctl import Emailctl
from bench.faults.of_drift import ROLE
from bench.faults.of_encryption import KeyFile
from bench.faults.provider import Provider
from bench.faults.seeded import Seed, delete_rows, insert_rows, records_made, seeds, servers_made
from bench.faults.world import World
from sandbox.stack.records import State
from shared.domain.dns import DnsRecord
from shared.domain.drift import Assertion

ROUND_SECONDS = 600.0
MEBIBYTE = 1024 * 1024
console = Console(highlight=False)


@dataclass(frozen=True)
class Round:
    tenants: int
    assertion: str
    verdict: str
    calls: int
    seconds: float
    memory_mib: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.drift", description=__doc__)
    parser.add_argument("tenants", nargs="*", type=int, default=[1_000, 10_000])
    sizes = parser.parse_args(arguments).tenants
    with tempfile.TemporaryDirectory(prefix="email-drift-") as folder, _running(Path(folder)) as world:
        rounds = [round for size in sizes for round in _measured(world, size)]
    path = State.from_environment().folder / "drift.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(round) for round in rounds], indent=2) + "\n")
    _show(rounds)
    console.print(f"written to {path}")


@contextmanager
def _running(folder: Path) -> Iterator[World]:
    with worlds.running(folder, lambda news: console.print(f"starting {news['step']}")) as world:
        yield world


def _measured(world: World, tenants: int) -> Iterator[Round]:
    provider, emailctl = Provider(world.places), Emailctl(world.processes)
    zone = world.processes.environment("web")["EMAIL_MAIL_ZONE_NAME"]
    token = f"a1.k{KeyFile(world.processes.folder).current}:AAAA"
    made = seeds(tenants, zone)
    with ExitStack() as until_the_end:
        names = [one.server_name for one in made]
        ids = until_the_end.enter_context(servers_made(provider, names, console.print))
        rows = [replace(one, server_id=ids[one.server_name], token=token) for one in made]
        until_the_end.callback(world.simulator.set, server_deletion_allowed=True)
        insert_rows(world.database, rows)
        until_the_end.callback(delete_rows, world.database, rows)
        until_the_end.enter_context(records_made(provider, _records(rows)))
        world.processes.kill(ROLE)
        world.processes.wait_ready(ROLE)
        for assertion in Assertion:
            yield _round(world, emailctl, assertion, tenants)


def _records(rows: Sequence[Seed]) -> list[DnsRecord]:
    return [record for one in rows for record in one.records]


def _round(world: World, emailctl: Emailctl, assertion: Assertion, tenants: int) -> Round:
    with Memory(world.processes.family(ROLE)) as memory:
        emailctl.run("drift", "run", assertion.value)
        verdict, calls, seconds = _finished(world, assertion)
    return Round(tenants, assertion.value, verdict, calls, round(seconds, 1), memory.grown_mib)


def _finished(world: World, assertion: Assertion) -> tuple[str, int, float]:
    deadline = time.monotonic() + ROUND_SECONDS
    question = (
        "SELECT verdict, calls, seconds FROM drift_assertion"
        " WHERE assertion = %s AND lease_token IS NULL AND due_at IS NULL AND verdict IS NOT NULL"
    )
    while time.monotonic() < deadline:
        if found := world.database.ask(question, assertion.value):
            return found[0]
        time.sleep(0.2)
    raise TimeoutError(f"{assertion} did not end")


class Memory:
    """Of these processes together, looked at twenty times a second."""

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


def _show(rounds: Sequence[Round]) -> None:
    table = Table("tenants", "assertion", "verdict", "calls", "seconds", "memory grown, MiB")
    for one in rounds:
        table.add_row(*map(str, asdict(one).values()))
    console.print(table)


if __name__ == "__main__":
    main()
