"""Dead letters: looked at, put back to work in bulk, or laid to rest.

Who wants them put back asks for a replay, which is a row, and may leave: workers carry it out in slices. What is put
back is not open any more, so that nothing is put back twice; what fails once more is a new dead letter, and none of
that replay's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from shared.domain.audit import OperatorAction, checked_reason
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.errors import InvalidValue
from shared.domain.lifecycle import Administrative
from shared.domain.replay import Fate, Replay
from shared.messaging.messages import TYPES, Message, ProjectEvents, RunReplay, SendJobs, actor_name
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction

RATE_MAX = 1000.0
# Until one begins: whoever wants it later may as well ask later.
DELAY_MAX_SECONDS = 24 * 3600.0
_PAGE = 200
_MESSAGES: Mapping[str, type[Message]] = {actor_name(message): message for message in TYPES}


@dataclass(frozen=True, slots=True)
class DeadLetterPorts:
    store: Store
    doorbell: Doorbell
    new_id: NewId


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

    def did(
        self, action: str, tx: Transaction, e_id: UUID, *, to: UUID, tenant_id: UUID | None
    ) -> OperatorAction:
        return OperatorAction(
            e_id=e_id,
            tenant_id=tenant_id,
            action=action,
            subject_id=to,
            author=self.author,
            reason=self.reason,
            at=tx.now(),
        )

    def did_to(self, letter: DeadLetter, action: str, tx: Transaction, e_id: UUID) -> OperatorAction:
        """Of its subject, so that a job's timeline shows it."""
        return self.did(action, tx, e_id, to=letter.subject_id, tenant_id=letter.tenant_id)


def find(
    ports: DeadLetterPorts, wanted: DeadLetterFilter, *, limit: int, after: UUID | None = None
) -> list[DeadLetter]:
    """At most `limit`, in the order of their ids."""
    with ports.store.begin() as tx:
        return tx.dead_letters.find(wanted, limit=limit, after=after)


def get(ports: DeadLetterPorts, e_id: UUID) -> DeadLetter | None:
    """Whether it rests or not."""
    before = UUID(int=max(e_id.int - 1, 0))
    with ports.store.begin() as tx:
        for rest in Rest:
            for letter in tx.dead_letters.find(DeadLetterFilter(rest=rest), limit=1, after=before):
                if letter.e_id == e_id:
                    return letter
    return None


def count(ports: DeadLetterPorts, wanted: DeadLetterFilter) -> Mapping[tuple[str, str], int]:
    """(subject, error class) to the number of dead letters."""
    with ports.store.begin() as tx:
        return tx.dead_letters.count_by_class(wanted)


def plan(ports: DeadLetterPorts, wanted: DeadLetterFilter) -> list[Planned]:
    """A dry run. Raises `InvalidValue` as `ask` would."""
    counts: Counter[tuple[Subject, str, Fate]] = Counter()
    with ports.store.begin() as tx:
        wanted = _open_by_now(tx, wanted)
    for page in _pages(ports.store, wanted):
        with ports.store.begin() as tx:
            obstacles = _obstacles(tx, page)
        for letter in page:
            counts[letter.subject, letter.error_class, _foreseen(letter, obstacles)] += 1
    return [Planned(*about, count=number) for about, number in sorted(counts.items())]


def ask(
    ports: DeadLetterPorts,
    wanted: DeadLetterFilter,
    *,
    author: str,
    reason: str,
    per_second: float,
    begins_in_seconds: float = 0.0,
) -> Replay:
    """From the commit on it is the workers' to carry out. Raises `InvalidValue`."""
    operator = _Operator(author, checked_reason(reason))
    # Said so that a number that is none fails, too.
    if not 0 < per_second <= RATE_MAX:
        raise InvalidValue("perSecond", f"send a number above 0, up to {RATE_MAX:g}")
    if not 0 <= begins_in_seconds <= DELAY_MAX_SECONDS:
        raise InvalidValue("beginsInSeconds", f"send a number from 0 to {DELAY_MAX_SECONDS:g}")
    with ports.store.begin() as tx:
        closed = _open_by_now(tx, wanted)
        replay = Replay(
            e_id=ports.new_id(),
            wanted=closed,
            per_second=per_second,
            author=operator.author,
            reason=operator.reason,
            created_at=tx.now(),
            begins_at=tx.now() + timedelta(seconds=begins_in_seconds),
            found=sum(tx.dead_letters.count_by_class(closed).values()),
        )
        tx.replays.add(replay)
        asking = operator.did("replay.ask", tx, ports.new_id(), to=replay.e_id, tenant_id=closed.tenant_id)
        tx.audit.keep(asking)
    if begins_in_seconds == 0:
        ports.doorbell.ring(RunReplay(replay.e_id))
    return replay


