"""Half of the fleet killed at once and replaced, then the other half, and so on, while mail goes out."""

import time

from bench.faults.nursery import Wishes
from bench.faults.rehearsal import Fault, Rehearsal, Size
from bench.faults.simulator import LATE_CALLBACKS, SEND
from bench.fleet.plan import FLEET, ROLES

_SLOW = {"kind": "latency", "endpoint": SEND, "seconds": {"min": 0.2, "max": 0.8}}
HALVES = (FLEET[::2], FLEET[1::2])
# Until a scheduler would start a new pod, and it would be ready.
GONE_SECONDS = 5.0
WHOLE_SECONDS = 5.0


def _lose_halves(run: Rehearsal) -> None:
    processes = run.world.processes
    processes.dress({role: Wishes(held=role not in FLEET) for role in ROLES})
    lost = 0
    with run.world.simulator.misbehaving(_SLOW, LATE_CALLBACKS), run.callers(jobs=run.size.jobs) as callers:
        for number in run.while_calling(callers, WHOLE_SECONDS, "half of the fleet"):
            half = HALVES[number % 2]
            for role in half:
                processes.wish(role, Wishes(held=True))
            lost += sum(processes.kill(role) for role in half)
            time.sleep(GONE_SECONDS)
            for role in half:
                processes.wish(role, Wishes())
            for role in half:
                processes.wait_ready(role)
    run.require(lost >= run.size.times * len(FLEET), f"only {lost} processes were killed")
    run.notes.append(f"{lost} kills among {len(FLEET)} processes, half of them at a time, each replaced")


def replacing(jobs: int) -> Fault:
    """Not of the matrix: it wants a world of its own."""
    size = Size(jobs=jobs, tenants=20, times=2, rate=200)
    return Fault("fleet", "half of the fleet killed and replaced", _lose_halves, size, size)
