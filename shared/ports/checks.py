"""What checks of tenants' domains found, for operators to see why a configuration waits."""

from typing import Protocol
from uuid import UUID

from shared.domain.verification import Check, CheckRun


class Checks(Protocol):
    def record(self, configuration_id: UUID, check: Check) -> None:
        """A check that found what the one before it found lengthens that one's run.

        Keeps the newest `KEPT` runs of a configuration.
        """
        ...

    def latest(self, configuration_id: UUID, limit: int = 20) -> list[CheckRun]:
        """Newest first."""
        ...


KEPT = 50
