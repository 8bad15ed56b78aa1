"""Asking the provider for events that it gave up, by the operators' command."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bench.faults.emailctl import Emailctl
from bench.faults.nursery import Wishes
from bench.faults.world import World

CAUGHT_UP_SECONDS = 120.0
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class CaughtUp:
    """`found`: events that were new. `wrong`: what did not end as it should."""

    found: int
    wrong: list[str] = field(default_factory=list)


def catch_up(
    world: World, configuration_eids: Sequence[str], since: datetime, tell: Callable[[str], None]
) -> CaughtUp:
    """The simulator's clock is ahead of ours, and what it dates lies in our future, of which the command will not hear.

    So nobody looks at the gaps until they reach as far as the simulator's calendar.
    """
    emailctl, ask, wrong = Emailctl(world.processes), world.database.ask, []
    now = ask("SELECT now()")[0][0]
    with world.processes.dressed({"projection": Wishes(held=True)}):
        for e_id in configuration_eids:
            times = ("--from", since.isoformat(), "--until", now.isoformat())
            why = ("--author", "rehearsal", "--reason", "the ingress was away")
            said = emailctl.run("webhooks", "catch-up", "--configuration", e_id, *times, *why)
            if said.code != 0:
                wrong.append(f"catch-up ended with {said.code}: {said.complaint}")
        ask(
            "UPDATE event_gap SET until_at = to_timestamp(%s)"
            " WHERE finished_at IS NULL AND configuration_id::text = ANY(%s) RETURNING e_id",
            world.simulator.now(),
            list(configuration_eids),
        )
    found, odd = _finished(world, configuration_eids, now, tell)
    return CaughtUp(found, [*wrong, *odd])


def _finished(
    world: World, configuration_eids: Sequence[str], since: object, tell: Callable[[str], None]
) -> tuple[int, list[str]]:
    question = (
        "SELECT count(*) FILTER (WHERE finished_at IS NULL), count(*), sum(found), array_agg(DISTINCT fault)"
        " FROM event_gap WHERE opened_at >= %s AND configuration_id::text = ANY(%s)"
    )
    deadline = time.monotonic() + CAUGHT_UP_SECONDS
    while True:
        (left, gaps, found, faults) = world.database.ask(question, since, list(configuration_eids))[0]
        tell(f"{left} of {gaps} gaps open, {found} events found")
        if not left or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    wrong = []
    if gaps != len(configuration_eids) or left:
        wrong.append(f"{left} of {gaps} gaps are not closed")
    if faults != [None]:
        wrong.append(f"gaps ended with {faults}")
    return int(found or 0), wrong
