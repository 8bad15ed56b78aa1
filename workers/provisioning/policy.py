"""The provisioning pool's numbers."""

from dataclasses import dataclass
from datetime import timedelta

from shared.config.settings import Settings


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
    # It waits itself for a slice that is due this soon; for a later one the sweep rings.
    replay_patience_seconds: float = 10.0
    # Outlasts the patience and a slice whose rows others hold for a while.
    replay_lease_seconds: float = 30.0
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
        )

    @property
    def call_within_seconds(self) -> float:
        """Of a lease's life: a call that begins in its first quarter is over before its end, the longest one too."""
        return self.lease_seconds / 4

    def wait_seconds(self, tries: int, *, at_least_seconds: float | None = None) -> float:
        doubled: float = self.retry_base_seconds * 2.0 ** max(tries - 1, 0)
        return max(doubled, at_least_seconds or 0.0)
