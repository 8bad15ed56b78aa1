"""The send pool's numbers: how many, how long, how often."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.config.settings import Send


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPolicy:
    batch_size: int
    batch_bytes: int
    batches_per_turn: int
    lease_seconds: float
    retry_base_seconds: float
    retry_max_seconds: float
    max_age: timedelta
    attempts_max: int
    index_lag_grace: timedelta
    look_interval_seconds: float
    soft_threshold: int
    account_pause_seconds: float
    # Between 0 and 1; spreads retries so that those deferred together do not come back together.
    jitter: Callable[[], float] = random.random

    @classmethod
    def of(cls, send: Send) -> "SendPolicy":
        return cls(
            batch_size=send.batch_size,
            batch_bytes=send.batch_bytes,
            batches_per_turn=send.batches_per_turn,
            lease_seconds=send.lease_seconds,
            retry_base_seconds=send.retry_base_seconds,
            retry_max_seconds=send.retry_max_seconds,
            max_age=timedelta(hours=send.max_age_hours),
            attempts_max=send.attempts_max,
            index_lag_grace=timedelta(seconds=send.index_lag_grace_seconds),
            look_interval_seconds=send.look_interval_seconds,
            soft_threshold=send.soft_threshold,
            account_pause_seconds=send.account_pause_seconds,
        )

    def retry_at(self, now: datetime, attempts: int, *, at_least_seconds: float | None = None) -> datetime:
        """Exponential with jitter over the upper half, never before the provider's own Retry-After."""
        ceiling = min(self.retry_max_seconds, self.retry_base_seconds * 2 ** min(attempts - 1, 20))
        seconds = ceiling * (0.5 + self.jitter() / 2)
        return now + timedelta(seconds=max(seconds, at_least_seconds or 0.0))

    def look_at(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.look_interval_seconds)

    def expires_at(self, accepted_at: datetime) -> datetime:
        return accepted_at + self.max_age
