"""How much happened in each minute, for pictures. Counted in the processes and added up now and then: no truth.

A process that dies takes what it counted since the last time with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.traffic import Counted

__all__ = ["Bar", "Counted", "Traffic"]


@dataclass(frozen=True, slots=True)
class Bar:
    """`begins_at`: of the span that is counted."""

    begins_at: datetime
    counted: Counted
    label: str
    count: int


class Traffic(Protocol):
    def add(self, counts: Mapping[tuple[Counted, str], int]) -> None:
        """To the minute that it is now."""
        ...

    def bars(self, *, since: datetime, span_minutes: int) -> Sequence[Bar]:
        """Minutes from `since` on, added up by spans that begin at a multiple of `span_minutes` since midnight UTC.

        In the order of time; where nothing happened there is no bar. A span has 1 to 1440 minutes, else `InvalidValue`.
        """
        ...

    def forget(self, *, until: datetime, limit: int) -> int:
        """Drops minutes before; how many rows went, at most `limit`."""
        ...
