"""Rows that have been kept long enough: who removes them, how far that came, and what would go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from shared.domain.retention import Kind, Pass


@dataclass(frozen=True, slots=True)
class Slice:
    """`looked`: rows, in the order of their age; `removed` of them went. The others may not go, or somebody holds them.

    `done`: there is none behind it.
    """

    looked: int
    removed: int
    cursor: UUID | None
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """`looked` and `removed` are of the pass that runs, or else of the last one."""

    kind: Kind
    due_at: datetime | None = None
    begun_at: datetime | None = None
    running: bool = False
    finished_at: datetime | None = None
    looked: int = 0
    removed: int = 0
    removed_in_all: int = 0
    # Whatever is from before then has gone, or may not go. None before the first slice.
    reached_at: datetime | None = None

    def behind_seconds(self, now: datetime, keep_days: float) -> float:
        """How much older than it should be the oldest row may be that could go; 0 before anything was looked at."""
        if self.reached_at is None:
            return 0.0
        return max(0.0, (now - timedelta(days=keep_days) - self.reached_at).total_seconds())


class Retention(Protocol):
    """Whatever takes a `Pass` and changes something raises `Conflict` when its lease is another's by now."""

    def arm(self, kind: Kind, *, every_seconds: float) -> None:
        """Due so long after the last pass was begun; at once when there was none. Due already: stays so."""
        ...

    def ask(self, kind: Kind) -> None:
        """Due at once; while a pass runs, for another one after it."""
        ...

    def disarm(self, kind: Kind) -> None:
        """Not due any more, unless somebody is at work on it; a pass that was begun is given up."""
        ...

    def due(self) -> list[UUID]:
        """Due, and nobody at work on them."""
        ...

    def begin(self, kind: Kind, *, keep_days: float, lease_seconds: float) -> Pass | None:
        """Takes it: a new pass, or the one that was left, which takes no rows younger than `keep_days` either.

        None: it is not due, or somebody has it.
        """
        ...

    def remove(self, pass_: Pass, *, rows: int, lease_seconds: float) -> Slice:
        """Removes at most so many, past rows that others hold, notes how far it came, and finishes the pass if done."""
        ...

    def would_remove(self, pass_: Pass, *, rows: int) -> Slice:
        """What `remove` would, and does not."""
        ...

    def release(self, pass_: Pass) -> None:
        """For somebody else to go on with, at once."""
        ...

    def reports(self) -> Sequence[RetentionReport]:
        """One for each kind, in their order, those never armed among them."""
        ...
