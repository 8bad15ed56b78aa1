"""The handlers of each role, as they are wired in their processes and with the settings they have by default, in this
thread: so that what each says to the database and to the broker can be counted."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property
from uuid import UUID, uuid4

from bench.speed.stage import CONFIGURATION, ROUTING_TOKEN, TENANT, sending_configuration
from bench.speed.wire import Wire
from shared import config
from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration, Provisioned
from shared.domain.mail import Accepted, MessageContent, OutboundMessage, Outcome
from shared.gateways.postmark.events import PostmarkEvents
from shared.persistence import PostgresStore, make_engine
from shared.persistence.arrivals import PostgresArrivals
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.ports.doorbell import Doorbell, Message
from shared.ports.events import EventHeaders
from web.intake import events, gates, job
from workers.projection.handler import ProjectionDeps, project_batch
from workers.projection.policy import ProjectionPolicy
from workers.send.deps import SendDeps
from workers.send.handler import send_jobs
from workers.send.policy import SendPolicy

_ENVIRONMENT = {
    "EMAIL_INFRASTRUCTURE": "Alpha002",
    "EMAIL_PARTITION": "dev",
    "EMAIL_DATABASE_URL": "postgresql://nobody@127.0.0.1/nothing",
    "EMAIL_REDIS_URL": "redis://127.0.0.1/0",
    "EMAIL_MAIL_ZONE_ID": "Z1",
    "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
    "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-a-benchmark",
    "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
    "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
    "ARDA_API_KEY": "api-key-of-a-benchmark",
}


@cache
def defaults() -> Settings:
    return config.read(_ENVIRONMENT)


class Silence:
    """Hears how often it was rung, and tells nobody."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self, *messages: Message) -> bool:
        self.rings += 1
        return True

    def ring_again(self, *messages: Message) -> bool:
        return self.ring(*messages)


class TakesAll:
    """A provider that takes every message at once."""

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        return [Accepted(f"message-{message.job_id}") for message in messages]

    def find_by_claim(self, server_token: str, claim_id: UUID) -> dict[UUID, str]:
        return {}


class Unsealed:
    """A cipher with nothing to hide."""

    def encrypt(self, plaintext: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        return plaintext

    def decrypt(self, envelope: str, *, tenant_id: UUID, configuration_id: UUID) -> str:
        return envelope

    def is_current(self, envelope: str) -> bool:
        return True

    def version_of(self, envelope: str) -> str:
        return "v1"


class Scene:
    """One configuration that sends, in a database with nothing else. To be used by one thread."""

    def __init__(self, database_url: str, doorbell: Doorbell | None = None) -> None:
        self._engine = make_engine(database_url)
        self.wire = Wire(self._engine)
        self.store = PostgresStore(self._engine)
        self._doorbell = doorbell or Silence()
        with self.store.begin() as tx:
            tx.configurations.add(_sending(), Change("bench", "create"))

    @cached_property
    def _jobs(self) -> job.JobPorts:
        return job.JobPorts(self.store, PostgresArrivals(self._engine), self._doorbell, new_id)

    @cached_property
    def _events(self) -> events.EventPorts:
        return events.EventPorts(
            self.store, PostgresArrivals(self._engine), self._doorbell, PostmarkEvents(), new_id
        )

    @cached_property
    def _sending(self) -> SendDeps:
        provider = TakesAll()
        return SendDeps(
            store=self.store,
            sender=provider,
            sent_messages=provider,
            cipher=Unsealed(),
            doorbell=self._doorbell,
            new_id=new_id,
            zone_name=defaults().mail_zone.name,
            policy=SendPolicy.of(defaults().send),
        )

    @cached_property
    def _projecting(self) -> ProjectionDeps:
        return ProjectionDeps(self.store, self._doorbell, ProjectionPolicy.of(defaults().projection))

    def accept(self, count: int) -> list[UUID]:
        """In one request; the ids of the jobs."""
        results = job.submit(self._jobs, TENANT, "bench", [_submission() for _ in range(count)])
        taken = [result.job.e_id for result in results if isinstance(result, gates.Accepted)]
        if len(taken) < count:
            raise RuntimeError(f"{count - len(taken)} of {count} jobs were not accepted")
        return taken

    def queue(self, count: int) -> None:
        """So many jobs are due, and no other."""
        self.send_all()
        self.accept(count)

    def send(self) -> None:
        """What one ring makes a worker do: one batch."""
        send_jobs(CONFIGURATION, self._sending)

    def send_all(self) -> None:
        while self._is_due():
            self.send()

    def _is_due(self) -> bool:
        with self.store.begin() as tx:
            return tx.jobs.has_due(CONFIGURATION)

    def called_back(self, told: dict[str, object]) -> None:
        headers = EventHeaders(trace_id=str(uuid4()), event_id=str(uuid4()))
        if events.store(self._events, ROUTING_TOKEN, json.dumps(told), headers) is None:
            raise RuntimeError("nobody has this token")

    def tell_of(self, count: int, *, bounces: int = 0) -> None:
        """So many jobs are sent, and of each an event has come; no other event waits."""
        self.project_all()
        ids = self.accept(count)
        self.send_all()
        for job_id in ids[bounces:]:
            self.called_back(delivered(job_id))
        for job_id in ids[:bounces]:
            self.called_back(bounced(job_id))

    def project_all(self) -> None:
        while project_batch(CONFIGURATION, self._projecting):
            pass

    def project(self) -> None:
        """One batch."""
        if not project_batch(CONFIGURATION, self._projecting):
            raise RuntimeError("no event was due")

    def close(self) -> None:
        self._engine.dispose()
        self.wire.close()


def _sending() -> EmailConfiguration:
    provisioned = Provisioned(
        server_id=1,
        server_token="a1.kv1:bench",
        signature_id=2,
        domain_id=3,
        webhook_id=4,
        records_written=True,
    )
    return replace(sending_configuration(), provisioned=provisioned)


def _submission() -> gates.Submission:
    return gates.Submission(
        idempotency_key=uuid4().hex,
        body_hash=uuid4().bytes + uuid4().bytes,
        configuration_id=CONFIGURATION,
        recipient=f"{uuid4().hex}@example.com",
        content=MessageContent(subject="Your order", text_body="It is on its way.", tag="order"),
    )


def delivered(job_id: UUID) -> dict[str, object]:
    return {**_told(job_id, "Delivery"), "DeliveredAt": _now(), "Details": "smtp;250 2.0.0 OK"}


def bounced(job_id: UUID) -> dict[str, object]:
    """For good: it suppresses its address."""
    return {
        **_told(job_id, "Bounce"),
        "ID": uuid4().int % 10**12,
        "Type": "HardBounce",
        "TypeCode": 1,
        "Email": f"{job_id.hex}@example.com",
        "BouncedAt": _now(),
        "Inactive": True,
    }


def _told(job_id: UUID, kind: str) -> dict[str, object]:
    return {
        "RecordType": kind,
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": f"message-{job_id}",
        "Recipient": f"{job_id.hex}@example.com",
        "Metadata": {"job": str(job_id), "claim": str(uuid4())},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
