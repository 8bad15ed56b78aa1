"""Named places where a rehearsal may stop the process. Off, a point costs one comparison.

Armed by the setting `faultPoints`, never in production: `name:probability`, several joined by commas, and `seed:N` to
repeat a run, such as `send.called:0.05,send.recorded:0.05,seed:7`.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

POINTS = (
    "accept.before_commit",
    "accept.committed",
    "accept.rung",
    "event.before_commit",
    "event.committed",
    "send.claimed",
    "send.called",
    "send.before_commit",
    "send.recorded",
    "send.settled",
    "doubt.taken",
    "doubt.searched",
    "doubt.resolved",
    "project.folded",
    "project.committed",
    "provision.intended",
    "provision.called",
    "provision.done",
    "schedule.found",
    "schedule.rung",
    "recovery.written",
    "recovery.saved",
)

_hit: Callable[[str], None] | None = None


def fault_point(name: str) -> None:
    if _hit is not None:
        _hit(name)


@dataclass(frozen=True, slots=True)
class Plan:
    probabilities: Mapping[str, float]
    seed: int | None = None


def plan_of(text: str) -> Plan:
    """Raises `ValueError` that says what is wrong."""
    probabilities: dict[str, float] = {}
    seed = None
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, number = part.partition(":")
        if not colon:
            raise ValueError(f"{part}: write it as name:probability")
        if name == "seed":
            seed = int(number)
        elif name not in POINTS:
            raise ValueError(f"{name}: no such point; there are {', '.join(POINTS)}")
        else:
            probabilities[name] = float(number)
    return Plan(probabilities, seed)


def arm(plan: Plan, act: Callable[[str], None]) -> None:
    """`act` gets the point's name whenever its dice fall so; it need not return. An empty plan disarms."""
    global _hit  # noqa: PLW0603 - one switch a process; a port handed through every layer would cost when off
    if not plan.probabilities:
        _hit = None
        return
    dice = random.Random(plan.seed)  # noqa: S311 - a rehearsal is to be repeatable, not unpredictable

    def hit(name: str) -> None:
        if dice.random() < plan.probabilities.get(name, 0.0):
            act(name)

    _hit = hit
