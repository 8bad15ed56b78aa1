"""Webhook events, as rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain.event import EmailEvent


@dataclass(frozen=True, slots=True)
class EventHeaders:
    """The provider's own marks on a callback, kept beside the raw body; `source` where it was no callback."""

    trace_id: str | None = None
    event_id: str | None = None
    retries_remaining: str | None = None
    source: str | None = None


class Events(Protocol):
    def add(self, event: EmailEvent, headers: EventHeaders) -> bool:
        """False when this configuration already has an event with the same content key."""
        ...

    def serialise(self, configuration_id: UUID) -> None:
        """Waits until no other transaction projects this configuration: events are folded in their order of arrival."""
        ...

    def unprojected(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        """Due ones, oldest first."""
        ...

    def mark_projected(self, job_ids: Mapping[UUID, UUID | None]) -> None:
        """Event id to the job it was joined to, if any. An event that names no recipient has its job's from then on."""
        ...

    def put_off(self, event_ids: Collection[UUID], *, seconds: float) -> None: ...

    def park(self, event_ids: Collection[UUID]) -> None:
        """No longer tried; each becomes a dead letter."""
        ...

    def for_job(self, tenant_id: UUID, job_id: UUID) -> list[EmailEvent]:
        """Oldest first."""
        ...

    def about(self, tenant_id: UUID, addresses: Collection[str]) -> list[EmailEvent]:
        """Every event that may bear on the suppression of these addresses, test events left out."""
        ...

    def configurations_with_due_events(self, limit: int) -> list[UUID]: ...
