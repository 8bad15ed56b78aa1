"""The drift pool's numbers."""

from dataclasses import dataclass

from shared.config.settings import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    lease_seconds: float
    retry_seconds: float
    # Rows between two commits.
    page_rows: int = 500
    # Questions about single servers in one round; at five a second a round stays a matter of minutes. Whatever is
    # left over is asked about by the next.
    questions_max: int = 500

    @classmethod
    def of(cls, drift: Drift) -> "DriftPolicy":
        return cls(lease_seconds=drift.lease_seconds, retry_seconds=drift.retry_seconds)
