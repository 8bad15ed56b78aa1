"""What happens to the ingress while the provider posts its events."""

import random
import time
from collections.abc import Sequence

from bench.faults.catching_up import catch_up
from bench.faults.mail import FATES, events_of, pour
from bench.faults.nursery import Wishes
from bench.faults.plan import TIME_SCALE
from bench.faults.posted import Clerk, Posted
from bench.faults.rehearsal import Rehearsal, Size, fault
from sandbox.stack.tenant import Tenant

SENT_SECONDS = 120.0
# Of ours, between two deaths.
BETWEEN_SECONDS = (0.5, 2.5)
# Events of so many jobs of each tenant happen while nobody takes them.
LOST_JOBS = 10
# Of the simulator's clock: not before we have closed the door.
LATER_SECONDS = 24 * 3600.0


@fault(
    "F14",
    "the web server killed while events come in; then it is away for longer than the provider repeats them",
    long=Size(jobs=10_000, seconds=120, tenants=8),
    short=Size(jobs=100, seconds=8, tenants=4),
)
def kill_ingress(run: Rehearsal) -> None:
    """`seconds` over which the events of `jobs` are spread."""
    tenants, clerk = run.world.tenants(run.size.tenants), Clerk(run)
    with run.world.simulator.patient():
        kills = _die_under_events(run, tenants, clerk)
        _be_away(run, tenants, clerk)
    lost = clerk.posted()
    run.require(not lost.with_outcome("dropped"), f"dropped after {dict(lost.answers)}")
    given_up = {event.event_id for event in lost.with_outcome("exhausted")}
    missing = {event.event_id for event in lost.missing}
    run.require(missing <= given_up, f"{len(missing - given_up)} events were delivered and are not stored")
    run.require(
        len(missing) >= LOST_JOBS, f"only {len(missing)} events were missing: nothing to catch up with"
    )
    found = _catch_up(run, tenants, clerk)
    _check(run, clerk.posted(), at_least=events_of(run.size.jobs))
    run.notes.append(
        f"{kills} kills; {len(lost.events)} events, {len(given_up)} given up, {len(missing)} of them not stored; "
        f"catch-up found {found}; attempts ended with {_counted(lost)}"
    )


def _die_under_events(run: Rehearsal, tenants: Sequence[Tenant], clerk: Clerk) -> int:
    spread = run.size.seconds * TIME_SCALE
    run.world.simulator.set(delivery_delay_seconds={"min": 0.0, "max": spread})
    begun, dice, kills = time.monotonic(), random.Random(14), 0
    pour(run, tenants, "killed", run.size.jobs)
    while time.monotonic() < begun + run.size.seconds or not kills:
        time.sleep(dice.uniform(*BETWEEN_SECONDS))
        run.tell(f"{kills} kills; {run.world.simulator.counts()['deliveries']} events on their way")
        kills += run.world.processes.kill("web")
        run.world.processes.wait_ready("web")
    run.wait_until_idle(SENT_SECONDS)
    run.world.simulator.advance(spread, settle=True)
    clerk.drain()
    return kills


def _be_away(run: Rehearsal, tenants: Sequence[Tenant], clerk: Clerk) -> None:
    """Until the provider has given up whatever happened meanwhile."""
    processes, simulator = run.world.processes, run.world.simulator
    simulator.set(delivery_delay_seconds=LATER_SECONDS)
    pour(run, tenants, "away", LOST_JOBS * len(tenants), FATES)
    run.wait_until_idle(SENT_SECONDS)
    run.tell("the web server is away")
    processes.dress({"web": Wishes(held=True)})
    simulator.advance(LATER_SECONDS, settle=True)
    clerk.drain()
    processes.dress({"web": Wishes()})


def _catch_up(run: Rehearsal, tenants: Sequence[Tenant], clerk: Clerk) -> int:
    """How many events were new."""
    ids = [tenant.configuration_eid for tenant in tenants]
    caught_up = catch_up(run.world, ids, clerk.begun_at, run.tell)
    run.wrong.extend(caught_up.wrong)
    return caught_up.found


def _check(run: Rehearsal, posted: Posted, *, at_least: int) -> None:
    missing, doubled = posted.missing, posted.doubled
    run.require(not missing, f"{len(missing)} events are missing, such as {missing[:1]}")
    run.require(not doubled, f"{len(doubled)} events are there twice, such as {doubled[:1]}")
    run.require(len(posted.events) >= at_least, f"only {len(posted.events)} events were posted")


def _counted(posted: Posted) -> str:
    named = {"None": "no answer"}
    return ", ".join(
        f"{count} x {named.get(answer, answer)}" for answer, count in posted.answers.most_common()
    )
