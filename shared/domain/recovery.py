"""A recovery: the database was restored to `gap_from`, and what was committed until `gap_until` is gone.

Meanwhile nothing is sent and callers are kept out. The provider is asked, configuration by configuration, for all that
it took since then; what it knows and we do not is written down. A job that it does not know was not sent.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.job import IN_FLIGHT, EmailJob, JobStatus

# The restored data may lack what was committed a little before `gap_from`, and clocks differ.
MARGIN = timedelta(minutes=15)
# Each configuration's server is asked so often, for the provider's index lags; see `second_look_at`.
LOOKS = 2

_NEVER_SENT = frozenset({JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SUPPRESSED})
# What keeps a key from being a caller's: those are ASCII.
_KEY_PREFIX = "\N{SECTION SIGN}recovered:"


class Found(StrEnum):
    """What a message of the provider's told us of its job."""

    # It waited here, and had been sent.
    SETTLED = "settled"
    # It had been accepted after the restored moment: there was no row of it.
    ADOPTED = "adopted"
    # Its row says that it ended without being sent. Left as it is: its events make it INCONSISTENT.
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    e_id: UUID
    gap_from: datetime
    gap_until: datetime
    author: str
    reason: str
    begun_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def __post_init__(self) -> None:
        if not self.gap_from < self.gap_until:
            raise InvalidValue("until", "the gap ends before it begins")
        if self.gap_until > self.begun_at:
            raise InvalidValue("until", "the gap ends in the future")

    @property
    def searched_from(self) -> datetime:
        return self.gap_from - MARGIN

    def second_look_at(self, index_lag: timedelta) -> datetime:
        """By then the provider's search knows all that was sent before this began."""
        return self.begun_at + index_lag


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """At one configuration's server. All that it took before `searched_until` is written down.

    `messages` counts ours, whatever we knew of them; `fault` is what the last try was broken off by.
    """

    recovery_id: UUID
    configuration_id: UUID
    number: int
    begun_at: datetime
    searched_until: datetime
    messages: int = 0
    fault: str | None = None
    finished_at: datetime | None = None

    @property
    def target(self) -> datetime:
        """A little more than all: the provider's clock may be ahead."""
        return self.begun_at + MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenMessage:
    """A message of ours as the provider's search shows it."""

    job_id: UUID
    claim_id: UUID | None
    message_id: str
    recipient: str = field(repr=False)
    subject: str = field(repr=False)
    tag: str | None
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message that told us something, as it is kept."""

    job_id: UUID
    tenant_id: UUID
    configuration_id: UUID
    found: Found
    provider_message_id: str
    taken_at: datetime


def judge(job: EmailJob | None, message: TakenMessage, configuration_id: UUID) -> Found | None:
    """None when it tells nothing that is not known, or names a job of somebody else."""
    if job is None:
        return Found.ADOPTED
    if job.configuration_id != configuration_id:
        return None
    if job.status in IN_FLIGHT:
        return Found.SETTLED
    known = job.status not in _NEVER_SENT or job.provider_message_id == message.message_id
    return None if known else Found.CONTRADICTED


def adopted(
    message: TakenMessage, recovery: Recovery, *, tenant_id: UUID, configuration_id: UUID
) -> EmailJob:
    """The job that a message is all that is left of."""
    return EmailJob(
        e_id=message.job_id,
        tenant_id=tenant_id,
        configuration_id=configuration_id,
        recipient=message.recipient,
        idempotency_key=recovered_key(message.job_id),
        # No body has it, nor can a caller's request come to be compared with it.
        body_hash=b"",
        status=JobStatus.SENT,
        tag=message.tag,
        author=recovery.author,
        accepted_at=message.taken_at,
        updated_at=message.taken_at,
        due_at=None,
        attempts=1,
        claim_id=message.claim_id,
        provider_message_id=message.message_id,
    )


def recovered_key(job_id: UUID) -> str:
    """In the place of a caller's idempotency key, which nobody knows any more."""
    return f"{_KEY_PREFIX}{job_id}"
