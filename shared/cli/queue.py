"""`emailctl queue`: what is due by the rows, and what lies in Redis for it. Works on the rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import click

from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.cli.times import age
from shared.messaging import queues
from shared.ports.broker import QueueDepth
from shared.ports.store import Transaction
from shared.ports.waits import Waiting

# A ring is for a configuration, and so is this count: more than that nobody looks at one by one.
_COUNTED_MAX: Final = 1000
_COLUMNS: Final = (
    Column("queue", "QUEUE"),
    Column("rings", "RINGS"),
    Column("taken", "IN HAND"),
    Column("work", "WORK"),
    Column("due", "DUE"),
    Column("oldest", "OLDEST"),
)


@dataclass(frozen=True, slots=True)
class Work:
    """`due`: who has some, as a sweep would ring for them. `waiting`: since when the oldest waits, where rows tell."""

    name: str
    due: Callable[[Transaction], Sized]
    waiting: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Pile:
    work: Work
    due: int
    since: datetime | None


WORK: Final[Mapping[str, Sequence[Work]]] = {
    queues.PROVISIONING: (
        Work(
            "provision",
            lambda tx: tx.configurations.provisioning_without_lease(_COUNTED_MAX),
            Waiting.PROVISIONING,
        ),
        Work(
            "verify",
            lambda tx: tx.configurations.due_for_verification(_COUNTED_MAX),
            Waiting.AWAITING_VERIFICATION,
        ),
        Work("remove", lambda tx: tx.configurations.removal_without_lease(_COUNTED_MAX), Waiting.REMOVAL),
        Work("look at webhooks", lambda tx: tx.webhook_looks.due(_COUNTED_MAX)),
    ),
    queues.SEND: (
        Work("send", lambda tx: tx.jobs.configurations_with_due_jobs(_COUNTED_MAX), Waiting.JOB_DUE),
        Work(
            "resolve doubts",
            lambda tx: tx.jobs.configurations_with_due_doubts(_COUNTED_MAX),
            Waiting.JOB_IN_DOUBT,
        ),
    ),
    queues.PROJECTION: (
        Work(
            "project events",
            lambda tx: tx.events.configurations_with_due_events(_COUNTED_MAX),
            Waiting.EVENT_DUE,
        ),
        Work("catch up", lambda tx: tx.gaps.due(_COUNTED_MAX)),
        Work("lift suppressions", lambda tx: tx.lifts.due(_COUNTED_MAX)),
    ),
    queues.DRIFT: (Work("check drift", lambda tx: tx.rounds.due()),),
}


@click.group()
def queue() -> None:
    """What the workers have before them."""


@queue.command()
@shows
@pass_session
def ls(session: Session) -> None:
    """Show each queue: what is due by the rows and since when the oldest waits, and the rings in Redis.

    Due work without a ring is rung for again by the scheduler within seconds. RINGS are waiting, IN HAND are with
    workers; both are a dash while Redis is away, which loses nothing. DUE counts configurations, 1000 at the most.

    \b
    Examples:
      emailctl queue ls
      emailctl queue ls -o json
    """
    container = session.container()
    depths = session.tools.broker(container.settings).depths()
    with container.store.begin() as tx:
        oldest, now = tx.waits.oldest(), tx.now()
        piles = {name: [_pile(tx, one, oldest) for one in works] for name, works in WORK.items()}
    out = session.out
    if out.for_people:
        out.table(_COLUMNS, list(_rows(piles, depths, now)))
        if depths is None:
            out.note("Redis did not answer: rings are not known. Rows are the truth, and none is lost.")
    else:
        out.value([_as_value(name, some, depths, now) for name, some in piles.items()])


def _pile(tx: Transaction, work: Work, oldest: Mapping[Waiting, datetime]) -> Pile:
    return Pile(work, len(work.due(tx)), oldest.get(work.waiting) if work.waiting else None)


def _rows(
    piles: Mapping[str, Sequence[Pile]], depths: Mapping[str, QueueDepth] | None, now: datetime
) -> Iterator[Row]:
    """A queue's name and rings stand in its first row alone."""
    for name, some in piles.items():
        for number, pile in enumerate(some):
            head = _of_queue(name, depths) if number == 0 else {"queue": "", "rings": "", "taken": ""}
            waits = age((now - pile.since).total_seconds()) if pile.since else None
            yield {**head, "work": pile.work.name, "due": pile.due, "oldest": waits}


def _of_queue(name: str, depths: Mapping[str, QueueDepth] | None) -> dict[str, object]:
    depth = None if depths is None else depths[name]
    return {
        "queue": name,
        "rings": None if depth is None else depth.waiting,
        "taken": None if depth is None else depth.taken,
    }


def _as_value(name: str, some: Sequence[Pile], depths: Mapping[str, QueueDepth] | None, now: datetime) -> Row:
    works = [{"work": pile.work.name, "due": pile.due, "oldestSince": pile.since} for pile in some]
    return {**_of_queue(name, depths), "work": works, "at": now}
