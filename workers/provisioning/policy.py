"""The provisioning pool's numbers."""

from dataclasses import dataclass
from datetime import timedelta

from shared.config.settings import Settings

# At the most: a replay calls nobody, so that a worker that is silent for longer is gone.
REPLAY_LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisioningPolicy:
    lease_seconds: float
    retry_base_seconds: float
    # Calls in a row without a usable answer until a step has failed for good.
    attempts_max: int
    polling_interval_seconds: float
    polling_window: timedelta
    # Between two looks at a webhook.
    webhook_check: timedelta = timedelta(hours=1)
    # Dead letters put back in one transaction.
    replay_slice: int = 50
    # A message of a replay lasts so long, and then lets others go first.
    replay_turn_seconds: float = 30.0
    replay_lease_seconds: float = REPLAY_LEASE_SECONDS
    # A removal waits so long for what the provider still has to be asked about, then takes the server down.
    removal_patience: timedelta = timedelta(hours=1)

    @classmethod
    def of(cls, settings: Settings) -> "ProvisioningPolicy":
        return cls(
            lease_seconds=settings.provisioning.lease_seconds,
            retry_base_seconds=settings.provisioning.retry_base_seconds,
            attempts_max=settings.provisioning.attempts_max,
            polling_interval_seconds=settings.polling_interval_seconds,
            polling_window=timedelta(hours=settings.polling_timeout_hours),
            webhook_check=timedelta(minutes=settings.callbacks.check_minutes),
            replay_lease_seconds=min(REPLAY_LEASE_SECONDS, settings.provisioning.lease_seconds),
        )

    @property
    def call_within_seconds(self) -> float:
        """Of a lease's life: a call that begins in its first quarter is over before its end, the longest one too."""
        return self.lease_seconds / 4

    @property
    def replay_patience_seconds(self) -> float:
        """A slice that is due this soon is waited for, lease in hand; for a later one the sweep rings."""
        return self.replay_lease_seconds / 3

    def wait_seconds(self, tries: int, *, at_least_seconds: float | None = None) -> float:
        doubled: float = self.retry_base_seconds * 2.0 ** max(tries - 1, 0)
        return max(doubled, at_least_seconds or 0.0)
