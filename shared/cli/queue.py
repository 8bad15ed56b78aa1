"""`emailctl queue`: what is due by the rows, and what lies in Redis for it. Works on the rows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import click

from shared.cli.options import shows
from shared.cli.output import Column, Row
from shared.cli.session import Session, pass_session
from shared.cli.times import age
from shared.piles import Pile, piles
from shared.ports.broker import QueueDepth

_COLUMNS: Final = (
    Column("queue", "QUEUE"),
    Column("rings", "RINGS"),
    Column("taken", "IN HAND"),
    Column("work", "WORK"),
    Column("due", "DUE"),
    Column("oldest", "OLDEST"),
)


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
        found, now = piles(tx), tx.now()
    out = session.out
    if out.for_people:
        out.table(_COLUMNS, list(_rows(found, depths, now)))
        if depths is None:
            out.note("Redis did not answer: rings are not known. Rows are the truth, and none is lost.")
    else:
        out.value([_as_value(name, some, depths, now) for name, some in found.items()])


def _rows(
    found: Mapping[str, Sequence[Pile]], depths: Mapping[str, QueueDepth] | None, now: datetime
) -> Iterator[Row]:
    """A queue's name and rings stand in its first row alone."""
    for name, some in found.items():
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
