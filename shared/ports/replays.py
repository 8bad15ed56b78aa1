"""Replays of dead letters, as rows: asked for by somebody, carried out by workers in slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.dead_letter import DeadLetter
from shared.domain.replay import Fate, Replay


@dataclass(frozen=True, slots=True)
class ReplayWork:
    """One worker's hold on a replay. `cursor`: the last dead letter that was looked at; None at the beginning."""

    replay: Replay
    token: UUID
    cursor: UUID | None


@dataclass(frozen=True, slots=True)
class ReplayResult:
    letter: DeadLetter
    fate: Fate
    at: datetime


class Replays(Protocol):
    def add(self, replay: Replay) -> None: ...

    def get(self, e_id: UUID) -> Replay | None: ...

    def newest(self, *, before: UUID | None, limit: int) -> list[Replay]:
        """Newest first, those before `before`."""
        ...

    def due(self, limit: int) -> list[UUID]:
        """WAITING whose time has come, or RUNNING, due and in nobody's hands."""
        ...

    def take(self, e_id: UUID, *, lease_seconds: float) -> ReplayWork | None:
        """Makes it RUNNING. None when it is not due, somebody has it, or it is at its end."""
        ...

    def note(
        self,
        work: ReplayWork,
        fates: Sequence[tuple[UUID, Fate]],
        *,
        next_in_seconds: float,
        lease_seconds: float,
    ) -> ReplayWork:
        """What became of a slice, in the transaction that put it back: each dead letter once, whoever dies when.

        Raises `Conflict` when the hold is another's by now, or it was stopped: then nothing of the slice may stay.
        """
        ...

    def finish(self, work: ReplayWork) -> None:
        """DONE. Raises `Conflict` as `note` does."""
        ...

    def release(self, work: ReplayWork) -> None:
        """Lets another worker go on when it is due. Nothing when the hold is another's by now."""
        ...

    def stop(self, e_id: UUID, *, author: str) -> Replay | None:
        """STOPPED from this commit on, a WAITING one as if it had never been. None when it is at its end already."""
        ...

    def results(
        self, e_id: UUID, *, fate: Fate | None = None, after: UUID | None, limit: int
    ) -> list[ReplayResult]:
        """In the order of the dead letters' ids."""
        ...
