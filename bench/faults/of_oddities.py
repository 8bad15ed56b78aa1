"""Wrong clocks and poison jobs."""

import json
import time
from datetime import datetime
from pathlib import Path

from bench.faults.callers import plain
from bench.faults.nursery import Wishes
from bench.faults.plan import SCHEDULERS, SENDERS, SETTINGS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Json
from sandbox.files import write_private
from sandbox.stack.world import PROJECT

INTRUDER = Path(__file__).parent / "intruder"
CLOCK_SECONDS = 90
POISON = "Poison"


def _fresh(**environment: str) -> Wishes:
    return Wishes(environment={"PYTHONPATH": f"{INTRUDER}:{PROJECT}", **environment}, fresh=True)


@fault(
    "F21",
    "clocks of workers 90 s wrong, one ahead and one behind, and the scheduler's too",
    long=Size(rate=25, seconds=120),
    short=Size(rate=15, seconds=6),
)
def wrong_clocks(run: Rehearsal) -> None:
    """With doubts and retries, which wait for moments."""
    ahead = _fresh(EMAIL_BENCH_CLOCK_OFFSET=str(CLOCK_SECONDS))
    behind = _fresh(EMAIL_BENCH_CLOCK_OFFSET=str(-CLOCK_SECONDS))
    wishes = {"send-1": ahead, "send-2": behind, "projection": ahead, **dict.fromkeys(SCHEDULERS, behind)}
    rules: tuple[Json, ...] = (
        {"kind": "accept_then_reset", "endpoint": SEND, "probability": 0.3},
        {"kind": "unavailable_503", "endpoint": SEND, "probability": 0.2},
    )
    with run.world.processes.dressed(wishes):
        with run.world.simulator.misbehaving(*rules), run.callers():
            run.tell(f"clocks {CLOCK_SECONDS} s wrong")
            time.sleep(run.size.seconds)
            for role, offset in (("send-1", CLOCK_SECONDS), ("send-2", -CLOCK_SECONDS)):
                run.require(abs(_clock_error(run, role) - offset) < 30, f"the clock of {role} was right")
            run.world.processes.kill("send-1")
        run.wait_until_idle(60.0)


def _clock_error(run: Rehearsal, role: str) -> float:
    """In seconds, by what it logged last."""
    path = run.world.processes.folder / "logs" / f"{role}.log"
    stamped = [
        line for line in path.read_text().splitlines() if line.startswith('{"') and '"timestamp"' in line
    ]
    said = datetime.fromisoformat(json.loads(stamped[-1])["timestamp"])
    return said.timestamp() - time.time()


@fault(
    "F23",
    "jobs that kill whoever sends them",
    long=Size(jobs=1_000, times=10),
    short=Size(jobs=60, times=1, deaths=1),
)
def poison(run: Rehearsal) -> None:
    """They end FAILED, and alone: those claimed with them are delivered."""
    processes, one = run.world.processes, run.world.tenants(1)
    # Queued up while nobody sends, so that the poison has batch-mates.
    processes.dress(dict.fromkeys(SENDERS, Wishes(held=True)))
    with run.callers(jobs=run.size.jobs, tenants=one):
        pass
    with run.callers(jobs=run.size.times, tenants=one, body=_poisonous, ends=("FAILED",)) as fatal:
        pass
    settings = processes.folder / "poison.conf"
    write_private(
        settings, f"{SETTINGS}modules.v1.shop-access.email.extras.send.poisonAfter = {run.size.deaths}\n"
    )
    poisoned = _fresh(EMAIL_BENCH_POISON=POISON, EMAIL_CONFIG_FILE=str(settings))
    with processes.dressed(dict.fromkeys(SENDERS, poisoned)):
        run.wait_until_idle(30.0 * run.size.times + 60.0)
    rows = run.world.database.rows(run.prefix)
    failed = [row for row in rows if row.status == "FAILED"]
    run.require(
        len(failed) == len(fatal.told) and all(row.error_code == "poison" for row in failed),
        f"{len(failed)} failed as {sorted({str(row.error_code) for row in failed})}",
    )
    run.notes.append(
        f"{len(failed)} poison jobs, claimed {max((row.attempts for row in failed), default=0)} times"
    )


def _poisonous(number: int) -> Json:
    return {**plain(number), "subject": POISON}
