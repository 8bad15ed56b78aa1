"""A recovery: the database was restored to `gap_from`, and what was committed until `gap_until` is gone.

Meanwhile nothing is sent and callers are kept out. The provider is asked, configuration by configuration, for all that
it took since then; what it knows and we do not is written down. A job that it does not know was not sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import InvalidValue

# The restored data may lack what was committed a little before `gap_from`, and clocks differ.
MARGIN = timedelta(minutes=15)
# Each is asked twice, for the provider's index lags; see `second_look_at`.
LOOKS = (1, 2)

# What keeps a key from being a caller's: those are ASCII.
_KEY_PREFIX = "\N{SECTION SIGN}recovered:"


class Found(StrEnum):
    """What a message of the provider's told us of its job."""

    # It waited here, and had been sent.
    SETTLED = "settled"
    # It had been accepted after the restored moment: there was no row of it.
    ADOPTED = "adopted"
    # Its row says that it ended without being sent. Left as it is: its events make it INCONSISTENT.
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    e_id: UUID
    gap_from: datetime
    gap_until: datetime
    author: str
    reason: str
    begun_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    def __post_init__(self) -> None:
        if not self.gap_from < self.gap_until:
            raise InvalidValue("until", "the gap ends before it begins")
        if self.gap_until > self.begun_at:
            raise InvalidValue("until", "the gap ends in the future")

    @property
    def searched_from(self) -> datetime:
        return self.gap_from - MARGIN

    def second_look_at(self, index_lag: timedelta) -> datetime:
        """By then the provider's search knows all that was sent before this began."""
        return self.begun_at + index_lag


def recovered_key(job_id: UUID) -> str:
    """In the place of a caller's idempotency key, which nobody knows any more."""
    return f"{_KEY_PREFIX}{job_id}"
