"""What happened to one job, as one list: its acceptance, every attempt, what operators did, what the provider told."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.event import EmailEvent
from shared.domain.job import EmailJob
from shared.telemetry.tracing import id_of
from web.intake.job import Story
from web.moments import milliseconds, milliseconds_or_none
from web.records import Output


class AcceptedEntry(Output):
    """`trace`: the id by which log lines and traces tell of this job; null for one accepted before there were any."""

    type: Literal["accepted"]
    at: int
    author: str
    trace: str | None


class AttemptEntry(Output):
    """`outcome` is the status that its result asked for: null while there is none, or for ever when its worker died.

    `fenced`: the result came after the claim was lost; it is evidence, and had no effect.
    """

    type: Literal["attempt"]
    at: int
    number: int
    claim_id: UUID
    finished_at: int | None
    outcome: str | None
    code: str | None
    text: str | None
    message_id: str | None
    fenced: bool


class ActionEntry(Output):
    """What somebody did by hand, such as `job.decide.resend`, and why."""

    type: Literal["action"]
    at: int
    action: str
    author: str
    reason: str


class EventEntry(Output):
    """`at` is when it came in; its payload is among the job's events."""

    type: Literal["event"]
    at: int
    e_id: UUID
    kind: str
    occurred_at: int | None


Entry = Annotated[AcceptedEntry | AttemptEntry | ActionEntry | EventEntry, Field(discriminator="type")]


class Timeline(Output):
    """Oldest first."""

    entries: list[Entry]


def timeline_of(story: Story) -> Timeline:
    # Stable: of one moment, what is named first here comes first.
    entries: list[Entry] = [
        _accepted(story.job),
        *map(_attempt, story.attempts),
        *map(_action, story.actions),
        *map(_event, story.events),
    ]
    return Timeline(entries=sorted(entries, key=lambda entry: entry.at))


def _accepted(job: EmailJob) -> AcceptedEntry:
    trace = id_of(job.trace) if job.trace else None
    return AcceptedEntry(type="accepted", at=milliseconds(job.accepted_at), author=job.author, trace=trace)


def _attempt(attempt: SendAttempt) -> AttemptEntry:
    return AttemptEntry(
        type="attempt",
        at=milliseconds(attempt.claimed_at),
        number=attempt.number,
        claim_id=attempt.claim_id,
        finished_at=milliseconds_or_none(attempt.finished_at),
        outcome=attempt.outcome,
        code=attempt.code,
        text=attempt.text,
        message_id=attempt.provider_message_id,
        fenced=attempt.fenced,
    )


def _action(action: OperatorAction) -> ActionEntry:
    return ActionEntry(
        type="action",
        at=milliseconds(action.at),
        action=action.action,
        author=action.author,
        reason=action.reason,
    )


def _event(event: EmailEvent) -> EventEntry:
    return EventEntry(
        type="event",
        at=milliseconds(event.received_at),
        e_id=event.e_id,
        kind=event.facts.kind.value,
        occurred_at=milliseconds_or_none(event.facts.occurred_at),
    )
