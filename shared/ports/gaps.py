"""Times in which events may have been lost, as rows: opened by whoever notices, closed by a worker that caught up."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.gap import Gap


class Presence(Protocol):
    def seen(self, role: str) -> datetime | None:
        """Notes that `role` is there now, by the database's clock; returns when it was noted before, if ever."""
        ...


class Gaps(Protocol):
    def open(
        self,
        from_at: datetime,
        until_at: datetime,
        *,
        cause: str,
        author: str,
        configuration_id: UUID | None = None,
    ) -> int:
        """For each configuration with a webhook, or for this one; returns for how many.

        A gap that is open already and covers these times is enough.
        """
        ...

    def due(self, limit: int) -> list[UUID]:
        """Configurations with an open gap that nobody works on."""
        ...

    def take(self, configuration_id: UUID, *, lease_seconds: float) -> Gap | None:
        """Its oldest open gap that nobody works on, leased."""
        ...

    def messages(self, gap: Gap, *, limit: int) -> list[tuple[UUID, str]]:
        """(job id, message id) of jobs that are SENT still and whose delivery may have been told in the gap.

        Accepted from `SLOWEST_DELIVERY` before the gap on; those after `gap.cursor`, in the order of their acceptance.
        """
        ...

    def save(self, gap: Gap, *, due_in_seconds: float = 0.0) -> None:
        """Progress, or with `finished_at` its end. Lets go of it: it is due again after so long."""
        ...

    def covering(self, from_at: datetime, until_at: datetime, *, configuration_id: UUID | None) -> list[Gap]:
        """Open ones that cover these times, of this configuration or of all. Newest first."""
        ...

    def some(self, ids: Collection[UUID]) -> list[Gap]: ...

    def latest(self, limit: int, *, configuration_id: UUID | None = None) -> list[Gap]:
        """Newest first, open and closed."""
        ...
