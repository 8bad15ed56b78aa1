"""A time in which events may have been lost: the provider gives a callback up after some 72 minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

# The provider's ladder of repeats is about 72 minutes long; what was answered before that was repeated till it came.
# An event happens before it is posted, and clocks differ: a gap is looked at from a little before.
MARGIN = timedelta(minutes=15)
# For so long mail servers on the way may put a message off before they take it.
SLOWEST_DELIVERY = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """To be caught up for one configuration. `found` counts events that were new to us."""

    e_id: UUID
    configuration_id: UUID
    from_at: datetime
    until_at: datetime
    cause: str
    author: str
    found: int = 0
    # How far the jobs of the gap were asked about: the id of the last one.
    cursor: UUID | None = None
    tries: int = 0
    fault: str | None = None
    opened_at: datetime
    finished_at: datetime | None = None

    @property
    def looked_at_from(self) -> datetime:
        return self.from_at - MARGIN
