"""What neighbours may do to us, and the stories in which that hurts most."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.errors import ProviderError
from shared.domain.mail import ConfigurationFault, Outcome, Unknown
from shared.messaging.messages import ProvisionConfiguration, ResolveDoubts, SendJobs
from tests.model.deeds import Between, Create, GoOn, SendSome, Work, answer_rings, chosen, sending
from tests.model.model import SOFT_THRESHOLD
from tests.model.moments import Act, Where
from tests.model.settling import heal
from tests.model.world import OPERATORS, World

BAD_TOKEN = ConfigurationFault("10", "no valid token")


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
class Doubts:
    """A call whose answer is lost, and a worker that looks for what became of it."""

    number: int
    taken: bool
    seconds: int
    between: Between | None
    # Of the worker that makes the call.
    sending: Where | None = None

    def do(self, world: World) -> None:
        e_id = sending(world, self.number)
        world.postmark._send_answers.clear()
        world.postmark.answer_next_send(Unknown("read_timeout", "no whole answer"), taken=self.taken)
        SendSome(self.number, 2).do(world)
        world.run(SendJobs(e_id), self.sending)
        for _ in range(2):
            world.pass_time(timedelta(seconds=self.seconds))
            if self.between is None:
                world.run(ResolveDoubts(e_id))
            else:
                world.run(ResolveDoubts(e_id), self.between.where, self.between.act(world))


@dataclass(frozen=True, slots=True)
class SenderFails:
    """As often in a row as it takes, with mail enough for it."""

    number: int
    overdue: bool = False

    def do(self, world: World) -> None:
        world.postmark._send_answers.clear()
        for _ in range(SOFT_THRESHOLD):
            SendSome(self.number, 1).do(world)
            world.postmark.answer_next_send(BAD_TOKEN)
            GoOn(1, 1000).do(world)
        if self.overdue:
            Overdue(self.number).do(world)


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
