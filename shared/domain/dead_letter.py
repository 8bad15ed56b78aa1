"""What no retry mends: kept as a row until somebody replays it or lets it rest."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Subject(StrEnum):
    # A job that ended FAILED.
    JOB = "job"
    # An event whose job never came.
    EVENT = "event"
    # A message whose handler raised again and again.
    MESSAGE = "message"


class Rest(StrEnum):
    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """`error_class` groups: `poison`, `expired`, a provider's code, or the name of an exception."""

    e_id: UUID
    subject: Subject
    # The job, the event, or the configuration that the message was about.
    subject_id: UUID
    # The message type, for messages.
    actor: str | None = None
    tenant_id: UUID | None = None
    configuration_id: UUID | None = None
    error_class: str
    reason: str
    attempts: int
    traceback: str | None = field(default=None, repr=False)
    raised_at: datetime
    rest: Rest = Rest.OPEN
    rested_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFilter:
    """All that is given has to hold. `rest` is OPEN unless it is asked for otherwise."""

    subject: Subject | None = None
    error_class: str | None = None
    tenant_id: UUID | None = None
    configuration_id: UUID | None = None
    # Messages alone have one.
    actor: str | None = None
    raised_from: datetime | None = None
    raised_until: datetime | None = None
    rest: Rest = Rest.OPEN
