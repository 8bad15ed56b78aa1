"""What happened to one job as one timeline: the request, each attempt, what people did, what the provider told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.event import EmailEvent, EventKind, implied_status
from shared.domain.job import EmailJob, JobStatus
from shared.telemetry.tracing import id_of
from web.console.redaction import redacted
from web.console.wording import lasted, utc
from web.intake.job import Story

_LOOKS: Final = {
    JobStatus.SENT: ("primary", "dot"),
    JobStatus.DELIVERED: ("success", "check"),
    JobStatus.BOUNCED: ("danger", "cross"),
    JobStatus.COMPLAINED: ("danger", "stop"),
    JobStatus.FAILED: ("danger", "triangle"),
    JobStatus.SUPPRESSED: ("secondary", "minus"),
    JobStatus.CANCELLED: ("secondary", "slash"),
    JobStatus.IN_DOUBT: ("warning", "question"),
    JobStatus.QUEUED: ("warning", "glass"),
}
_PLAIN: Final = ("secondary", "dot")
_ACTIONS: Final = {
    "job.decide.sent": "Decided that it was sent",
    "job.decide.resend": "Decided to send it again",
    "job.decide.fail": "Decided to give it up",
    "job.resolve": "Resolved by all that the provider has told",
    "dead_letter.replay": "Put back to the queue",
    "dead_letter.discard": "Its dead letter laid to rest",
}
_KINDS: Final = {
    EventKind.BOUNCE: "Soft bounce, or another notice",
    EventKind.SPAM_COMPLAINT: "Spam complaint",
    EventKind.SUBSCRIPTION_CHANGE: "Subscription change",
    EventKind.OTHER: "Something of an unknown kind",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """`raw` is of an event, masked; `key` tells it from the others on the page."""

    at: datetime
    title: str
    text: str = ""
    author: str = ""
    tone: str = "secondary"
    sign: str = "dot"
    facts: Sequence[tuple[str, str]] = ()
    raw: str = field(default="", repr=False)
    key: str = ""


def entries_of(story: Story) -> list[Entry]:
    """Oldest first. Of one moment, what is named first here comes first."""
    entries = [
        _accepted(story.job),
        *(_attempt(attempt, story.job) for attempt in story.attempts),
        *map(_action, story.actions),
        *map(entry_of_event, story.events),
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _accepted(job: EmailJob) -> Entry:
    facts = [("Idempotency key", job.idempotency_key)]
    if job.trace:
        facts.append(("Trace", id_of(job.trace)))
    return Entry(job.accepted_at, "Accepted", author=job.author, sign="ring", facts=facts)


def _attempt(attempt: SendAttempt, job: EmailJob) -> Entry:
    title, text = _outcome(attempt, job)
    tone, sign = _looks(attempt.outcome)
    facts = [("Claim", str(attempt.claim_id))]
    if attempt.finished_at is not None:
        facts.append(("Took", lasted(attempt.finished_at - attempt.claimed_at)))
    if attempt.code is not None:
        facts.append(("Code", attempt.code))
    if attempt.provider_message_id is not None:
        facts.append(("Provider's message id", attempt.provider_message_id))
    return Entry(
        attempt.claimed_at,
        f"Attempt {attempt.number}: {title}",
        text,
        tone=tone,
        sign=sign,
        facts=facts,
    )


def _outcome(attempt: SendAttempt, job: EmailJob) -> tuple[str, str]:
    said = attempt.text or ""
    if attempt.outcome is None:
        if job.status is JobStatus.SENDING and job.claim_id == attempt.claim_id:
            return "under way", ""
        return "no result", "Its worker ended without one."
    if attempt.fenced:
        late = "Its result came after the claim was lost: kept as evidence, without effect."
        return f"{attempt.outcome}, too late", f"{late} {said}".strip()
    return attempt.outcome, said


def _looks(outcome: str | None) -> tuple[str, str]:
    return _LOOKS.get(JobStatus(outcome), _PLAIN) if outcome else ("secondary", "dots")


def _action(action: OperatorAction) -> Entry:
    title = _ACTIONS.get(action.action, action.action)
    return Entry(action.at, title, action.reason, author=action.author, tone="info", sign="ring")


def entry_of_event(event: EmailEvent) -> Entry:
    implied = implied_status(event.facts)
    tone, sign = _LOOKS.get(implied, _PLAIN) if implied else _PLAIN
    return Entry(
        event.received_at,
        title_of(event),
        _told(event),
        tone=tone,
        sign=sign,
        facts=[("Event", str(event.e_id))],
        raw=redacted(event.raw),
        key=event.e_id.hex,
    )


def title_of(event: EmailEvent) -> str:
    kind = event.facts.kind
    if kind is EventKind.BOUNCE and event.facts.hard_bounce:
        return "Hard bounce"
    return _KINDS.get(kind, kind.value)


def _told(event: EmailEvent) -> str:
    """How long it took to be told: the first question about a status that came late."""
    told = "It tells no time."
    if event.facts.occurred_at is not None:
        delay = lasted(event.received_at - event.facts.occurred_at)
        told = f"Happened at {utc(event.facts.occurred_at)}, told {delay} later."
    return told if event.projected_at is not None else f"{told} Not folded into the status yet."
