"""Dead letters: looked at, put back to work in bulk, or laid to rest.

A replay walks what is open when it begins, one transaction and one ring for each. What it put back is not open any
more: killed in the middle and begun again it goes on with the rest, and run twice it does nothing twice. What fails
once more is a new dead letter, and none of this walk's.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from uuid import UUID

from shared.domain.audit import OperatorAction, checked_reason
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.errors import InvalidValue
from shared.domain.lifecycle import Administrative
from shared.messaging.messages import TYPES, Message, ProjectEvents, SendJobs, actor_name
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction

_PAGE = 200
_MESSAGES: Mapping[str, type[Message]] = {actor_name(message): message for message in TYPES}


@dataclass(frozen=True, slots=True)
class DeadLetterPorts:
    store: Store
    doorbell: Doorbell
    new_id: NewId


class Fate(StrEnum):
    PUT_BACK = "put_back"
    # Somebody else was quicker, or its subject is not as it was left.
    MOVED_ON = "moved_on"
    # Nothing may wait behind its configuration. It stays open.
    LOCKED = "locked"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Replayed:
    letter: DeadLetter
    fate: Fate


@dataclass(frozen=True, slots=True)
class Planned:
    """What a replay begun now would make of `count` dead letters. Those that move on meanwhile it cannot foresee."""

    subject: Subject
    error_class: str
    fate: Fate
    count: int


@dataclass(frozen=True, slots=True)
class _Operator:
    author: str
    reason: str


def find(
    ports: DeadLetterPorts,
    wanted: DeadLetterFilter,
    *,
    limit: int,
    after: UUID | None = None,
    actor: str | None = None,
) -> list[DeadLetter]:
    """At most `limit`, in the order of their ids; `actor` holds for messages alone."""
    pages = _pages(ports.store, wanted, actor, after=after, size=min(limit, _PAGE))
    return list(islice((letter for page in pages for letter in page), limit))


def get(ports: DeadLetterPorts, e_id: UUID) -> DeadLetter | None:
    """Whether it rests or not."""
    before = UUID(int=max(e_id.int - 1, 0))
    with ports.store.begin() as tx:
        for rest in Rest:
            for letter in tx.dead_letters.find(DeadLetterFilter(rest=rest), limit=1, after=before):
                if letter.e_id == e_id:
                    return letter
    return None


def count(
    ports: DeadLetterPorts, wanted: DeadLetterFilter, *, actor: str | None = None
) -> Mapping[tuple[str, str], int]:
    """(subject, error class) to the number of dead letters."""
    if actor is not None:
        letters = _letters(ports.store, wanted, actor)
        return Counter((letter.subject.value, letter.error_class) for letter in letters)
    with ports.store.begin() as tx:
        return tx.dead_letters.count_by_class(wanted)


def plan(ports: DeadLetterPorts, wanted: DeadLetterFilter, *, actor: str | None = None) -> list[Planned]:
    """A dry run. Raises `InvalidValue` as a replay would."""
    counts: Counter[tuple[Subject, str, Fate]] = Counter()
    for page in _pages(ports.store, _open_by_now(ports.store, wanted), actor):
        with ports.store.begin() as tx:
            obstacles = {e_id: _obstacle(tx, e_id) for e_id in sorted(_configurations(page))}
        for letter in page:
            counts[letter.subject, letter.error_class, _foreseen(letter, obstacles)] += 1
    return [Planned(*about, count=number) for about, number in sorted(counts.items())]


def replay(
    ports: DeadLetterPorts,
    wanted: DeadLetterFilter,
    *,
    author: str,
    reason: str,
    per_second: float,
    pause: Callable[[float], None],
    stop: Callable[[], bool],
    actor: str | None = None,
) -> Iterator[Replayed]:
    """Goes on as it is iterated, at most `per_second`, until `stop` says so. Raises `InvalidValue` at once.

    `pause` waits for so many seconds.
    """
    if per_second <= 0:
        raise InvalidValue("perSecond", "send a number above 0")
    operator = _Operator(author, checked_reason(reason))
    letters = _letters(ports.store, _open_by_now(ports.store, wanted), actor)
    return _replay(ports, _paced(letters, 1 / per_second, pause, stop), operator)


def discard(
    ports: DeadLetterPorts,
    wanted: DeadLetterFilter,
    *,
    author: str,
    reason: str,
    stop: Callable[[], bool],
    actor: str | None = None,
) -> Iterator[DeadLetter]:
    """Each that was laid to rest, as it is iterated. Its subject stays as it is. Raises `InvalidValue` at once."""
    operator = _Operator(author, checked_reason(reason))
    letters = _letters(ports.store, _open_by_now(ports.store, wanted), actor)
    return _discard(ports, letters, operator, stop)


def _paced(
    letters: Iterator[DeadLetter],
    pause_seconds: float,
    pause: Callable[[float], None],
    stop: Callable[[], bool],
) -> Iterator[DeadLetter]:
    for number, letter in enumerate(letters):
        if number:
            pause(pause_seconds)
        if stop():
            return
        yield letter


def _replay(ports: DeadLetterPorts, letters: Iterator[DeadLetter], operator: _Operator) -> Iterator[Replayed]:
    for letter in letters:
        yield Replayed(letter, _replay_one(ports, letter, operator))


def _replay_one(ports: DeadLetterPorts, letter: DeadLetter, operator: _Operator) -> Fate:
    with ports.store.begin() as tx:
        obstacle = _obstacle(tx, letter.configuration_id) if letter.subject is Subject.JOB else None
        if obstacle is not None:
            return obstacle
        action = _action(tx, ports.new_id(), "dead_letter.replay", letter, operator)
        if not tx.dead_letters.replay(letter, action):
            return Fate.MOVED_ON
    ring = _ring(letter)
    if ring is not None:
        ports.doorbell.ring(ring)
    return Fate.PUT_BACK


def _discard(
    ports: DeadLetterPorts,
    letters: Iterator[DeadLetter],
    operator: _Operator,
    stop: Callable[[], bool],
) -> Iterator[DeadLetter]:
    for letter in letters:
        if stop():
            return
        with ports.store.begin() as tx:
            action = _action(tx, ports.new_id(), "dead_letter.discard", letter, operator)
            discarded = tx.dead_letters.discard(letter, action)
        if discarded:
            yield letter


def _action(
    tx: Transaction, e_id: UUID, name: str, letter: DeadLetter, operator: _Operator
) -> OperatorAction:
    """Of the letter's subject, so that a job's timeline shows it."""
    return OperatorAction(
        e_id=e_id,
        tenant_id=letter.tenant_id,
        action=name,
        subject_id=letter.subject_id,
        author=operator.author,
        reason=operator.reason,
        at=tx.now(),
    )


def _ring(letter: DeadLetter) -> Message | None:
    """None for an actor that is not there any more."""
    match letter.subject:
        case Subject.JOB if letter.configuration_id is not None:
            return SendJobs(letter.configuration_id)
        case Subject.EVENT if letter.configuration_id is not None:
            return ProjectEvents(letter.configuration_id)
        case Subject.MESSAGE if letter.actor is not None and letter.actor in _MESSAGES:
            return _MESSAGES[letter.actor](letter.subject_id)
    return None


def _open_by_now(store: Store, wanted: DeadLetterFilter) -> DeadLetterFilter:
    """Or a job that fails as often as it is put back would keep the walk going for ever."""
    if wanted.rest is not Rest.OPEN:
        raise InvalidValue("rest", "only what is open can be put back or laid to rest")
    with store.begin() as tx:
        now = tx.now()
    return replace(wanted, raised_until=min(wanted.raised_until or now, now))


def _letters(store: Store, wanted: DeadLetterFilter, actor: str | None) -> Iterator[DeadLetter]:
    for page in _pages(store, wanted, actor):
        yield from page


def _pages(
    store: Store,
    wanted: DeadLetterFilter,
    actor: str | None,
    *,
    after: UUID | None = None,
    size: int = _PAGE,
) -> Iterator[list[DeadLetter]]:
    """No transaction is open while a page is worked on. Rows are not filtered by `actor`: it is looked for here."""
    if actor is not None:
        wanted = replace(wanted, subject=wanted.subject or Subject.MESSAGE)
    while True:
        with store.begin() as tx:
            page = tx.dead_letters.find(wanted, limit=size, after=after)
        kept = [letter for letter in page if actor in (None, letter.actor)]
        if kept:
            yield kept
        if len(page) < size:
            return
        after = page[-1].e_id


def _configurations(page: list[DeadLetter]) -> set[UUID]:
    jobs = (letter for letter in page if letter.subject is Subject.JOB)
    return {letter.configuration_id for letter in jobs if letter.configuration_id is not None}


def _foreseen(letter: DeadLetter, obstacles: Mapping[UUID, Fate | None]) -> Fate:
    if letter.subject is not Subject.JOB or letter.configuration_id is None:
        return Fate.PUT_BACK
    return obstacles[letter.configuration_id] or Fate.PUT_BACK


def why_nothing_waits(configuration: EmailConfiguration) -> str | None:
    """The word for a configuration behind which no job may wait; None where one may."""
    if configuration.retired:
        return "retired"
    return "locked" if configuration.administrative is Administrative.LOCKED else None


def _obstacle(tx: Transaction, configuration_id: UUID | None) -> Fate | None:
    """Held until the job is back in the queue, so that a force-lock comes before or cancels it."""
    if configuration_id is None:
        return None
    configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
    assert configuration is not None, "configurations are never deleted"
    word = why_nothing_waits(configuration)
    return Fate(word) if word else None
