"""How much happened in each minute, for pictures. Counted in the processes and added up now and then: no truth.

A process that dies takes what it counted since the last time with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Counted(StrEnum):
    """What a label is of."""

    # No label.
    ACCEPTED = "accepted"
    # The gate, or why a configuration does not send.
    REFUSED = "refused"
    # The status that a call gave its messages.
    OUTCOME = "outcome"
    # The status that an event gave its job.
    STATUS = "status"
    # The kind of event.
    RECEIVED = "received"
    # Why a callback was turned away.
    REJECTED = "rejected"


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
        """Added up by spans that begin at a multiple of `span_minutes` since midnight UTC; in the order of time."""
        ...

    def forget(self, *, until: datetime, limit: int) -> int:
        """Drops minutes before; how many rows went, at most `limit`."""
        ...
