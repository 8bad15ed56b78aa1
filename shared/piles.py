"""What lies before the workers by the rows, queue by queue: the truth beside which rings are a convenience."""

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.messaging import queues
from shared.ports.store import Transaction
from shared.ports.waits import Waiting

# A ring is for a configuration, and so is this count: more than that nobody looks at one by one.
COUNTED_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Work:
    """`due`: who has some, as a sweep would ring for them. `waiting`: since when the oldest waits, where rows tell."""

    name: str
    due: Callable[[Transaction], Sized]
    waiting: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Pile:
    """`due` is COUNTED_MAX at the most, which means that or more."""

    work: Work
    due: int
    since: datetime | None


WORK: Final[Mapping[str, Sequence[Work]]] = {
    queues.PROVISIONING: (
        Work(
            "provision",
            lambda tx: tx.configurations.provisioning_without_lease(COUNTED_MAX),
            Waiting.PROVISIONING,
        ),
        Work(
            "verify",
            lambda tx: tx.configurations.due_for_verification(COUNTED_MAX),
            Waiting.AWAITING_VERIFICATION,
        ),
        Work("remove", lambda tx: tx.configurations.removal_without_lease(COUNTED_MAX), Waiting.REMOVAL),
        Work("look at webhooks", lambda tx: tx.webhook_looks.due(COUNTED_MAX)),
        Work("replay dead letters", lambda tx: tx.replays.due(COUNTED_MAX)),
    ),
    queues.SEND: (
        Work("send", lambda tx: tx.jobs.configurations_with_due_jobs(COUNTED_MAX), Waiting.JOB_DUE),
        Work(
            "resolve doubts",
            lambda tx: tx.jobs.configurations_with_due_doubts(COUNTED_MAX),
            Waiting.JOB_IN_DOUBT,
        ),
    ),
    queues.PROJECTION: (
        Work(
            "project events",
            lambda tx: tx.events.configurations_with_due_events(COUNTED_MAX),
            Waiting.EVENT_DUE,
        ),
        Work("catch up", lambda tx: tx.gaps.due(COUNTED_MAX)),
        Work("lift suppressions", lambda tx: tx.lifts.due(COUNTED_MAX)),
    ),
    queues.DRIFT: (
        Work("check drift", lambda tx: tx.rounds.due()),
        Work("remove old rows", lambda tx: tx.retention.due()),
    ),
}


def piles(tx: Transaction) -> Mapping[str, Sequence[Pile]]:
    """Of every queue, in the order of `WORK`."""
    oldest = tx.waits.oldest()
    return {name: [_pile(tx, one, oldest) for one in works] for name, works in WORK.items()}


def _pile(tx: Transaction, work: Work, oldest: Mapping[Waiting, datetime]) -> Pile:
    return Pile(work, len(work.due(tx)), oldest.get(work.waiting) if work.waiting else None)
