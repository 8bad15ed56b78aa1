"""What people may do to a job, each with what comes of it, and why it may not be done now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.event import EmailEvent, settled
from shared.domain.job import EmailJob, JobStatus
from shared.replaying import why_nothing_waits
from web.console.job_words import Behind, states_of
from web.console.wording import utc
from web.intake.decision import Verdict

_SENT: Final = (
    "It becomes SENT, and is never sent again. With the provider's message id, what the provider tells of it later is "
    "joined to it."
)
_RESEND: Final = (
    "It is queued and sent now. If the provider has taken it after all, the recipient gets it twice, and nothing calls "
    "the second one back."
)
_FAIL: Final = (
    "It becomes FAILED, and is never sent; the calling service may send again with a new key. Should the provider tell "
    "of it later all the same, it becomes INCONSISTENT."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """`forbidden` says why nobody may do it now; "" when it may be done."""

    verdict: Verdict
    title: str
    consequence: str
    danger: bool = False
    forbidden: str = ""


def choices_of(behind: Behind | None, *, decidable_at: datetime | None, now: datetime) -> list[Choice]:
    """None of them unless the job is in doubt."""
    if decidable_at is None:
        return []
    early = ""
    if now < decidable_at:
        early = f"Workers still ask the provider, and know better: from {utc(decidable_at)} on, if it is in doubt then."
    return [
        Choice(Verdict.SENT, "It was sent", _SENT, forbidden=early),
        Choice(
            Verdict.RESEND, "Send it again", _RESEND, danger=True, forbidden=early or _why_not_queued(behind)
        ),
        Choice(Verdict.FAIL, "Give it up", _FAIL, danger=True, forbidden=early),
    ]


def _why_not_queued(behind: Behind | None) -> str:
    if behind is None or why_nothing_waits(behind.configuration) is None:
        return ""
    return f"Nothing may wait behind its configuration, which is {states_of(behind.configuration)}."


@dataclass(frozen=True, slots=True)
class Resolution:
    consequence: str
    forbidden: str = ""


def resolution_of(job: EmailJob, events: Sequence[EmailEvent] | None) -> Resolution | None:
    """None unless its events contradict one another. `events` is None where nobody could tell."""
    if job.status is not JobStatus.INCONSISTENT:
        return None
    if events is None:
        return Resolution("It becomes what all that the provider has told says of it.")
    status = settled(event.facts for event in events)
    if status is None:
        return Resolution("", forbidden="No event tells of it: there is nothing to resolve it by.")
    told = "the one event" if len(events) == 1 else f"all {len(events)} events"
    return Resolution(
        f"It becomes {status.value}, by {told} of it, whatever their order. A repeat with its key is answered again."
    )
