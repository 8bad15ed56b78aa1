"""Time and identity, held still."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

MONDAY_MORNING = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class FixedClock:
    """Implements `ports.clock.Clock`. Moves only when told."""

    def __init__(self, now: datetime = MONDAY_MORNING) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, step: timedelta | None = None, *, seconds: float = 0.0) -> datetime:
        self._now += (step or timedelta()) + timedelta(seconds=seconds)
        return self._now


class SequentialIds:
    """Implements `ports.clock.NewId`: version 7 in form, counting in its last digits."""

    def __init__(self) -> None:
        self._next = count(1)

    def __call__(self) -> UUID:
        return UUID(f"019b0000-0000-7000-8000-{next(self._next):012x}")
