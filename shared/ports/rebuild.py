"""Reading a tenant's whole log of events, in slices."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.event import EmailEvent
from shared.domain.job import EmailJob


@dataclass(frozen=True, slots=True)
class LoggedJob:
    """A job with everything that was ever said of it, each oldest first."""

    job: EmailJob
    events: tuple[EmailEvent, ...]
    attempts: tuple[SendAttempt, ...]
    actions: tuple[OperatorAction, ...]


class TenantLog(Protocol):
    def jobs_with_events(self, tenant_id: UUID, *, after: UUID | None, limit: int) -> list[LoggedJob]:
        """In the order of their acceptance, after the job `after`; locked, so that nothing is folded meanwhile."""
        ...

    def addresses(self, tenant_id: UUID, *, after: str | None, limit: int) -> list[str]:
        """Every address that an event, an operator or an entry speaks of, in order."""
        ...

    def active_states(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, str]:
        """Address to the reason of its active entry."""
        ...
