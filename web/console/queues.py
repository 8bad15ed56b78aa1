"""What lies before the workers: rings in Redis, due work by the rows, and what does not go on by itself."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response

from shared.bootstrap import Container
from shared.domain.dead_letter import DeadLetterFilter, Subject
from shared.domain.errors import StoreUnavailable
from shared.domain.job import JobStatus
from shared.messaging.depths import build_look
from shared.messaging.messages import TYPES, actor_name
from shared.piles import COUNTED_MAX as DUE_MAX
from shared.piles import Pile, piles
from shared.ports.broker import QueueDepth, QueueDepths
from shared.ports.store import Transaction
from shared.ports.waits import COUNTED_MAX
from web.console.pages import page, render
from web.console.parts import Parts

_RENEW_SECONDS = 10
# Messages whose handlers raise: so many are looked at, which is more than anybody reads.
_RAISED_MAX = 1000
_QUEUE_OF = {actor_name(message): message.queue for message in TYPES}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of work; `first` of its queue, whose name and rings stand in that row alone."""

    queue: str
    first: bool
    depth: QueueDepth | None
    pile: Pile


@dataclass(frozen=True, slots=True)
class Raising:
    """A handler that raises again and again. `queue` is None for an actor that is not there any more."""

    actor: str
    queue: str | None
    letters: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What does not go on by itself. `url` leads to what is counted; `more`: that many, or more."""

    what: str
    count: int
    url: str

    @property
    def more(self) -> bool:
        return self.count >= COUNTED_MAX


@dataclass(frozen=True, slots=True)
class Letters:
    subject: str
    error_class: str
    count: int


class QueuePages:
    """`depths` is looked at while a page is made, and connects when it is first asked."""

    def __init__(self, container: Container, depths: QueueDepths | None = None) -> None:
        broker = container.settings.broker
        self._store = container.store
        self._depths = depths or build_look(
            broker.url.get_secret_value(),
            namespace=broker.namespace,
            timeout_seconds=broker.socket_timeout_seconds,
        )

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/queues", endpoint="queues")(self.show)

    @page("Queues, and what stands still")
    def show(self) -> Response:
        """503 when no row could be read; Redis that is away is no failure."""
        parts = Parts(self._store)
        work = parts.read("What is due", piles)
        shown: dict[str, Any] = {
            "standing": parts.read("What stands still", lambda tx: list(_standing(tx))),
            "raising": parts.read("Handlers that raise", raising),
            "letters": parts.read("Dead letters", letters_by_class),
        }
        if parts.none_was_read():
            raise StoreUnavailable
        depths = self._depths.depths()
        rows = [] if work.value is None else list(_rows(work.value, depths))
        return render(
            "console/queues.html",
            work=work,
            rows=rows,
            broker_is_away=depths is None,
            due_max=DUE_MAX,
            renew=_RENEW_SECONDS,
            **shown,
        )


def _rows(found: Mapping[str, Sequence[Pile]], depths: Mapping[str, QueueDepth] | None) -> Iterator[Row]:
    for queue, some in found.items():
        depth = None if depths is None else depths.get(queue)
        for number, pile in enumerate(some):
            yield Row(queue, number == 0, depth, pile)


def _standing(tx: Transaction) -> Iterator[Standing]:
    found = tx.waits.standing()
    for what, status, count in (
        ("Jobs in doubt", JobStatus.IN_DOUBT, found.jobs_in_doubt),
        ("Inconsistent jobs", JobStatus.INCONSISTENT, found.jobs_inconsistent),
    ):
        yield Standing(what, count, f"/console/jobs?status={status.value}")
    yield Standing("Gaps being caught up", found.gaps_open, "")


def raising(tx: Transaction) -> list[Raising]:
    """The most letters first."""
    found = tx.dead_letters.find(DeadLetterFilter(subject=Subject.MESSAGE), limit=_RAISED_MAX)
    counts = Counter(letter.actor or "" for letter in found)
    return [Raising(actor, _QUEUE_OF.get(actor), count) for actor, count in counts.most_common()]


def letters_by_class(tx: Transaction) -> list[Letters]:
    """Open ones; the most first."""
    counts = tx.dead_letters.count_by_class(DeadLetterFilter())
    groups = [Letters(subject, error_class, count) for (subject, error_class), count in counts.items()]
    return sorted(groups, key=lambda group: (-group.count, group.subject, group.error_class))
