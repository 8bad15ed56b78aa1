"""Addresses that an operator lifted and the provider still has to be asked about."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Lift:
    """On one configuration's server."""

    configuration_id: UUID
    address: str = field(repr=False)
    tries: int = 0


class Lifts(Protocol):
    def want(self, tenant_id: UUID, addresses: Collection[str]) -> list[UUID]:
        """For each of the tenant's configurations that has a server; returns those."""
        ...

    def due(self, limit: int) -> list[UUID]:
        """Configurations with addresses that are due."""
        ...

    def take(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Lift]:
        """Due ones, the longest waiting first; their due time moves on by the lease."""
        ...

    def done(self, configuration_id: UUID, addresses: Collection[str]) -> None: ...

    def refused(self, configuration_id: UUID, address: str, message: str) -> None:
        """For good, by the provider: kept, shown with the entry, and not asked again."""
        ...

    def put_off(self, configuration_id: UUID, addresses: Collection[str], *, seconds: float) -> None:
        """One more try."""
        ...

    def waiting(self, tenant_id: UUID, addresses: Collection[str]) -> set[str]:
        """Those of which the provider has yet to be asked, or to answer."""
        ...

    def refusals(self, tenant_id: UUID, addresses: Collection[str]) -> dict[str, str]:
        """Address to the provider's words."""
        ...
