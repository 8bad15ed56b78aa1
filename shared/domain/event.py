"""What a provider's event says, and what it makes of a job's status."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.job import JobStatus
from shared.domain.suppression import SuppressionFact, SuppressionReason


class EventKind(StrEnum):
    DELIVERY = "Delivery"
    BOUNCE = "Bounce"
    SPAM_COMPLAINT = "SpamComplaint"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    OPEN = "Open"
    CLICK = "Click"
    # Sent while a webhook is created or verified; stored, never acted on.
    TEST = "Test"
    # Anything else, today's or tomorrow's: stored, never acted on.
    OTHER = "Other"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """An event in our words. `occurred_at` is the provider's clock; None where the payload has no date."""

    kind: EventKind
    content_key: bytes
    occurred_at: datetime | None = None
    message_id: str | None = None
    job_id: UUID | None = None
    # Normalised as a job's recipient is; absent from some payloads.
    recipient: str | None = field(default=None, repr=False)
    # A bounce that ends it: the provider says the address is inactive, or calls it a hard bounce.
    hard_bounce: bool = False
    # SubscriptionChange only: put on the list (True) or taken off it (False), and why.
    suppresses: bool | None = None
    suppression_reason: SuppressionReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailEvent:
    e_id: UUID
    tenant_id: UUID
    configuration_id: UUID
    facts: EventFacts
    received_at: datetime
    job_id: UUID | None = None
    projected_at: datetime | None = None
    raw: str = field(repr=False)


# Toward more concerning; the only direction in which a status moves by itself.
CONCERN = {
    JobStatus.SENT: 0,
    JobStatus.DELIVERED: 1,
    JobStatus.BOUNCED: 2,
    JobStatus.COMPLAINED: 3,
}

_BEFORE_SENT = (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT)


def implied_status(facts: EventFacts) -> JobStatus | None:
    """The status an event stands for; None for events that are recorded only."""
    match facts.kind:
        case EventKind.DELIVERY:
            return JobStatus.DELIVERED
        case EventKind.BOUNCE if facts.hard_bounce:
            return JobStatus.BOUNCED
        case EventKind.SPAM_COMPLAINT:
            return JobStatus.COMPLAINED
    return None


def fold(held: JobStatus, facts: EventFacts) -> JobStatus:
    """The status a job has after one more event.

    Any event about a message proves that the provider took it, so a job that still waits or is in doubt is sent:
    that is also what keeps a re-queued job from going out twice.
    """
    if not tells_of_a_message(facts):
        return held
    implied = implied_status(facts)
    if held in _BEFORE_SENT:
        return implied or JobStatus.SENT
    if held not in CONCERN:
        return _fold_final(held, implied)
    if implied is None or implied is held:
        return held
    return implied if CONCERN[implied] > CONCERN[held] else JobStatus.INCONSISTENT


def _fold_final(held: JobStatus, implied: JobStatus | None) -> JobStatus:
    """FAILED, CANCELLED and SUPPRESSED say "never taken"; an event that says otherwise is for a person to settle."""
    return held if implied is None else JobStatus.INCONSISTENT


def settled(told: Iterable[EventFacts]) -> JobStatus | None:
    """What the whole log says of a message, its order and repeats aside; None when it tells of none."""
    known = [facts for facts in told if tells_of_a_message(facts)]
    if not known:
        return None
    implied = [status for facts in known if (status := implied_status(facts)) is not None]
    return max(implied, key=CONCERN.__getitem__, default=JobStatus.SENT)


def suppression_fact(event: EmailEvent) -> SuppressionFact | None:
    """What an event says of its recipient's address; None when it says nothing.

    Nothing occurs after we heard of it: a date in the future would outlast every later lift.
    """
    at = min(event.facts.occurred_at or event.received_at, event.received_at)
    match event.facts.kind:
        case EventKind.BOUNCE if event.facts.hard_bounce:
            return SuppressionFact(at, SuppressionReason.HARD_BOUNCE, event.e_id)
        case EventKind.SPAM_COMPLAINT:
            return SuppressionFact(at, SuppressionReason.SPAM_COMPLAINT, event.e_id)
        case EventKind.SUBSCRIPTION_CHANGE if event.facts.suppresses is not None:
            reason = event.facts.suppression_reason or SuppressionReason.UNSUBSCRIBED
            return SuppressionFact(at, reason if event.facts.suppresses else None, event.e_id)
    return None


def tells_of_a_message(facts: EventFacts) -> bool:
    """Test posts and types we do not know are kept, and not even taken as a sign that a message was sent."""
    return facts.kind not in (EventKind.TEST, EventKind.OTHER)


def concerns_a_message(facts: EventFacts) -> bool:
    """Whether there is a job to join it to; a change made by hand at the provider has none."""
    return facts.kind is not EventKind.TEST and (facts.job_id is not None or facts.message_id is not None)
