"""What has to be there before an example is sent: each scene by the words that the example says it with."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Provisioned
from shared.domain.dns import MailDns
from shared.domain.event import EmailEvent
from shared.domain.job import EmailJob, JobStatus, Settlement, canonical_hash
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.mail import MessageContent
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.domain.verification import Check
from shared.domain.webhook import WebhookHealth, WebhookState, fingerprint
from shared.gateways.postmark.events import PostmarkEvents
from shared.ports.configurations import Change
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob
from tests.fakes.clock import FixedClock
from tests.fakes.store import MemoryStore
from tests.unit.web.api import KEY, ROUTING_TOKEN
from web.examples import common
from web.examples.events import BOUNCE, DELIVERY
from web.examples.job import MESSAGE

TENANT = UUID(common.TENANT)
CONFIGURATION = UUID(common.CONFIGURATION)
JOB = UUID(common.JOB)
SUPPRESSION = UUID(common.SUPPRESSION)
CLAIM = UUID("019b0000-0000-7000-8000-0000000000e1")
DKIM = "k=rsa; p=MIGfMA0GCSqGSIb3"
TARGET = "pm.mtasv.net"
DNS = MailDns("20261101._domainkey.acme.dev.ardamails.com", DKIM, "pm-bounces.acme.dev.ardamails.com", TARGET)
PROVISIONED = Provisioned(
    server_id=4711,
    server_token="sealed",
    signature_id=4712,
    domain_id=4713,
    webhook_id=4714,
    records_written=True,
)
_OPERATOR = Change(common.OPERATOR, "signal:lock", "invoice unpaid")


class Ids:
    """Implements `ports.clock.NewId`: counts from `first`."""

    def __init__(self, first: int) -> None:
        self._next = first

    def __call__(self) -> UUID:
        self._next += 1
        return UUID(f"019b0000-0000-7000-8000-{self._next - 1:012x}")


def empty_store() -> MemoryStore:
    return MemoryStore(FixedClock(), new_id=Ids(0xA0001))


def configuration(store: MemoryStore, **changes: Any) -> EmailConfiguration:
    """PENDING and LOCKED, unless `changes` says otherwise."""
    now = store.clock.now()
    values: dict[str, Any] = {
        "e_id": CONFIGURATION,
        "tenant_id": TENANT,
        "slug": "acme",
        "from_name": "Acme Orders",
        "reply_to_email": "help@acme.example",
        "operational_since": now,
        "administrative_since": now,
        "created_at": now,
        "updated_at": now,
        **changes,
    }
    one = EmailConfiguration(**values)
    with store.begin() as tx:
        tx.configurations.add(one, Change(common.AUTHOR, "create"))
    return one


def sendable(store: MemoryStore, **changes: Any) -> EmailConfiguration:
    values: dict[str, Any] = {
        "operational": Operational.OK,
        "administrative": Administrative.UNLOCKED,
        "provisioned": PROVISIONED,
        "dns": DNS,
        "routing_token_hash": sha256(ROUTING_TOKEN.encode()).digest(),
        "verification_started_at": store.clock.now(),
    }
    return configuration(store, **{**values, **changes})


def locked(store: MemoryStore) -> None:
    """Locked a minute after it was made."""
    held = sendable(store)
    now = store.advance(seconds=60)
    changes = {"administrative": Administrative.LOCKED, "administrative_since": now, "updated_at": now}
    _save(store, held, **changes)


def _save(store: MemoryStore, held: EmailConfiguration, **changes: Any) -> None:
    values = {name: getattr(held, name) for name in held.__dataclass_fields__}
    with store.begin() as tx:
        tx.configurations.save(EmailConfiguration(**{**values, **changes}), _OPERATOR)


def awaiting(store: MemoryStore) -> None:
    """Checked once, twenty seconds after its records were written; the next check is due in ten seconds."""
    now = store.clock.now()
    sendable(
        store,
        operational=Operational.AWAITING_VERIFICATION,
        administrative=Administrative.LOCKED,
        verification_due_at=now + timedelta(seconds=30),
    )
    store.advance(seconds=20)
    check = Check(dkim_verified=False, return_path_verified=True, dkim_seen=DKIM, return_path_seen=TARGET)
    with store.begin() as tx:
        tx.checks.record(CONFIGURATION, check)


def accepted(store: MemoryStore) -> EmailJob:
    sendable(store)
    now = store.clock.now()
    job = EmailJob(
        e_id=JOB,
        tenant_id=TENANT,
        configuration_id=CONFIGURATION,
        recipient="person@example.com",
        idempotency_key="order-4711-confirmation",
        body_hash=canonical_hash(MESSAGE),
        tag="order-confirmation",
        author=common.AUTHOR,
        accepted_at=now,
        updated_at=now,
        due_at=now,
    )
    content = MessageContent(subject="Your order", text_body="It is on its way.", tag="order-confirmation")
    with store.begin() as tx:
        tx.jobs.accept([NewJob(job, content)])
    return job


def _claimed(store: MemoryStore) -> None:
    accepted(store)
    store.advance(seconds=1)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=CLAIM, limit=10, lease_seconds=60)


def _sent(store: MemoryStore) -> None:
    _claimed(store)
    store.advance(seconds=1)
    with store.begin() as tx:
        tx.jobs.record(CLAIM, [Settlement(JOB, JobStatus.SENT, provider_message_id=common.MESSAGE_ID)])


def delivered(store: MemoryStore) -> None:
    _sent(store)
    _tell(store, DELIVERY, JobStatus.DELIVERED)


def inconsistent(store: MemoryStore) -> None:
    """Told of as bounced, and of as delivered after that."""
    _sent(store)
    _tell(store, BOUNCE, JobStatus.BOUNCED)
    _tell(store, DELIVERY, JobStatus.INCONSISTENT)


def _tell(store: MemoryStore, said: Mapping[str, object], status: JobStatus) -> None:
    """As the ingress stores an event and a worker folds it, a second later."""
    now = store.advance(seconds=1)
    raw = json.dumps(said)
    with store.begin() as tx:
        number = len(tx.events.for_job(TENANT, JOB)) + 1
        event = EmailEvent(
            e_id=UUID(f"019b0000-0000-7000-8000-0000000000f{number}"),
            tenant_id=TENANT,
            configuration_id=CONFIGURATION,
            facts=PostmarkEvents().read(raw),
            received_at=now,
            raw=raw,
        )
        tx.events.add(event, EventHeaders())
        tx.events.mark_projected({event.e_id: JOB})
        (job,) = tx.jobs.for_events(CONFIGURATION, job_ids=[JOB], message_ids=[])
        tx.jobs.set_status(job, status, provider_message_id=common.MESSAGE_ID)


def in_doubt(store: MemoryStore, age: timedelta) -> None:
    _claimed(store)
    due_at = store.clock.now() + timedelta(seconds=15)
    doubt = Settlement(
        JOB, JobStatus.IN_DOUBT, due_at=due_at, error_code="read_timeout", error_text="no answer"
    )
    with store.begin() as tx:
        tx.jobs.record(CLAIM, [doubt])
    store.advance(age)


def suppressed(
    store: MemoryStore, reason: SuppressionReason = SuppressionReason.MANUAL, **changes: Any
) -> None:
    now = store.clock.now()
    entry = SuppressionEntry(
        e_id=SUPPRESSION,
        tenant_id=TENANT,
        address="gone@example.com",
        reason=reason,
        since=now,
        author=common.OPERATOR,
        note="asked by phone",
        created_at=now,
        updated_at=now,
    )
    with store.begin() as tx:
        tx.suppressions.add(entry)


def _sendable_and_suppressed(store: MemoryStore) -> None:
    sendable(store)
    suppressed(store)


def _looked_at(store: MemoryStore) -> None:
    sendable(store)
    paused = WebhookHealth(
        state=WebhookState.PAUSED, webhooks=1, paused=("Bounce",), requests=4711, failures=12, reverified=True
    )
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, paused)
        tx.webhook_keys.set(CONFIGURATION, fingerprint(KEY))


def _caught_up(store: MemoryStore) -> None:
    sendable(store)
    ends = store.clock.now()
    store.advance(seconds=60)
    with store.begin() as tx:
        tx.gaps.open(
            ends - timedelta(hours=3), ends, cause="away", author="ingress", configuration_id=CONFIGURATION
        )


SCENES: Mapping[str, Callable[[MemoryStore], object]] = {
    "a new tenant": lambda _: None,
    "a configuration that was just made": configuration,
    "a configuration that may send": sendable,
    "a configuration that was locked a minute ago": locked,
    "a configuration that waits for its verification": awaiting,
    "a configuration that may send, and a suppressed address": _sendable_and_suppressed,
    "an accepted job": accepted,
    "a delivered job": delivered,
    "a job whose events contradict one another": inconsistent,
    "a job in doubt for five hours": lambda store: in_doubt(store, timedelta(hours=5)),
    "a job in doubt for an hour": lambda store: in_doubt(store, timedelta(hours=1)),
    "a suppressed address": suppressed,
    "an address whose recipient complained": lambda store: suppressed(
        store, SuppressionReason.SPAM_COMPLAINT
    ),
    "a webhook that was looked at": _looked_at,
    "a time in which events may have been lost": _caught_up,
}
