"""Whether old rows are better removed in batches or dropped with a partition: what each does to the work beside it.

    python -m bench.retention [--jobs N] [--windows N] [--seconds N]

Batches: tables are filled with jobs of the last 60 days (bench/retention.sql), each with its content, attempt and two
events. A process of its own removes contents and then jobs older than 30 days, by the repository, while threads of this
one accept, claim and record jobs. Windows take turns: nothing is removed, slices of 1,000 rows with the pause that is
the default, slices without a pause; so that a busy machine is as busy for each. They end when nothing is left to
remove. Then what a table of contents weighs before, after, and when as much has been written again.

Partitions (bench/partitions.py): how long dropping one takes, and what twelve of them cost those who look.
A table, and as JSON `.state/retention.json`. EMAIL_DATABASE_URL names a server to use instead of an own one.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from rich.console import Console
from rich.table import Table

from bench.bloat import weigh_cycle
from bench.partitions import measure_partitions
from sandbox.postgres import running
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.mail import MessageContent
from shared.domain.retention import Kind
from shared.persistence import PostgresStore, make_engine
from shared.persistence.ids import new_id
from shared.persistence.migrations import migrate
from shared.ports.jobs import NewJob

REPORT = Path(".state/retention.json")
KEEP_DAYS, ROWS, PAUSE_SECONDS = 30.0, 1_000, 0.1
THREADS, BATCH = 2, 50
ALONE, PAUSED, UNPAUSED = "nothing removed", "0.1 s between slices", "no pause"
MODES = {PAUSED: PAUSE_SECONDS, UNPAUSED: 0.0}
CONFIGURATION = "SELECT e_id, tenant_id FROM email_configuration ORDER BY slug LIMIT %s"


@dataclass
class Window:
    """Of the hot path: jobs that were accepted, claimed and recorded, and how long each claim took."""

    jobs_per_second: float
    claims_ms: list[float]
    seconds: float
    removed: int = 0


@dataclass
class Signals:
    """Between the process that removes and this one; `removed` counts rows."""

    began: Event
    stop: Event
    done: Event
    removed: Any


@dataclass
class Mode:
    """Medians over its windows. `share` is of the windows next to each in which nothing was removed."""

    name: str
    jobs_per_second: float
    share: float
    claim_median_ms: float
    claim_p99_ms: float
    removed_per_second: float
    windows: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2_000_000)
    parser.add_argument("--windows", type=int, default=12, help="of each mode")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a window")
    given = parser.parse_args()
    with database() as url:
        fill(url, given.jobs)
        partitions = measure_partitions(url)
        megabytes = weigh_cycle(url, ROWS)
        modes = {
            kind.value: measure(url, kind, given.windows, given.seconds)
            for kind in (Kind.CONTENTS, Kind.JOBS)
        }
    show(given.jobs, modes, megabytes, partitions)
    return 0


@contextmanager
def database() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "state") as server:
        name = f"retention_{uuid4().hex}"
        url = server.create_database(name)
        try:
            migrate(url)
            yield url
        finally:
            server.drop_database(name)


def fill(url: str, jobs: int) -> None:
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").format(jobs=jobs)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in script.split(";\n"):
            connection.execute(statement.encode())


def measure(url: str, kind: Kind, windows: int, seconds: float) -> list[Mode]:
    """A window without removal comes before each with it."""
    found: dict[str, list[Window]] = {name: [] for name in (ALONE, *MODES)}
    shares: dict[str, list[float]] = {name: [] for name in MODES}
    hot = Hot(url)
    with ThreadPoolExecutor(THREADS) as threads:
        hot.window(threads, 1.0)
        for _ in range(windows):
            for name, pause_seconds in MODES.items():
                alone = hot.window(threads, seconds)
                with removing(url, kind, pause_seconds) as signals:
                    beside = hot.window(threads, seconds)
                if signals.done.is_set():
                    return modes_of(found, shares)
                beside.removed = signals.removed.value
                found[ALONE].append(alone)
                found[name].append(beside)
                shares[name].append(beside.jobs_per_second / alone.jobs_per_second)
    return modes_of(found, shares)


def modes_of(found: dict[str, list[Window]], shares: dict[str, list[float]]) -> list[Mode]:
    return [mode_of(name, each, shares.get(name, [1.0])) for name, each in found.items() if each]


@contextmanager
def removing(url: str, kind: Kind, pause_seconds: float) -> Iterator["Signals"]:
    """A process that removes, from when it is connected until the end of the block."""
    context = multiprocessing.get_context("spawn")
    signals = Signals(context.Event(), context.Event(), context.Event(), context.Value("l", 0))
    process = context.Process(target=remove, args=(url, kind, pause_seconds, signals))
    process.start()
    assert signals.began.wait(60), "the process that removes has not begun"
    yield signals
    signals.stop.set()
    process.join()


def remove(url: str, kind: Kind, pause_seconds: float, signals: "Signals") -> None:
    store = PostgresStore(make_engine(url))
    with store.begin() as tx:
        tx.retention.ask(kind)
        pass_ = tx.retention.begin(kind, keep_days=KEEP_DAYS, lease_seconds=60)
    assert pass_ is not None, "nobody else removes"
    signals.began.set()
    done = False
    while not done and not signals.stop.is_set():
        with store.begin() as tx:
            slice_ = tx.retention.remove(pass_, rows=ROWS, lease_seconds=60)
        signals.removed.value += slice_.removed
        done = slice_.done
        pass_ = type(pass_)(pass_.kind, pass_.token, pass_.until, slice_.cursor)
        signals.stop.wait(pause_seconds)
    if done:
        signals.done.set()
    else:
        with store.begin() as tx:
            tx.retention.release(pass_)


class Hot:
    """What runs beside it: each thread has a configuration of its own."""

    def __init__(self, url: str) -> None:
        self._store = PostgresStore(make_engine(url, pool_size=THREADS))
        with psycopg.connect(url) as connection:
            self._own = connection.execute(CONFIGURATION, [THREADS]).fetchall()

    def window(self, threads: ThreadPoolExecutor, seconds: float) -> Window:
        begun = time.perf_counter()
        until = begun + seconds
        works = [threads.submit(self._work, one, tenant_id, until) for one, tenant_id in self._own]
        times = [one for work in works for one in work.result()]
        taken = time.perf_counter() - begun
        return Window(len(times) * BATCH / taken, times, taken)

    def _work(self, configuration_id: UUID, tenant_id: UUID, until: float) -> list[float]:
        times = []
        while time.perf_counter() < until:
            now = datetime.now(UTC)
            with self._store.begin() as tx:
                tx.jobs.accept([new_job(configuration_id, tenant_id, now) for _ in range(BATCH)])
            begun, claim_id = time.perf_counter(), new_id()
            with self._store.begin() as tx:
                claim = tx.jobs.claim(configuration_id, claim_id=claim_id, limit=BATCH, lease_seconds=60)
            times.append((time.perf_counter() - begun) * 1000)
            sent = [
                Settlement(one.e_id, JobStatus.SENT, provider_message_id=str(one.e_id)) for one in claim.jobs
            ]
            with self._store.begin() as tx:
                tx.jobs.record(claim_id, sent)
        return times


def new_job(configuration_id: UUID, tenant_id: UUID, now: datetime) -> NewJob:
    e_id = new_id()
    job = EmailJob(
        e_id=e_id,
        tenant_id=tenant_id,
        configuration_id=configuration_id,
        recipient=f"{e_id.hex}@example.com",
        idempotency_key=str(e_id),
        body_hash=e_id.bytes,
        author="bench",
        accepted_at=now,
        updated_at=now,
        due_at=now,
    )
    return NewJob(job, MessageContent(subject="Your order", text_body="It is on its way. " * 50))


def mode_of(name: str, windows: list[Window], shares: list[float]) -> Mode:
    claims = sorted(one for window in windows for one in window.claims_ms)
    return Mode(
        name,
        jobs_per_second=round(statistics.median(one.jobs_per_second for one in windows), 1),
        share=round(statistics.median(shares), 3),
        claim_median_ms=round(statistics.median(claims), 2),
        claim_p99_ms=round(claims[len(claims) * 99 // 100], 2),
        removed_per_second=round(statistics.median(one.removed / one.seconds for one in windows), 1),
        windows=len(windows),
    )


def show(
    jobs: int, modes: dict[str, list[Mode]], megabytes: dict[str, int], partitions: dict[str, Any]
) -> None:
    console = Console()
    for kind, each in modes.items():
        table = Table(title=f"removing {kind}, of {jobs:,} jobs")
        for heading in ("", "jobs/s", "share", "claim ms", "p99", "removed/s", "windows"):
            table.add_column(heading, justify="right" if heading else "left")
        for one in each:
            table.add_row(*map(str, asdict(one).values()))
        console.print(table)
    table = Table("megabytes of contents", "")
    for state, weight in megabytes.items():
        table.add_row(state, str(weight))
    console.print(table)
    table = Table("partitions", "")
    for name, value in partitions.items():
        table.add_row(name, str(value))
    console.print(table)
    told = {
        "jobs": jobs,
        "modes": {kind: [asdict(one) for one in each] for kind, each in modes.items()},
        "megabytes": megabytes,
        "partitions": partitions,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