def under_way(ports: DeadLetterPorts, wanted: DeadLetterFilter) -> Replay | None:
    """The newest that was asked for in these words and is not at its end: another one would double its pace."""
    with ports.store.begin() as tx:
        newest = tx.replays.newest(before=None, limit=_PAGE)
    return next((one for one in newest if one.finished_at is None and one.asked_for == wanted), None)


def stop(ports: DeadLetterPorts, replay_id: UUID, *, author: str, reason: str) -> Replay | None:
    """From the commit on nothing more is put back. None when it is at its end already. Raises `InvalidValue`."""
    operator = _Operator(author, checked_reason(reason))
    with ports.store.begin() as tx:
        stopped = tx.replays.stop(replay_id, author=author)
        if stopped is not None:
            stopping = operator.did(
                "replay.stop", tx, ports.new_id(), to=replay_id, tenant_id=stopped.wanted.tenant_id
            )
            tx.audit.keep(stopping)
    return stopped


def put_back(tx: Transaction, letters: Sequence[DeadLetter], replay: Replay, new_id: NewId) -> list[Replayed]:
    """One slice of it. `rings` of them are for after the commit."""
    operator, obstacles = _Operator(replay.author, replay.reason), _obstacles(tx, letters)
    foreseen = [Replayed(letter, _foreseen(letter, obstacles)) for letter in letters]
    again = tx.dead_letters.replay_all(
        [
            (one.letter, operator.did_to(one.letter, "dead_letter.replay", tx, new_id()))
            for one in foreseen
            if one.fate is Fate.PUT_BACK
        ]
    )
    return [
        replace(one, fate=Fate.MOVED_ON)
        if one.fate is Fate.PUT_BACK and one.letter.e_id not in again
        else one
        for one in foreseen
    ]


def rings(replayed: Iterable[Replayed]) -> list[Message]:
    """One for each row that has something to do now."""
    found = (_ring(one.letter) for one in replayed if one.fate is Fate.PUT_BACK)
    return list(dict.fromkeys(message for message in found if message is not None))


def discard(
    ports: DeadLetterPorts,
    wanted: DeadLetterFilter,
    *,
    author: str,
    reason: str,
    stop: Callable[[], bool],
) -> Iterator[DeadLetter]:
    """Each that was laid to rest, as it is iterated. Its subject stays as it is. Raises `InvalidValue` at once."""
    operator = _Operator(author, checked_reason(reason))
    with ports.store.begin() as tx:
        wanted = _open_by_now(tx, wanted)
    return _discard(ports, wanted, operator, stop)


def _discard(
    ports: DeadLetterPorts, wanted: DeadLetterFilter, operator: _Operator, stop: Callable[[], bool]
) -> Iterator[DeadLetter]:
    for page in _pages(ports.store, wanted):
        for letter in page:
            if stop():
                return
            with ports.store.begin() as tx:
                action = operator.did_to(letter, "dead_letter.discard", tx, ports.new_id())
                discarded = tx.dead_letters.discard(letter, action)
            if discarded:
                yield letter


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


def _open_by_now(tx: Transaction, wanted: DeadLetterFilter) -> DeadLetterFilter:
    """Or a job that fails as often as it is put back would keep a replay going for ever."""
    if wanted.rest is not Rest.OPEN:
        raise InvalidValue("rest", "only what is open can be put back or laid to rest")
    now = tx.now()
    return replace(wanted, raised_until=min(wanted.raised_until or now, now))


def _pages(store: Store, wanted: DeadLetterFilter) -> Iterator[list[DeadLetter]]:
    """No transaction is open while a page is worked on."""
    after = None
    while True:
        with store.begin() as tx:
            page = tx.dead_letters.find(wanted, limit=_PAGE, after=after)
        if page:
            yield page
        if len(page) < _PAGE:
            return
        after = page[-1].e_id


def _obstacles(tx: Transaction, letters: Iterable[DeadLetter]) -> Mapping[UUID, Fate | None]:
    """Of each configuration that a job of these would wait behind."""
    jobs = (letter for letter in letters if letter.subject is Subject.JOB)
    configurations = {letter.configuration_id for letter in jobs if letter.configuration_id is not None}
    return {e_id: _obstacle(tx, e_id) for e_id in sorted(configurations)}


def _foreseen(letter: DeadLetter, obstacles: Mapping[UUID, Fate | None]) -> Fate:
    if letter.subject is not Subject.JOB or letter.configuration_id is None:
        return Fate.PUT_BACK
    return obstacles[letter.configuration_id] or Fate.PUT_BACK


def why_nothing_waits(configuration: EmailConfiguration) -> str | None:
    """The word for a configuration behind which no job may wait; None where one may."""
    if configuration.retired:
        return "retired"
    return "locked" if configuration.administrative is Administrative.LOCKED else None


def _obstacle(tx: Transaction, configuration_id: UUID) -> Fate | None:
    """Held until the job is back in the queue, so that a force-lock comes before or cancels it."""
    configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
    assert configuration is not None, "configurations are never deleted"
    word = why_nothing_waits(configuration)
    return Fate(word) if word else None
