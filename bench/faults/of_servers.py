"""What happens to the servers we stand on: the broker and the database."""

import time
from contextlib import ExitStack

import psycopg

from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import LATE_CALLBACKS, SEND

_UNAVAILABLE = {"kind": "unavailable_503", "endpoint": SEND}


@fault(
    "F5",
    "the broker away, jobs in retry",
    long=Size(jobs=1_000, seconds=120),
    short=Size(jobs=100, seconds=5),
)
def broker_away(run: Rehearsal) -> None:
    processes, simulator = run.world.processes, run.world.simulator
    for seconds in (1.0, run.size.seconds / 4, run.size.seconds):
        with run.callers(rate=10, jobs=run.size.jobs // 10):
            with simulator.misbehaving(_UNAVAILABLE):
                with run.callers(jobs=run.size.jobs):
                    run.tell(f"{run.size.jobs} into retry")
                run.notes.append(f"{seconds:.0f} s away with {_in_retry(run)} in retry")
                processes.take_away("valkey")
            run.tell(f"broker away for {seconds:.0f} s")
            time.sleep(seconds)
            processes.bring_back("valkey")


def _in_retry(run: Rehearsal) -> int:
    question = "SELECT count(*) FROM email_job WHERE status = 'QUEUED' AND attempts > 0"
    return int(run.world.database.ask(question)[0][0])


@fault("F6", "FLUSHALL", long=Size(rate=60, times=60), short=Size(rate=30, times=8))
def flush(run: Rehearsal) -> None:
    with run.callers(), run.world.redis() as client:
        for _ in run.times(1.0, "FLUSHALL"):
            client.flushall()


@fault(
    "F7",
    "the broker out of memory",
    long=Size(rate=40, times=5, seconds=30),
    short=Size(rate=25, times=1, seconds=4),
)
def broker_full(run: Rehearsal) -> None:
    with run.callers(), run.world.redis() as client:
        for _ in run.times(1.0, "out of memory"):
            client.config_set("maxmemory", 1)
            time.sleep(run.size.seconds)
            client.config_set("maxmemory", 0)
        time.sleep(1.0)


@fault("F8", "Postgres stopped immediately", long=Size(rate=40, times=10), short=Size(rate=30, times=3))
def database_stopped(run: Rehearsal) -> None:
    slow = {"kind": "latency", "endpoint": SEND, "seconds": {"min": 0.1, "max": 0.5}}
    with run.world.simulator.misbehaving(slow, LATE_CALLBACKS), run.callers():
        for _ in run.times(2.0, "stop"):
            run.world.processes.stop_immediately("postgres")
            time.sleep(0.5)
            run.world.database.waiting()  # until it answers again


@fault(
    "F9",
    "no connections left, then the hot table locked",
    long=Size(rate=20, times=3, seconds=30),
    short=Size(rate=20, times=1, seconds=6),
)
def database_besieged(run: Rehearsal) -> None:
    with run.callers():
        for _ in run.times(1.0, "siege"):
            _use_up_connections(run)
            run.tell(f"email_job locked for {run.size.seconds:.0f} s")
            with run.world.database.connect() as connection, connection.transaction():
                connection.execute("LOCK TABLE email_job IN ACCESS EXCLUSIVE MODE")
                time.sleep(run.size.seconds)


def _use_up_connections(run: Rehearsal) -> None:
    """All that the server has left, again and again as others are given back."""
    deadline = time.monotonic() + run.size.seconds / 2
    with ExitStack() as held:
        count = 0
        while time.monotonic() < deadline:
            try:
                held.enter_context(run.world.database.connect())
                count += 1
            except psycopg.OperationalError:
                run.tell(f"{count} connections taken")
                time.sleep(0.2)
    run.notes.append(f"{count} connections taken")
