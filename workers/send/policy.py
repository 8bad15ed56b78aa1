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
    lease_seconds: float
    retry_base_seconds: float
    retry_max_seconds: float
    max_age: timedelta
    poison_after: int
    index_lag_grace: timedelta
    look_interval_seconds: float
    doubt_limit: timedelta
    slow_look_seconds: float
    soft_threshold: int
    account_pause_seconds: float
    account_pause_max_seconds: float
    # Between 0 and 1; spreads retries so that those deferred together do not come back together.
    jitter: Callable[[], float] = random.random

    @classmethod
    def of(cls, send: Send) -> "SendPolicy":
        return cls(
            batch_size=send.batch_size,
            batch_bytes=send.batch_bytes,
            lease_seconds=send.lease_seconds,
            retry_base_seconds=send.retry_base_seconds,
            retry_max_seconds=send.retry_max_seconds,
            max_age=timedelta(hours=send.max_age_hours),
            poison_after=send.poison_after,
            index_lag_grace=timedelta(seconds=send.index_lag_grace_seconds),
            look_interval_seconds=send.look_interval_seconds,
            doubt_limit=timedelta(hours=send.doubt_limit_hours),
            slow_look_seconds=send.slow_look_seconds,
            soft_threshold=send.soft_threshold,
            account_pause_seconds=send.account_pause_seconds,
            account_pause_max_seconds=send.account_pause_max_seconds,
        )

    @property
    def call_within_seconds(self) -> float:
        """From the claim. A call that begins later could still be under way when somebody else holds the claim."""
        return self.lease_seconds / 3

    def retry_at(self, now: datetime, attempts: int, *, at_least_seconds: float | None = None) -> datetime:
        """Exponential with jitter over the upper half, never before the provider's own Retry-After."""
        ceiling = min(self.retry_max_seconds, self.retry_base_seconds * 2 ** min(attempts - 1, 20))
        seconds = ceiling * (0.5 + self.jitter() / 2)
        return now + timedelta(seconds=max(seconds, at_least_seconds or 0.0))

    def look_at(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.look_interval_seconds)

    def look_again_at(self, now: datetime, in_doubt_since: datetime) -> datetime:
        """Less often once it is an operator's to decide."""
        if now - in_doubt_since < self.doubt_limit:
            return self.look_at(now)
        return now + timedelta(seconds=self.slow_look_seconds)

    def expires_at(self, accepted_at: datetime) -> datetime:
        return accepted_at + self.max_age
