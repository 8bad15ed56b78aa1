"""One configuration to provision, and everything around it in memory."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.naming import Names, names_for
from shared.messaging.messages import (
    Message,
    ProvisionConfiguration,
    RemoveConfiguration,
    VerifyConfiguration,
)
from shared.ports.configurations import Change
from shared.ports.mail import WebhookSpec
from shared.ports.rows import Lock
from shared.steering import Steered, steer
from tests import factories
from tests.fakes.clock import SequentialIds
from tests.fakes.dns import FakeZone
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailAccount, FakePostmark
from tests.fakes.store import MemoryStore
from tests.unit.workers.breaker import Breaker, BreakingPort, BreakingStore
from workers.provisioning.deps import ProvisioningDeps
from workers.provisioning.handler import provision, remove
from workers.provisioning.policy import ProvisioningPolicy
from workers.provisioning.verification import verify

OPERATOR = Change("operator@example.com", "signal")
POLICY = ProvisioningPolicy(
    lease_seconds=180.0,
    retry_base_seconds=2.0,
    attempts_max=4,
    polling_interval_seconds=30.0,
    polling_window=timedelta(hours=24),
)


@dataclass
class World:
    zone: FakeZone = field(default_factory=FakeZone)
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    cipher: FakeCipher = field(default_factory=FakeCipher)
    breaker: Breaker = field(default_factory=Breaker)
    new_id: SequentialIds = field(default_factory=SequentialIds)

    def __post_init__(self) -> None:
        self.postmark = FakePostmark(self.zone)
        self.postmark.test_posts_succeed = self._answers_test_post
        new = factories.configuration(slug="acme", created_at=self.store.clock.now())
        self.e_id = new.e_id
        with self.store.begin() as tx:
            tx.configurations.add(new, OPERATOR)

    def _answers_test_post(self, spec: WebhookSpec) -> bool:
        """As the ingress does: the routing token has to be known by now."""
        with self.store.begin() as tx:
            found = tx.configurations.id_by_routing_hash(sha256(spec.routing_token.encode()).digest())
        return found == (factories.TENANT, self.e_id)

    @property
    def names(self) -> Names:
        return names_for("acme", "noreply", self.zone.name)

    @property
    def configuration(self) -> EmailConfiguration:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id)
        assert found is not None
        return found

    @property
    def causes(self) -> list[str]:
        with self.store.begin() as tx:
            return [record.cause for record in tx.configurations.history(self.e_id)]

    def deps(self, **policy: Any) -> ProvisioningDeps:
        return ProvisioningDeps(
            store=BreakingStore(self.store, self.breaker),
            mail=cast("Any", BreakingPort(FakeMailAccount(self.postmark), self.breaker)),
            zone=cast("Any", BreakingPort(self.zone, self.breaker)),
            cipher=self.cipher,
            doorbell=self.doorbell,
            new_id=self.new_id,
            policy=replace(POLICY, **policy),
            pause=lambda _: None,
            webhook_url="https://mail.example.com/v1/shop-access/email/job/postmark-events",
            webhook_bearer="the-api-key",
            monotonic=lambda: self.store.clock.now().timestamp(),
        )

    def signal(self, trigger: Trigger) -> Steered:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id, lock=Lock.UPDATE)
            assert found is not None
            steered = steer(tx, found, trigger, OPERATOR)
        assert steered.changed, steered.decision.reason
        return steered

    def change(self, **fields: Any) -> EmailConfiguration:
        with self.store.begin() as tx:
            found = tx.configurations.get(self.e_id, lock=Lock.UPDATE)
            assert found is not None
            return tx.configurations.save(replace(found, **fields), OPERATOR)

    def provision(self, **policy: Any) -> Operational:
        provision(self.e_id, self.deps(**policy))
        return self.configuration.operational

    def remove(self) -> bool:
        remove(self.e_id, self.deps())
        return self.configuration.cleaned_up_at is not None

    def verify(self) -> Operational:
        verify(self.e_id, self.deps())
        return self.configuration.operational

    def provisioned(self) -> "World":
        self.signal(Trigger.PROVISION)
        assert self.provision() is Operational.AWAITING_VERIFICATION
        return self

    def after_the_lease(self) -> None:
        self.store.advance(seconds=POLICY.lease_seconds)

    def is_leased(self) -> bool:
        with self.store.begin() as tx:
            waiting = [
                *tx.configurations.provisioning_without_lease(10),
                *tx.configurations.removal_without_lease(10),
            ]
        return self.e_id not in waiting

    def lease_seconds(self) -> float:
        """How long until the scheduler would ring again."""
        _, until = self.store._state.leases[self.e_id]
        return (until - self.store.clock.now()).total_seconds()

    def nothing_is_left(self) -> bool:
        postmark = self.postmark
        return not (postmark.servers or postmark.signatures or postmark.domains or self.zone.records)

    def rung(self, kind: type[Message]) -> list[UUID]:
        return [message.id for message in self.doorbell.rung if isinstance(message, kind)]


__all__ = [
    "POLICY",
    "ProvisionConfiguration",
    "RemoveConfiguration",
    "VerifyConfiguration",
    "World",
]
