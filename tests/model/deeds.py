"""Everything that operators, callers, workers, the scheduler, time and neighbours may do: one value each, to be drawn.

A deed that makes no sense now (nobody has rung, nothing was sent) does nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from shared.messaging.messages import ProjectEvents
from tests.model.model import SIGNALS
from tests.model.moments import Act, Where, die
from tests.model.world import OPERATORS, TENANTS, World

LIVE_MAX = 5
SLUGS = ("alpha", "beta", "gamma")
REFUSED = "refused@example.com"
INACTIVE = "inactive@example.com"
SIGNALS_AS_OFTEN = (*SIGNALS, "lock", "unlock", "unlock", "re-verify", "re-provision")
RECIPIENTS = ("one@example.com", "two@example.com", "three@example.com", REFUSED, INACTIVE)
SECONDS = (1, 10, 35, 130, 200, 1_000, 4_000, 22_000, 90_000)


class Deed(Protocol):
    def do(self, world: World) -> None: ...


def chosen(world: World, number: int) -> UUID:
    """Mostly of those that are not gone for good."""
    live = [e_id for e_id, one in world.model.standings.items() if not one.retired]
    ids = world.ids if number % 8 == 7 or not live else live
    return ids[number % len(ids)]


def answer_rings(world: World, count: int) -> None:
    for _ in range(count):
        if world.bell.waiting:
            world.run(world.bell.waiting.pop(0))


# At the door


@dataclass(frozen=True, slots=True)
class Create:
    tenant: UUID
    slug: str

    def do(self, world: World) -> None:
        if sum(not one.cleaned_up for one in world.model.standings.values()) < LIVE_MAX:
            world.create(self.tenant, self.slug)


@dataclass(frozen=True, slots=True)
class Signal:
    number: int
    name: str
    operator: str
    death: Where | None = None

    def do(self, world: World) -> None:
        world.signal(chosen(world, self.number), self.name, self.operator, self.death)


@dataclass(frozen=True, slots=True)
class AskInVain:
    """Every signal that changes nothing now, on any configuration, those that are gone included."""

    number: int

    def do(self, world: World) -> None:
        e_id = world.ids[self.number % len(world.ids)]
        for name in SIGNALS:
            if not world.model.signal(e_id, name, world.clock.now()).changes:
                world.signal(e_id, name, OPERATORS[self.number % 2])


@dataclass(frozen=True, slots=True)
class BringUp:
    """What an operator does with a new configuration, or with one in trouble."""

    number: int

    def do(self, world: World) -> None:
        e_id = chosen(world, self.number)
        for name in ("provision", "re-provision", "re-verify"):
            world.signal(e_id, name, OPERATORS[0])
        answer_rings(world, 8)
        world.signal(e_id, "unlock", OPERATORS[0])


@dataclass(frozen=True, slots=True)
class Send:
    """Mostly with a new key; sometimes with one that was used, for the same or for something else."""

    number: int
    key: int
    recipient: str
    death: Where | None = None

    def do(self, world: World) -> None:
        e_id = sending(world, self.number)
        tenant = TENANTS[self.key % 2] if self.key % 40 == 0 else world.model.standings[e_id].tenant
        world.send(tenant, e_id, f"key {self.key // 4}", self.recipient, self.death)


@dataclass(frozen=True, slots=True)
class SendSome:
    number: int
    count: int
    then: str | None = None

    def do(self, world: World) -> None:
        e_id = sending(world, self.number)
        for turn in range(self.count):
            key = f"some {len(world.model.keys)}"
            recipient = RECIPIENTS[(self.number + turn) % len(RECIPIENTS)]
            world.send(world.model.standings[e_id].tenant, e_id, key, recipient)
        if self.then is not None:
            world.signal(e_id, self.then, OPERATORS[1])


def sending(world: World, number: int) -> UUID:
    """Mostly one that sends, if there is one."""
    able = [e_id for e_id, one in world.model.standings.items() if one.may_claim]
    return able[number % len(able)] if able and number % 4 else chosen(world, number)


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    kind: str
    death: Where | None = None
    # Of the worker that folds it.
    folded: Where | None = None

    def do(self, world: World) -> None:
        if not world.postmark.taken:
            return
        number = self.number % len(world.postmark.taken)
        world.event(number, self.kind, self.death)
        if self.folded is not None:
            job_id = world.postmark.taken[number].message.job_id
            world.run(ProjectEvents(world.model.jobs[job_id].configuration), self.folded)


# Workers, the scheduler and time


@dataclass(frozen=True, slots=True)
class Between:
    """What comes between, while a worker or the scheduler is at work: death, when `deed` is None."""

    where: Where
    deed: Deed | None = None

    def act(self, world: World) -> Act:
        deed = self.deed
        return die if deed is None else lambda: deed.do(world)


@dataclass(frozen=True, slots=True)
class Work:
    """A worker takes a ring; `again`: the same ring comes a second time, later."""

    number: int
    between: Between | None = None
    again: bool = False

    def do(self, world: World) -> None:
        rung = world.bell.waiting
        if not rung:
            return
        message = rung[self.number % len(rung)]
        if not self.again:
            rung.remove(message)
        if self.between is None:
            world.run(message)
        else:
            world.run(message, self.between.where, self.between.act(world))


@dataclass(frozen=True, slots=True)
class WorkOff:
    count: int

    def do(self, world: World) -> None:
        answer_rings(world, self.count)


@dataclass(frozen=True, slots=True)
class Lose:
    number: int

    def do(self, world: World) -> None:
        if world.bell.waiting:
            world.bell.waiting.pop(self.number % len(world.bell.waiting))


@dataclass(frozen=True, slots=True)
class Tick:
    between: Between | None = None

    def do(self, world: World) -> None:
        if self.between is None:
            world.tick()
        else:
            world.tick(self.between.where, self.between.act(world))


@dataclass(frozen=True, slots=True)
class Time:
    seconds: int

    def do(self, world: World) -> None:
        world.pass_time(timedelta(seconds=self.seconds))


@dataclass(frozen=True, slots=True)
class GoOn:
    """Ticks, rings and time in their ordinary order."""

    rounds: int
    seconds: int

    def do(self, world: World) -> None:
        for _ in range(self.rounds):
            world.tick()
            answer_rings(world, 6)
            world.pass_time(timedelta(seconds=self.seconds))
