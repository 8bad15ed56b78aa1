"""A restored database in memory, and a provider that knows better."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import OutOfTurn
from shared.domain.job import EmailJob
from shared.domain.mail import OutboundMessage
from shared.domain.recovery import Look, Recovery
from shared.persistence.ids import new_id
from shared.recovering import RecoveryPorts, Standing, begin, look, standing
from tests.factories import CREATED, content, new_job, provisioned, sendable
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakePostmark, FakeTakenMessages
from tests.fakes.postmark import TakenMessage
from tests.fakes.store import MemoryStore

LAG = timedelta(minutes=2)


class Pace:
    """Implements `ports.pace.Pace`; `busy` times it is not our turn."""

    def __init__(self) -> None:
        self.calls = 0
        self.busy = 0

    def keep(self, *, patient: bool = True) -> None:
        self.calls += 1
        if self.busy:
            self.busy -= 1
            raise OutOfTurn("postmark-history", retry_after_seconds=0.5)


class World:
    """`restored_at` is T, `failed_at` F; what was sent meanwhile, only `postmark` knows."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.postmark = FakePostmark()
        self.postmark.now = self.store.clock.now
        self.taken = FakeTakenMessages(self.postmark)
        self.cipher = FakeCipher()
        self.pace = Pace()
        self.waited: list[float] = []
        self._slugs = count(1)
        self.restored_at = self.now()

    def now(self) -> datetime:
        return self.store.clock.now()

    @property
    def ports(self) -> RecoveryPorts:
        return RecoveryPorts(
            store=self.store,
            taken=self.taken,
            cipher=self.cipher,
            new_id=new_id,
            pace=self.pace,
            wait=self._wait,
            index_lag=LAG,
        )

    def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.store.advance(seconds=seconds)

    def tenant(self, **given: Any) -> EmailConfiguration:
        e_id = new_id()
        fields: dict[str, Any] = {"e_id": e_id, "tenant_id": new_id(), **given}
        token = self.postmark.add_server(f"server-{next(self._slugs)}").token
        sealed = self.cipher.encrypt(token, tenant_id=fields["tenant_id"], configuration_id=e_id)
        configuration = sendable(**fields, provisioned=provisioned(server_token=sealed))
        with self.store.begin() as tx:
            tx.configurations.add(configuration, CREATED)
        return configuration

    def accepted(self, acme: EmailConfiguration, **given: Any) -> EmailJob:
        new = new_job(acme, **given)
        with self.store.begin() as tx:
            tx.jobs.accept([new])
        return new.job

    def sent(self, acme: EmailConfiguration, job_id: UUID, **given: Any) -> OutboundMessage:
        """By a claim of the old database's."""
        fields: dict[str, Any] = {
            "job_id": job_id,
            "claim_id": new_id(),
            "sender": "orders@acme.dev.ardamails.com",
            "recipient": "person@example.com",
            "content": content(),
        }
        message = OutboundMessage(**{**fields, **given})
        envelope = acme.provisioned.server_token
        assert envelope is not None
        token = self.cipher.decrypt(envelope, tenant_id=acme.tenant_id, configuration_id=acme.e_id)
        message_id = f"message-{len(self.postmark.taken)}"
        self.postmark.taken.append(TakenMessage(message_id, token, message, self.now()))
        return message

    def begun(self) -> Recovery:
        self.store.advance(minutes_later := timedelta(minutes=10))
        failed_at = self.restored_at + minutes_later
        self.store.advance(timedelta(minutes=5))
        return begin(self.ports, gap_from=self.restored_at, gap_until=failed_at, author="op", reason="disk")

    def looked(self, recovery: Recovery, acme: EmailConfiguration, number: int = 1) -> Look:
        return look(self.ports, recovery, acme.e_id, number)

    def standing(self, recovery: Recovery) -> Standing:
        return standing(self.store, recovery)

    def job(self, acme: EmailConfiguration, e_id: UUID) -> EmailJob | None:
        with self.store.begin() as tx:
            return tx.jobs.get(acme.tenant_id, e_id)
