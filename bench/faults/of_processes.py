"""What happens to our own processes."""

import random
import time
from itertools import cycle, islice

from bench.faults.plan import LEASE_SECONDS, ROLES, SENDERS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import LATE_CALLBACKS, SEND

# Calls take their time, so that what strikes a worker finds it amid one.
_SLOW = {"kind": "latency", "endpoint": SEND, "seconds": {"min": 0.2, "max": 0.8}}
FREEZE_TRIES = 20
CALL_IS_OVER_SECONDS = 1.5
# The web server has a fault of its own.
VICTIMS = tuple(role for role in ROLES if role != "web")


@fault(
    "F1",
    "kill -9 of a random worker every 2 s",
    long=Size(jobs=10_000, tenants=50),
    short=Size(jobs=300, rate=30, tenants=8),
)
def kill_workers(run: Rehearsal) -> None:
    dice = random.Random(1)
    killed = 0
    with run.world.simulator.misbehaving(_SLOW, LATE_CALLBACKS), run.callers(jobs=run.size.jobs) as callers:
        for _ in run.while_calling(callers, 2.0, "kill"):
            killed += run.world.processes.kill(dice.choice(VICTIMS))
    run.notes.append(f"{killed} workers killed")


@fault(
    "F3",
    "SIGSTOP of a worker for three leases",
    long=Size(rate=40, times=6, tenants=24),
    short=Size(rate=30, times=1, tenants=24),
)
def freeze_workers(run: Rehearsal) -> None:
    processes = run.world.processes
    with run.world.simulator.misbehaving(_SLOW, LATE_CALLBACKS), run.callers():
        for _ in run.times(1.0, "freeze"):
            role, held = _freeze_with_a_claim(run)
            run.notes.append(f"{role} stopped with {held} jobs in hand")
            time.sleep(3 * LEASE_SECONDS)
            processes.thaw(role)
        time.sleep(1.0)


def _freeze_with_a_claim(run: Rehearsal) -> tuple[str, int]:
    """Stop one that holds jobs, and how many: claims of others are settled when it has been stopped a while."""
    for role in islice(cycle(SENDERS), FREEZE_TRIES):
        run.world.processes.freeze(role)
        since = run.world.database.ask("SELECT now()")[0][0]
        time.sleep(CALL_IS_OVER_SECONDS)
        question = "SELECT count(*) FROM email_job WHERE status = 'SENDING' AND updated_at <= %s"
        if held := int(run.world.database.ask(question, since)[0][0]):
            return role, held
        run.world.processes.thaw(role)
        time.sleep(0.1)
    raise TimeoutError("no worker was amid a call")


@fault(
    "F4",
    "kill -9 of the web server in mid-request; clients repeat with the same key",
    long=Size(rate=None, times=100),
    short=Size(rate=40, times=4),
)
def kill_web(run: Rehearsal) -> None:
    with run.callers():
        for _ in run.times(1.5, "kill"):
            run.world.processes.kill("web")
            run.world.processes.wait_ready("web")


@fault(
    "F24",
    "rolling restarts by SIGTERM",
    long=Size(rate=40, times=20),
    short=Size(rate=25, times=6),
)
def rolling_restarts(run: Rehearsal) -> None:
    with run.world.simulator.misbehaving(_SLOW), run.callers():
        for number in run.times(0.5, "restart"):
            run.world.processes.restart(ROLES[number % len(ROLES)])
