"""The projection pool's numbers."""

from dataclasses import dataclass
from datetime import timedelta

from shared.config.settings import Callbacks, Projection


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUpPolicy:
    """`lease_seconds`: how long a worker may be silent over a gap, or over a call to the provider's list."""

    lease_seconds: float
    retry_seconds: float
    attempts_max: int

    @classmethod
    def of(cls, callbacks: Callbacks) -> "CatchUpPolicy":
        return cls(
            lease_seconds=callbacks.lease_seconds,
            retry_seconds=callbacks.retry_seconds,
            attempts_max=callbacks.attempts_max,
        )
