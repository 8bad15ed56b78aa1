"""A tenant that may send, its jobs, and everything around them in memory.

A second tenant on the same account is another world on the first one's store: `world.neighbour()`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.mail import Deferred, OutboundMessage, Outcome
from shared.domain.suppression import SuppressionEntry
from shared.messaging.messages import Message, SendJobs
from shared.ports.configurations import Change
from shared.ports.jobs import NewJob
from shared.ports.rows import Lock
from shared.steering import steer
from tests import factories
from tests.fakes.clock import SequentialIds
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailSender, FakePostmark, FakeSentMessages
from tests.fakes.store import MemoryStore
from tests.unit.workers.breaker import Breaker, BreakingPort, BreakingStore, Death
from workers.send.deps import SendDeps
from workers.send.handler import send_jobs
from workers.send.policy import SendPolicy
from workers.send.reconciliation import resolve_doubts

ZONE = "dev.ardamails.com"
OPERATOR = Change("operator@example.com", "signal")
POLICY = SendPolicy(
    batch_size=10,
    batch_bytes=1_000_000,
    lease_seconds=120.0,
    retry_base_seconds=8.0,
    retry_max_seconds=900.0,
    max_age=timedelta(hours=24),
    poison_after=3,
    index_lag_grace=timedelta(seconds=120),
    look_interval_seconds=15.0,
    doubt_limit=timedelta(hours=4),
    slow_look_seconds=900.0,
    soft_threshold=5,
    account_pause_seconds=300.0,
    account_pause_max_seconds=1000.0,
    jitter=lambda: 1.0,
)


class FatalFor:
    """A sender in whose hands the process dies of any message to `address`; `batches` are the sizes it died with."""

    def __init__(self, sender: FakeMailSender, address: str) -> None:
        self._sender = sender
        self._address = address
        self.batches: list[int] = []

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        if any(message.recipient == self._address for message in messages):
            self.batches.append(len(messages))
            raise Death(self._address)
        return self._sender.send(server_token, messages, not_after_monotonic=not_after_monotonic)


class RoomFor:
    """A sender whose calls hold `count` messages; it leaves the rest for the next."""

    def __init__(self, sender: FakeMailSender, count: int) -> None:
        self._sender = sender
        self._count = count

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        fitting = messages[: self._count]
        outcomes = self._sender.send(server_token, fitting, not_after_monotonic=not_after_monotonic)
        left_out = Deferred("batch_full", "left for the next call", retry_after_seconds=0.0)
        return [*outcomes, *[left_out] * (len(messages) - len(fitting))]


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    cipher: FakeCipher = field(default_factory=FakeCipher)
    postmark: FakePostmark = field(default_factory=FakePostmark)
    breaker: Breaker = field(default_factory=Breaker)
    new_id: SequentialIds = field(default_factory=SequentialIds)
    policy: SendPolicy = POLICY
    slug: str = "acme"
    tenant: UUID = factories.TENANT
    fatal: FatalFor | None = None
    room_for: int | None = None

    def __post_init__(self) -> None:
        self.e_id = self.new_id()
        self.token = self.postmark.sendable(f"{self.slug}.{ZONE}")
        envelope = self.cipher.encrypt(self.token, tenant_id=self.tenant, configuration_id=self.e_id)
        configuration = factories.sendable(
            e_id=self.e_id,
            tenant_id=self.tenant,
            slug=self.slug,
            from_name='Acme "The" Shop',
            provisioned=factories.provisioned(server_token=envelope),
            created_at=self.store.clock.now(),
        )
        with self.store.begin() as tx:
            tx.configurations.add(configuration, OPERATOR)

    def neighbour(self) -> "World":
        """Another tenant of the same account, with workers of its own."""
        return World(
            store=self.store,
            postmark=self.postmark,
            cipher=self.cipher,
            new_id=self.new_id,
            slug="other",
            tenant=factories.OTHER_TENANT,
        )

    def fatal_for(self, address: str) -> FatalFor:
        self.fatal = FatalFor(FakeMailSender(self.postmark), address)
        return self.fatal

    @property
    def deps(self) -> SendDeps:
        plain = FakeMailSender(self.postmark)
        sender = self.fatal or (plain if self.room_for is None else RoomFor(plain, self.room_for))
        return SendDeps(
            store=BreakingStore(self.store, self.breaker),
            sender=cast("Any", BreakingPort(sender, self.breaker)),
            sent_messages=cast("Any", BreakingPort(FakeSentMessages(self.postmark), self.breaker)),
            cipher=self.cipher,
            doorbell=cast("Any", BreakingPort(self.doorbell, self.breaker)),
            new_id=self.new_id,
            zone_name=ZONE,
            policy=self.policy,
        )

    @property
    def configuration(self) -> EmailConfiguration:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id)
        assert found is not None
        return found

    def accept(self, *recipients: str, **given: Any) -> list[UUID]:
        """Jobs as the ingress accepts them, now."""
        now = self.store.clock.now()
        content = given.pop("content", factories.content())
        jobs = [
            factories.job(
                self.configuration,
                e_id=self.new_id(),
                recipient=recipient,
                **{"accepted_at": now, "due_at": now, **given},
            )
            for recipient in recipients or ("person@example.com",)
        ]
        with self.store.begin() as tx:
            tx.jobs.accept([NewJob(job, content) for job in jobs])
        return [job.e_id for job in jobs]

    def job(self, e_id: UUID) -> EmailJob:
        with self.store.begin() as tx:
            found = tx.jobs.get(self.tenant, e_id)
        assert found is not None
        return found

    def statuses(self) -> Counter[JobStatus]:
        mine = (job for job in self.store._state.jobs.values() if job.configuration_id == self.e_id)
        return Counter(job.status for job in mine)

    def attempts(self, e_id: UUID) -> list[SendAttempt]:
        with self.store.begin() as tx:
            return tx.jobs.attempts(self.tenant, e_id)

    def dead_letters(self) -> list[DeadLetter]:
        with self.store.begin() as tx:
            return tx.dead_letters.find(DeadLetterFilter(configuration_id=self.e_id), limit=1000)

    def send(self) -> None:
        send_jobs(self.e_id, self.deps)

    def answer_rings(self) -> int:
        """As workers do until nobody has rung any more; returns how many rings there were."""
        answered = 0
        while self.doorbell.rung:
            assert isinstance(self.doorbell.rung.pop(0), SendJobs)
            answered += 1
            assert answered < 1000, "rings without end"
            self.send()
        return answered

    def send_all(self) -> None:
        self.doorbell.rung.clear()
        self.send()
        self.answer_rings()

    def resolve(self) -> None:
        resolve_doubts(self.e_id, self.deps)

    def sweep(self) -> None:
        """What the scheduler does about claims whose worker is gone."""
        with self.store.begin() as tx:
            tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=1000)

    def change(self, **fields: Any) -> EmailConfiguration:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id, lock=Lock.UPDATE)
            assert found is not None
            return tx.configurations.save(replace(found, **fields), OPERATOR)

    def signal(self, trigger: Trigger) -> None:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id, lock=Lock.UPDATE)
            assert found is not None
            steer(tx, found, trigger, OPERATOR)

    def suppress(self, address: str) -> None:
        with self.store.begin() as tx:
            tx.suppressions.add(factories.suppression(address=address, tenant_id=self.tenant))

    def entry(self, address: str) -> SuppressionEntry | None:
        with self.store.begin() as tx:
            return tx.suppressions.active_among(self.tenant, [address]).get(address)

    def paused_until(self) -> datetime | None:
        with self.store.begin() as tx:
            return tx.account.paused_until()

    def calls(self) -> int:
        return self.postmark.calls["send"]

    def is_in(self, operational: Operational, administrative: Administrative) -> bool:
        now = self.configuration
        return (now.operational, now.administrative) == (operational, administrative)

    def rung(self, kind: type[Message]) -> list[UUID]:
        return [message.id for message in self.doorbell.rung if isinstance(message, kind)]

    def taken(self) -> list[UUID]:
        """The jobs of every message the provider took, in its order: twice in here is twice in a mailbox."""
        return [taken.message.job_id for taken in self.postmark.taken]

    def at_moment(self, wanted: str, act: Callable[[], object]) -> None:
        """`act` happens each time the worker comes to this moment."""

        class Meanwhile(Breaker):
            def moment(self, name: str) -> None:
                if name == wanted:
                    act()

        self.breaker = Meanwhile()

    def dies(self, wanted: str) -> None:
        """The worker ends at this moment."""

        def die() -> None:
            raise Death(wanted)

        self.at_moment(wanted, die)

    def during_the_call(self, act: Callable[[], object]) -> None:
        """After the provider took the messages and before we know."""
        self.at_moment("after send", act)
