"""Dead letters and their replays, as people and programs are shown them."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from shared import replaying
from shared.cli.dead_letter_filters import as_given
from shared.cli.exits import Absent
from shared.cli.output import Column, Row
from shared.cli.session import Session
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter
from shared.domain.replay import Fate, Replay
from shared.replaying import DeadLetterPorts

SUBJECT: Final = Column("subject", "SUBJECT")
CLASS: Final = Column("errorClass", "CLASS")
FATE: Final = Column("fate", "FATE")
LETTERS: Final = Column("count", "LETTERS")
LETTER: Final = (
    Column("raisedAt", "RAISED"),
    SUBJECT,
    Column("subjectId", "OF"),
    CLASS,
    Column("attempts", "TRIES"),
    Column("actor", "ACTOR"),
    Column("reason", "REASON"),
    Column("eId", "ID", whole=True),
)
REPLAY: Final = (
    Column("createdAt", "ASKED FOR"),
    Column("author", "BY"),
    Column("wanted", "WANTED"),
    Column("state", "STATE"),
    Column("found", "FOUND"),
    Column("done", "DONE"),
    Column("putBack", "PUT BACK"),
    Column("perSecond", "A SECOND"),
    Column("reason", "WHY"),
    Column("eId", "ID", whole=True),
)
# What stays open, and what to do about it.
ADVICE: Final[Mapping[Fate, str]] = {
    Fate.MOVED_ON: "nothing: somebody was quicker, or it is not as it was left",
    Fate.LOCKED: "it stays open: unlock its configuration, then replay it, or discard it",
    Fate.RETIRED: "it stays open: its configuration is removed, so discard it",
}


def ports_of(session: Session) -> DeadLetterPorts:
    container = session.container()
    return DeadLetterPorts(container.store, container.doorbell, container.new_id)


def count(session: Session, wanted: DeadLetterFilter) -> int:
    """Told by class: whoever is asked next should know what it is about."""
    counts = replaying.count(ports_of(session), wanted)
    for (subject, error_class), number in sorted(counts.items()):
        session.out.note(f"{subject} {error_class}: {number}")
    return sum(counts.values())


def get_replay(session: Session, replay_id: UUID) -> Replay:
    """Raises `Absent`."""
    with session.container().store.begin() as tx:
        found = tx.replays.get(replay_id)
    if found is None:
        raise Absent("There is no such replay: see 'dead-letter replays'.")
    return found


def row_of(letter: DeadLetter) -> Row:
    return {
        "eId": letter.e_id,
        "raisedAt": letter.raised_at,
        "subject": letter.subject.value,
        "subjectId": letter.subject_id,
        "errorClass": letter.error_class,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "actor": letter.actor,
    }


def row_of_replay(replay: Replay) -> Row:
    """With a count for each fate."""
    return {
        "eId": replay.e_id,
        "createdAt": replay.created_at,
        "author": replay.author,
        "reason": replay.reason,
        "wanted": as_given(replay.asked_for),
        "perSecond": replay.per_second,
        "state": replay.state.value,
        "beginsAt": replay.begins_at,
        "finishedAt": replay.finished_at,
        "stoppedBy": replay.stopped_by,
        "found": replay.found,
        "done": replay.done,
        "putBack": replay.fates.get(Fate.PUT_BACK, 0),
        "movedOn": replay.fates.get(Fate.MOVED_ON, 0),
        "locked": replay.fates.get(Fate.LOCKED, 0),
        "retired": replay.fates.get(Fate.RETIRED, 0),
    }
