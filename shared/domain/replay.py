"""Dead letters put back to work in bulk: a row that workers carry out, so that whoever asked may leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.dead_letter import DeadLetterFilter


class Fate(StrEnum):
    """What became of one dead letter."""

    PUT_BACK = "put_back"
    # Somebody else was quicker, or its subject is not as it was left.
    MOVED_ON = "moved_on"
    # Nothing may wait behind its configuration. It stays open.
    LOCKED = "locked"
    RETIRED = "retired"


class ReplayState(StrEnum):
    # Its time has not come: it may be undone as if it had never been.
    WAITING = "waiting"
    RUNNING = "running"
    # By somebody, before its end. What was put back by then stays so.
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """`found`: how many there were when it was asked for; of those that move on meanwhile it cannot know.

    `wanted` ends with the moment it was asked for: what fails once more is a new dead letter, and not of this replay.
    """

    e_id: UUID
    wanted: DeadLetterFilter
    per_second: float
    author: str
    reason: str
    state: ReplayState = ReplayState.WAITING
    created_at: datetime
    begins_at: datetime
    found: int
    fates: Mapping[Fate, int] = field(default_factory=dict)
    finished_at: datetime | None = None
    # Who stopped or undid it.
    stopped_by: str | None = None

    @property
    def asked_for(self) -> DeadLetterFilter:
        """`wanted`, without the end that nobody asked for."""
        has_own_end = self.wanted.raised_until != self.created_at
        return self.wanted if has_own_end else replace(self.wanted, raised_until=None)

    @property
    def done(self) -> int:
        return sum(self.fates.values())
