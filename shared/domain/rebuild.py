"""What a tenant's rows would be, had they been made anew from everything that was ever told."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.event import (
    CONCERN,
    EmailEvent,
    EventFacts,
    fold,
    settled,
    suppression_fact,
    tells_of_a_message,
)
from shared.domain.job import IN_FLIGHT, EmailJob, JobStatus
from shared.domain.suppression import SuppressionFact, SuppressionState, state_of

RESOLVE = "job.resolve"
_DECIDED = {"job.decide.sent": JobStatus.SENT, "job.decide.fail": JobStatus.FAILED}
# After these it is as if the job had never been tried.
_PUT_BACK = frozenset({"job.decide.resend", "dead_letter.replay"})
_NEVER_TAKEN = (JobStatus.FAILED, JobStatus.SUPPRESSED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobDifference:
    job: EmailJob
    should_be: JobStatus


@dataclass(frozen=True, slots=True)
class AddressDifference:
    """`held`: the reason of the active entry; `should_be`: what the facts come to. None where none told of it."""

    address: str
    held: str | None
    should_be: SuppressionState | None

    @property
    def reason_told(self) -> str | None:
        return self.should_be.reason.value if self.should_be is not None and self.should_be.active else None


def job_difference(
    job: EmailJob,
    events: Sequence[EmailEvent],
    attempts: Sequence[SendAttempt],
    actions: Sequence[OperatorAction],
) -> JobDifference | None:
    """None when the row says what its log does, or when the job is on its way and the log cannot know how far."""
    taken = is_taken(job, events, attempts, actions)
    if job.status in IN_FLIGHT and not taken:
        return None
    base = JobStatus.SENT if taken else _untaken(job, attempts, actions)
    told = replayed(base, events, actions)
    return None if told is job.status else JobDifference(job, told)


def is_taken(
    job: EmailJob,
    events: Iterable[EmailEvent],
    attempts: Iterable[SendAttempt],
    actions: Iterable[OperatorAction],
) -> bool:
    """Whether somebody else than the events says that the provider has the message."""
    if any(attempt.outcome == JobStatus.SENT or attempt.provider_message_id for attempt in attempts):
        return True
    if any(_DECIDED.get(action.action) is JobStatus.SENT for action in actions):
        return True
    told = {event.facts.message_id for event in events if tells_of_a_message(event.facts)}
    return job.provider_message_id is not None and job.provider_message_id not in told


def _untaken(job: EmailJob, attempts: Sequence[SendAttempt], actions: Sequence[OperatorAction]) -> JobStatus:
    """What it was before its events.

    The row knows of some ends that no attempt does: a lock by force, a recipient suppressed before the claim.
    """
    ended = _ends(attempts, actions)
    if ended is not None:
        return ended
    if job.status in _NEVER_TAKEN:
        return job.status
    # It was moved on from SENDING or IN_DOUBT by an event; what contradicts its events was never taken.
    return JobStatus.SENT if job.status in CONCERN else JobStatus.FAILED


def _ends(attempts: Sequence[SendAttempt], actions: Sequence[OperatorAction]) -> JobStatus | None:
    """How sending ended, by results that had their effect and decisions, whichever came last."""
    said: list[tuple[datetime, JobStatus | None]] = [
        (attempt.finished_at, _end(attempt.outcome))
        for attempt in attempts
        if attempt.finished_at is not None and not attempt.fenced
    ]
    said += [
        (action.at, _DECIDED.get(action.action))
        for action in actions
        if action.action in _DECIDED or action.action in _PUT_BACK
    ]
    return max(said, key=lambda one: one[0])[1] if said else None


def _end(outcome: str | None) -> JobStatus | None:
    return next((status for status in _NEVER_TAKEN if status.value == outcome), None)


def replayed(base: JobStatus, events: Iterable[EmailEvent], actions: Iterable[OperatorAction]) -> JobStatus:
    """Folds events in the order in which they were projected; each resolution settles what was told until then."""
    resolved_at = sorted(action.at for action in actions if action.action == RESOLVE)
    status = base
    told: list[EventFacts] = []
    for event in sorted((one for one in events if one.projected_at is not None), key=_projected):
        while resolved_at and resolved_at[0] < _projected(event)[0]:
            resolved_at.pop(0)
            status = settled(told) or status
        told.append(event.facts)
        status = fold(status, event.facts)
    return (settled(told) or status) if resolved_at else status


def _projected(event: EmailEvent) -> tuple[datetime, datetime, UUID]:
    """Of one transaction's events the order of arrival; see `Events.unprojected`."""
    assert event.projected_at is not None
    return event.projected_at, event.received_at, event.e_id


def message_id_told(events: Iterable[EmailEvent]) -> str | None:
    told = (event.facts.message_id for event in events if tells_of_a_message(event.facts))
    return next((message_id for message_id in told if message_id), None)


def address_difference(
    address: str, held: str | None, events: Iterable[EmailEvent], by_hand: Collection[SuppressionFact]
) -> AddressDifference | None:
    """`by_hand`: what operators and refusals of the provider have said of it."""
    mine = (suppression_fact(event) for event in events if event.facts.recipient == address)
    state = state_of([*(fact for fact in mine if fact is not None), *by_hand])
    difference = AddressDifference(address, held, state)
    return None if difference.reason_told == held else difference
