"""A tenant that may send, its jobs, and everything around them in memory."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.suppression import SuppressionEntry
from shared.messaging.messages import Message
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
from tests.unit.workers.breaker import Breaker, BreakingPort, BreakingStore
from workers.send.handler import SendDeps, send_jobs
from workers.send.policy import SendPolicy
from workers.send.reconciliation import resolve_doubts

ZONE = "dev.ardamails.com"
OPERATOR = Change("operator@example.com", "signal")
POLICY = SendPolicy(
    batch_size=10,
    batch_bytes=1_000_000,
    batches_per_turn=3,
    lease_seconds=120.0,
    retry_base_seconds=8.0,
    retry_max_seconds=900.0,
    max_age=timedelta(hours=24),
    attempts_max=250,
    index_lag_grace=timedelta(seconds=120),
    look_interval_seconds=15.0,
    soft_threshold=5,
    account_pause_seconds=300.0,
    jitter=lambda: 1.0,
)


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    cipher: FakeCipher = field(default_factory=FakeCipher)
    postmark: FakePostmark = field(default_factory=FakePostmark)
    breaker: Breaker = field(default_factory=Breaker)
    new_id: SequentialIds = field(default_factory=SequentialIds)
    policy: SendPolicy = POLICY

    def __post_init__(self) -> None:
        self.e_id = self.new_id()
        self.token = self.postmark.sendable(f"acme.{ZONE}")
        envelope = self.cipher.encrypt(self.token, tenant_id=factories.TENANT, configuration_id=self.e_id)
        configuration = factories.sendable(
            e_id=self.e_id,
            slug="acme",
            from_name='Acme "The" Shop',
            provisioned=factories.provisioned(server_token=envelope),
            created_at=self.store.clock.now(),
        )
        with self.store.begin() as tx:
            tx.configurations.add(configuration, OPERATOR)

    @property
    def deps(self) -> SendDeps:
        return SendDeps(
            store=BreakingStore(self.store, self.breaker),
            sender=cast("Any", BreakingPort(FakeMailSender(self.postmark), self.breaker)),
            sent_messages=cast("Any", BreakingPort(FakeSentMessages(self.postmark), self.breaker)),
            cipher=self.cipher,
            doorbell=self.doorbell,
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
            found = tx.jobs.get(factories.TENANT, e_id)
        assert found is not None
        return found

    def statuses(self) -> Counter[JobStatus]:
        return Counter(job.status for job in self.store._state.jobs.values())

    def send(self) -> None:
        send_jobs(self.e_id, self.deps)

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
            tx.suppressions.add(factories.suppression(address=address))

    def entry(self, address: str) -> SuppressionEntry | None:
        with self.store.begin() as tx:
            return tx.suppressions.active_among(factories.TENANT, [address]).get(address)

    def paused(self) -> bool:
        with self.store.begin() as tx:
            return tx.account.paused_until() is not None

    def is_in(self, operational: Operational, administrative: Administrative) -> bool:
        now = self.configuration
        return (now.operational, now.administrative) == (operational, administrative)

    def rung(self, kind: type[Message]) -> list[UUID]:
        return [message.id for message in self.doorbell.rung if isinstance(message, kind)]

    def taken(self) -> list[UUID]:
        """The jobs of every message the provider took, in its order: twice in here is twice in a mailbox."""
        return [taken.message.job_id for taken in self.postmark.taken]

    def during_the_call(self, act: Any) -> None:
        """`act` happens after the provider took the messages and before we know."""

        class Meanwhile(Breaker):
            def moment(self, name: str) -> None:
                if name == "after send":
                    act()

        self.breaker = Meanwhile()
