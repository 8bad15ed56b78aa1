"""Everything that operators, callers, workers, the scheduler, time and neighbours may do: one value each, to be drawn.

A deed that makes no sense now (nobody has rung, nothing was sent) does nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from shared.domain.errors import ProviderError
from shared.domain.mail import ConfigurationFault, Outcome
from shared.messaging.messages import ProvisionConfiguration
from tests.model.model import SIGNALS, SOFT_THRESHOLD
from tests.model.moments import Act, Where, die
from tests.model.settling import heal
from tests.model.world import OPERATORS, TENANTS, World

LIVE_MAX = 5
SLUGS = ("alpha", "beta", "gamma")
REFUSED = "refused@example.com"
INACTIVE = "inactive@example.com"
RECIPIENTS = ("one@example.com", "two@example.com", "three@example.com", REFUSED, INACTIVE)
SECONDS = (1, 10, 35, 130, 200, 1_000, 4_000, 22_000, 90_000)
BAD_TOKEN = ConfigurationFault("10", "no valid token")


class Deed(Protocol):
    def do(self, world: World) -> None: ...


def chosen(world: World, number: int) -> UUID:
    """Mostly of those that are not gone for good."""
    live = [e_id for e_id, one in world.model.standings.items() if not one.retired]
    ids = world.ids if number % 8 == 7 or not live else live
    return ids[number % len(ids)]


def answer_rings(world: World, count: int) -> None:
    for _ in range(count):
        if world.bell.rung:
            world.run(world.bell.rung.pop(0))


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

    def do(self, world: World) -> None:
        if world.postmark.taken:
            world.event(self.number % len(world.postmark.taken), self.kind, self.death)


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
        rung = world.bell.rung
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
        if world.bell.rung:
            world.bell.rung.pop(self.number % len(world.bell.rung))


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


# Neighbours


@dataclass(frozen=True, slots=True)
class CallsFail:
    call: str
    error: ProviderError
    times: int
    after_effect: bool = False

    def do(self, world: World) -> None:
        world.faults.plan(self.call, self.error, after_effect=self.after_effect, times=self.times)


@dataclass(frozen=True, slots=True)
class Turnover:
    """One configuration goes and another of its slug comes, or what failed is made again, while calls fail."""

    number: int
    fails: tuple[CallsFail, ...]
    between: Between | None
    removes: bool

    def do(self, world: World) -> None:
        e_id = chosen(world, self.number)
        standing = world.model.standings[e_id]
        if self.removes:
            world.signal(e_id, "force-lock", OPERATORS[0])
            world.signal(e_id, "remove", OPERATORS[0])
            Work(0, self.between).do(world)
            GoOn(3, 200).do(world)
            Create(standing.tenant, standing.slug).do(world)
            e_id = world.ids[-1]
        for fail in self.fails:
            fail.do(world)
        world.signal(e_id, "provision", OPERATORS[1])
        world.signal(e_id, "re-provision", OPERATORS[1])
        world.run(ProvisionConfiguration(e_id), *self._interruption(world))
        answer_rings(world, 3)

    def _interruption(self, world: World) -> tuple[Where, Act] | tuple[()]:
        return () if self.between is None else (self.between.where, self.between.act(world))


@dataclass(frozen=True, slots=True)
class SendsFail:
    outcome: Outcome
    taken: bool
    times: int

    def do(self, world: World) -> None:
        for _ in range(self.times):
            world.postmark.answer_next_send(self.outcome, taken=self.taken)


@dataclass(frozen=True, slots=True)
class SenderFails:
    """As often in a row as it takes, with mail enough for it."""

    number: int

    def do(self, world: World) -> None:
        world.postmark._send_answers.clear()
        for _ in range(SOFT_THRESHOLD):
            SendSome(self.number, 1).do(world)
            world.postmark.answer_next_send(BAD_TOKEN)
            GoOn(1, 1000).do(world)


@dataclass(frozen=True, slots=True)
class Overdue:
    """A domain whose records nobody sees for longer than its window."""

    number: int

    def do(self, world: World) -> None:
        e_id = chosen(world, self.number)
        world.dns.unseen.add(world.model.standings[e_id].slug)
        world.signal(e_id, "re-verify", OPERATORS[0])
        answer_rings(world, 3)
        world.pass_time(timedelta(hours=25))
        GoOn(2, 1).do(world)


@dataclass(frozen=True, slots=True)
class RecordsSpreadOrVanish:
    slug: str

    def do(self, world: World) -> None:
        world.dns.unseen ^= {self.slug}


@dataclass(frozen=True, slots=True)
class SearchLags:
    """Less than the grace that is given to it."""

    seconds: int

    def do(self, world: World) -> None:
        world.search.lag = timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class KeyMaterialIsGone:
    def do(self, world: World) -> None:
        world.cipher.versions = set()


@dataclass(frozen=True, slots=True)
class DoorbellIsDown:
    def do(self, world: World) -> None:
        world.bell.down = True


@dataclass(frozen=True, slots=True)
class ServersMayBeDeleted:
    allowed: bool

    def do(self, world: World) -> None:
        world.postmark.server_deletion_allowed = self.allowed


@dataclass(frozen=True, slots=True)
class StrangerMakes:
    """Something of the name of a configuration that has nothing at the provider, and is about to make nothing."""

    number: int
    what: str

    def do(self, world: World) -> None:
        row = world.row(chosen(world, self.number))
        untouched = row.operational.value in {"PENDING", "MISSING"} and row.provisioned.nothing_left
        if untouched and row.cleaned_up_at is None and not world.ledger.in_the_way(row):
            world.ledger.strangers_make(self.what, world.ledger.names(row))


@dataclass(frozen=True, slots=True)
class AllIsWell:
    def do(self, world: World) -> None:
        heal(world)


SIGNALS_AS_OFTEN = (*SIGNALS, "lock", "unlock", "unlock", "re-verify", "re-provision")
