"""Values of the domain for tests: give what the test is about, and the rest is plausible."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration, Provisioned
from shared.domain.dns import MailDns
from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.job import EmailJob
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.mail import MessageContent
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.ports.dead_letters import HandlerFault
from shared.ports.jobs import NewJob

# In the past of every database's clock, so that what is due since then is due.
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TENANT = UUID("7e4a0000-0000-4000-8000-000000000001")
OTHER_TENANT = UUID("7e4a0000-0000-4000-8000-000000000002")

CREATED = Change(author="operator@example.com", cause="create")


def later(**interval: float) -> datetime:
    """LONG_AGO and so much."""
    return LONG_AGO + timedelta(**interval)


def configuration(**given: Any) -> EmailConfiguration:
    """PENDING and LOCKED, as it is when new."""
    e_id = given.get("e_id") or new_id()
    fields: dict[str, Any] = {
        "e_id": e_id,
        "tenant_id": TENANT,
        "slug": f"tenant-{e_id.hex}",
        "from_name": "Acme Orders",
        "operational_since": LONG_AGO,
        "administrative_since": LONG_AGO,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    return EmailConfiguration(**{**fields, **given})


def sendable(**given: Any) -> EmailConfiguration:
    """Provisioned, verified and unlocked."""
    fields: dict[str, Any] = {
        "operational": Operational.OK,
        "administrative": Administrative.UNLOCKED,
        "provisioned": provisioned(),
        "dns": mail_dns(),
        "routing_token_hash": uuid4().bytes + uuid4().bytes,
        "verification_started_at": LONG_AGO,
    }
    return configuration(**{**fields, **given})


def provisioned(**given: Any) -> Provisioned:
    fields: dict[str, Any] = {
        "server_id": 11,
        "server_token": "a1.k1:AAAA",
        "signature_id": 12,
        "domain_id": 13,
        "webhook_id": 14,
        "records_written": True,
    }
    return Provisioned(**{**fields, **given})


def mail_dns(**given: Any) -> MailDns:
    fields: dict[str, Any] = {
        "dkim_host": "20260102pm._domainkey.acme.dev.ardamails.com",
        "dkim_value": "k=rsa;p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB",
        "return_path_host": "pm-bounces.acme.dev.ardamails.com",
        "return_path_target": "pm.mtasv.net",
    }
    return MailDns(**{**fields, **given})


def job(configuration: EmailConfiguration | None = None, **given: Any) -> EmailJob:
    """QUEUED and due, of `configuration` or of one that nobody stored."""
    e_id = given.get("e_id") or new_id()
    fields: dict[str, Any] = {
        "e_id": e_id,
        "tenant_id": configuration.tenant_id if configuration else TENANT,
        "configuration_id": configuration.e_id if configuration else new_id(),
        "recipient": "person@example.com",
        "idempotency_key": f"key-{e_id}",
        "body_hash": b"\x01" * 32,
        "author": "orders-service",
        "accepted_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "due_at": LONG_AGO,
    }
    return EmailJob(**{**fields, **given})


def content(**given: Any) -> MessageContent:
    fields: dict[str, Any] = {"subject": "Your order", "text_body": "It is on its way."}
    return MessageContent(**{**fields, **given})


def new_job(configuration: EmailConfiguration | None = None, **given: Any) -> NewJob:
    return NewJob(job(configuration, **given), content(tag=given.get("tag")))


def facts(kind: EventKind = EventKind.DELIVERY, **given: Any) -> EventFacts:
    fields: dict[str, Any] = {
        "kind": kind,
        "content_key": uuid4().bytes + uuid4().bytes,
        "occurred_at": LONG_AGO,
        "recipient": "person@example.com",
        "message_id": str(uuid4()),
    }
    return EventFacts(**{**fields, **given})


def event(
    configuration: EmailConfiguration | None = None, told: EventFacts | None = None, **given: Any
) -> EmailEvent:
    """Received and not yet projected; `told`, or the facts of a delivery."""
    told = told or facts()
    fields: dict[str, Any] = {
        "e_id": new_id(),
        "tenant_id": configuration.tenant_id if configuration else TENANT,
        "configuration_id": configuration.e_id if configuration else new_id(),
        "facts": told,
        "received_at": LONG_AGO,
        "raw": f'{{"RecordType": "{told.kind}"}}',
    }
    return EmailEvent(**{**fields, **given})


def action(subject_id: UUID, **given: Any) -> OperatorAction:
    fields: dict[str, Any] = {
        "e_id": new_id(),
        "tenant_id": TENANT,
        "action": "job.decide.resend",
        "subject_id": subject_id,
        "author": "operator@example.com",
        "reason": "the customer asked",
        "at": LONG_AGO,
    }
    return OperatorAction(**{**fields, **given})


def handler_fault(row_id: UUID, **given: Any) -> HandlerFault:
    fields: dict[str, Any] = {
        "actor": "send_jobs",
        "row_id": row_id,
        "error_class": "ZeroDivisionError",
        "reason": "division by zero",
        "traceback": "workers/send/handler.py:7 in send_jobs",
    }
    return HandlerFault(**{**fields, **given})


def suppression(**given: Any) -> SuppressionEntry:
    fields: dict[str, Any] = {
        "e_id": new_id(),
        "tenant_id": TENANT,
        "address": "person@example.com",
        "reason": SuppressionReason.MANUAL,
        "since": LONG_AGO,
        "author": "operator@example.com",
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    return SuppressionEntry(**{**fields, **given})
