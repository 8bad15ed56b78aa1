"""How long rows are kept. Only what can change nothing any more ever goes; docs/retention.md has the table."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.domain.event import EventFacts, EventKind
from shared.domain.job import JobStatus


class Kind(StrEnum):
    """Spelled as the settings, without their "Days"."""

    # Subject, bodies and attachments of jobs that are over.
    CONTENTS = "contents"
    ATTEMPTS = "attempts"
    # Events that neither a job's status nor a suppression rests on.
    EVENTS = "events"
    # With their contents, attempts and events; with them ends the promise that their idempotency keys made.
    JOBS = "jobs"
    # Of configurations.
    RECORDS = "records"
    # What operators did, and why.
    AUDIT = "audit"
    REPLAYS = "replays"
    DEAD_LETTERS = "deadLetters"
    FINDINGS = "findings"
    # Counted minutes.
    TRAFFIC = "traffic"

    @property
    def e_id(self) -> UUID:
        """Of its row: the same in every database, so that whoever rings need not look it up."""
        return uuid5(NAMESPACE_URL, f"shop-access.email/retention/{self}")


# Nothing but the provider's word moves these, and none of them is ever sent again: FAILED is among them for as long as
# nobody can put it back, which needs an open dead letter. INCONSISTENT waits for somebody.
OVER = (
    JobStatus.SENT,
    JobStatus.DELIVERED,
    JobStatus.BOUNCED,
    JobStatus.COMPLAINED,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
    JobStatus.SUPPRESSED,
)
_RECORD_ONLY = (EventKind.OPEN, EventKind.CLICK, EventKind.TEST, EventKind.OTHER)


@dataclass(frozen=True, slots=True)
class Pass:
    """One walk through the rows of a kind, oldest first: those from before `until` go, as far as they may.

    `token` fences what is removed in its name; `cursor` is the last row that was looked at.
    """

    kind: Kind
    token: UUID
    until: datetime
    cursor: UUID | None = None


def is_record_only(facts: EventFacts) -> bool:
    """Neither a job's status nor what holds for an address would be another without it."""
    return facts.kind in _RECORD_ONLY or (facts.kind is EventKind.BOUNCE and not facts.hard_bounce)
