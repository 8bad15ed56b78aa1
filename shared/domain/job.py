"""A job's life, from acceptance to its final delivery status.

QUEUED -> SENDING -> SENT -> DELIVERED | BOUNCED | COMPLAINED
              |  `-> IN_DOUBT -> SENT | QUEUED
              `-> QUEUED (due later) | FAILED | SUPPRESSED
QUEUED -> CANCELLED (force-lock), any settled status -> INCONSISTENT (see `event.fold`)
QUEUED | SENDING | IN_DOUBT -> SENT, found at the provider after a restore (see `recovery`)
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.mail import (
    Accepted,
    AccountFault,
    ConfigurationFault,
    Deferred,
    MessageContent,
    Outcome,
    Refused,
    Unknown,
)


class JobStatus(StrEnum):
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    IN_DOUBT = "IN_DOUBT"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    BOUNCED = "BOUNCED"
    COMPLAINED = "COMPLAINED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SUPPRESSED = "SUPPRESSED"
    INCONSISTENT = "INCONSISTENT"


IN_FLIGHT = (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT)

# Sent by callers, so printable ASCII only: it travels in a header and is looked at by people.
_KEY_MAX = 255
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailJob:
    e_id: UUID
    tenant_id: UUID
    configuration_id: UUID
    recipient: str = field(repr=False)
    idempotency_key: str
    body_hash: bytes = field(repr=False)
    status: JobStatus = JobStatus.QUEUED
    tag: str | None = None
    author: str
    accepted_at: datetime
    updated_at: datetime
    # QUEUED: when to try; IN_DOUBT: when to look. None once nothing is due.
    due_at: datetime | None
    # Claims so far, counted when claimed, so that a job that kills its worker is counted too.
    attempts: int = 0
    # The fencing token of the claim that holds or last held this job; also the search key at the provider.
    claim_id: UUID | None = None
    lease_until: datetime | None = None
    in_doubt_since: datetime | None = None
    # Looks at the provider that found nothing after the index-lag grace was over.
    late_looks: int = 0
    # Claims that ended with their worker and not with a result.
    worker_deaths: int = 0
    # When it was put back to the queue by hand; its age counts from here then.
    replayed_at: datetime | None = None
    provider_message_id: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    # Of the request that brought it, as `telemetry.tracing` writes it; None for jobs from before there were any.
    trace: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    e_id: UUID
    recipient: str = field(repr=False)
    content: MessageContent = field(repr=False)
    attempts: int
    # Since its acceptance, or since an operator put it back: its maximum age counts from here.
    accepted_at: datetime
    # Claims that ended with their worker: such a job is claimed alone.
    worker_deaths: int = 0
    # As `EmailJob.trace`.
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one claimed job becomes. `due_at` is set when there is more to do."""

    job_id: UUID
    status: JobStatus
    due_at: datetime | None = None
    provider_message_id: str | None = None
    error_code: str | None = None
    error_text: str | None = None


def settle(
    job: ClaimedJob,
    outcome: Outcome,
    *,
    retry_at: datetime,
    look_at: datetime,
    expires_at: datetime,
) -> Settlement:
    """The outcome table: what a provider's answer makes of a job."""
    match outcome:
        case Accepted() | Refused():
            return settle_for_good(job, outcome)
        case Unknown(code, text):
            return Settlement(
                job.e_id,
                JobStatus.IN_DOUBT,
                due_at=look_at,
                error_code=code,
                error_text=text,
            )
        case Deferred(code, text) | ConfigurationFault(code, text) | AccountFault(code, text):
            if retry_at >= expires_at:
                return _expired(job, code, text)
            return Settlement(
                job.e_id,
                JobStatus.QUEUED,
                due_at=retry_at,
                error_code=code,
                error_text=text,
            )


def settle_for_good(job: ClaimedJob, outcome: Accepted | Refused) -> Settlement:
    """Of most messages, and the same at any time."""
    if isinstance(outcome, Accepted):
        return Settlement(job.e_id, JobStatus.SENT, provider_message_id=outcome.message_id)
    status = JobStatus.SUPPRESSED if outcome.inactive_recipient else JobStatus.FAILED
    return Settlement(job.e_id, status, error_code=outcome.code, error_text=outcome.text)


def _expired(job: ClaimedJob, code: str, text: str) -> Settlement:
    reason = f"gave up at its maximum age; last answer {code}: {text}"
    return Settlement(job.e_id, JobStatus.FAILED, error_code="expired", error_text=reason)


def checked_idempotency_key(key: str) -> str:
    if not 1 <= len(key) <= _KEY_MAX or not key.isascii() or not key.isprintable():
        raise InvalidValue("Idempotency-Key", f"send 1 to {_KEY_MAX} printable ASCII characters")
    return key


def canonical_hash(body: Mapping[str, object]) -> bytes:
    """SHA-256 of the body as canonical JSON: key order and white space do not make another request of it."""
    text = _CANONICAL.encode(body)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
