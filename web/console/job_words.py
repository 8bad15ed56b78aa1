"""How it is with a job, and what to do about its error, in sentences."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus
from web.console.wording import utc

# Nothing more has to happen, though the provider may still tell something.
ENDED: Final = frozenset(
    {
        *(JobStatus.DELIVERED, JobStatus.BOUNCED, JobStatus.COMPLAINED, JobStatus.INCONSISTENT),
        *(JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SUPPRESSED),
    }
)
_NEW_KEY: Final = "To send it after all, the calling service sends again with a new key."
_STATUS: Final = {
    JobStatus.SENT: "The provider took it. What it tells of the delivery is awaited.",
    JobStatus.DELIVERED: "The recipient's mail server took it.",
    JobStatus.BOUNCED: "It came back for good, and the address was put on the tenant's suppression list.",
    JobStatus.COMPLAINED: "The recipient called it spam. The tenant never mails this address again.",
    JobStatus.CANCELLED: f"A force-lock came before it went out: nobody gets it. {_NEW_KEY}",
    JobStatus.SUPPRESSED: (
        f"The address must not be mailed, so it was not. If that is wrong, lift the suppression first. {_NEW_KEY}"
    ),
    JobStatus.INCONSISTENT: (
        "What the provider told contradicts what was known. Look at what happened, then resolve it; until then a "
        "repeat with the same key is refused."
    ),
}

_ACCOUNT: Final = (
    "The whole account may not send: settle it with the provider (runbook account-paused). Then it goes on by "
    "itself."
)
_SENDER: Final = (
    "The provider does not let this sender send: mend it there, then re-verify the configuration."
)
_DEFECT: Final = "The provider could not read what we made of it: a defect of ours. Report the job's id."
_BY_ITSELF: Final = "It is tried again by itself."
# By the provider's codes, and by our own words where nobody answered.
_ADVICE: Final = {
    "10": "The provider does not know the server's token any more (runbook failure-state).",
    "http_401": "The provider does not know the server's token any more (runbook failure-state).",
    "100": f"The provider is in maintenance. {_BY_ITSELF}",
    "300": (
        "The provider calls the message invalid: its address, a header, an attachment or its metadata. The calling "
        "service has to mend it, and sends again with a new key."
    ),
    "400": f"The sender is not on the provider's account any more. {_SENDER}",
    "401": f"The sender is not confirmed any more. {_SENDER}",
    "402": _DEFECT,
    "403": _DEFECT,
    "405": _ACCOUNT,
    "406": "The provider suppresses the address for this tenant. If that is wrong, lift it on its suppression.",
    "411": f"The provider takes no attachment of such a type. {_NEW_KEY}",
    "412": _ACCOUNT,
    "413": _ACCOUNT,
    "429": f"The provider found us too fast. {_BY_ITSELF}",
    "http_429": f"The provider found us too fast. {_BY_ITSELF}",
    "http_413": "The message is too large for the provider: the calling service has to send less, with a new key.",
    "614": _ACCOUNT,
    "1480": _ACCOUNT,
    "decided": f"Somebody gave it up: what happened says who and why. {_NEW_KEY}",
    "expired": (
        "It could not be sent until its longest age was over. Mend what was in the way; if it is still wanted, put it "
        "back from the dead letters."
    ),
    "poison": (
        "Workers died again and again with nothing but this job in hand. Give its id to the developers; put it back "
        "from the dead letters once it is mended."
    ),
    "unresolved": (
        "The provider's server was removed before it could be asked whether it took this message. Nobody will know."
    ),
}
# Whatever other code there is: of those that end a job at once, the provider's own words say the most.
_REFUSED: Final = f"The provider refused it for good, in the words beside its code. {_NEW_KEY}"


@dataclass(frozen=True, slots=True)
class Behind:
    """What a job waits behind."""

    configuration: EmailConfiguration
    paused_until: datetime | None = None


def advice_on(job: EmailJob) -> str:
    """Of the error that it has: what to do about it. "" when it has none."""
    if job.error_code is None:
        return ""
    waits = job.status in (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT)
    return _ADVICE.get(job.error_code, "" if waits else _REFUSED)


def sentences(
    job: EmailJob, behind: Behind | None, *, decidable_at: datetime | None, now: datetime
) -> list[str]:
    """How it is by now. `behind` is None where nobody could tell."""
    match job.status:
        case JobStatus.QUEUED:
            told = _queued(job, behind, now)
        case JobStatus.SENDING:
            told = _sending(job, now)
        case JobStatus.IN_DOUBT:
            told = _in_doubt(job, decidable_at, now)
        case JobStatus.FAILED:
            told = iter(["It was not sent, and will not be."])
        case status:
            told = iter([_STATUS[status]])
    return [*told, *filter(None, [advice_on(job)])]


def _queued(job: EmailJob, behind: Behind | None, now: datetime) -> Iterator[str]:
    if behind is not None and not behind.configuration.may_claim:
        yield f"It waits behind its configuration, which is {states_of(behind.configuration)}: nothing goes out so."
        return
    if behind is not None and behind.paused_until is not None:
        yield f"It waits for the account, which is paused until {utc(behind.paused_until)}."
        return
    if job.due_at is not None and job.due_at > now:
        last = f", as the last try ended with {job.error_code}" if job.error_code else ""
        yield f"The next try is due at {utc(job.due_at)}{last}."
    else:
        yield "It is due, and waits for a worker."


def states_of(configuration: EmailConfiguration) -> str:
    removed = ", removed" if configuration.retired else ""
    return f"{configuration.operational.value} and {configuration.administrative.value}{removed}"


def _sending(job: EmailJob, now: datetime) -> Iterator[str]:
    if job.lease_until is None or job.lease_until > now:
        until = f" until {utc(job.lease_until)} at the latest" if job.lease_until else ""
        yield f"A worker has it{until}. Should the worker die, it is in doubt from then on."
    else:
        yield "Its worker has not told what became of it, and its time is over: the next sweep puts it in doubt."


def _in_doubt(job: EmailJob, decidable_at: datetime | None, now: datetime) -> Iterator[str]:
    yield "Nobody knows whether the provider took it, so it is not sent again before that is known."
    if job.due_at is not None:
        yield f"Workers ask the provider; the next look is due at {utc(job.due_at)}."
    if decidable_at is not None and decidable_at <= now:
        yield "They have found nothing for long: somebody has to decide."
    elif decidable_at is not None:
        yield f"From {utc(decidable_at)} on somebody may decide, if it is in doubt still."
