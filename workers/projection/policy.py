"""The projection pool's numbers."""

from dataclasses import dataclass
from datetime import timedelta

from shared.config.settings import Projection


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionPolicy:
    batch_size: int
    retry_seconds: float
    give_up_after: timedelta
    # Batches of one configuration in a row before others get their turn.
    batches_per_turn: int = 10

    @classmethod
    def of(cls, projection: Projection) -> "ProjectionPolicy":
        return cls(
            batch_size=projection.batch_size,
            retry_seconds=projection.retry_seconds,
            give_up_after=timedelta(hours=projection.give_up_hours),
        )
