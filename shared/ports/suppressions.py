"""Suppressed addresses, as rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionFact, SuppressionState
from shared.ports.rows import Page

# Of one transaction: a second's work, for which the tenant's events wait.
IMPORT_MAX = 5000


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Entries; an address that is given twice was active already the second time."""

    added: int
    active_already: int


class Suppressions(Protocol):
    def active_among(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, SuppressionEntry]: ...

    def get(self, tenant_id: UUID, e_id: UUID) -> SuppressionEntry | None: ...

    def query(self, tenant_id: UUID, query: Query) -> Page[SuppressionEntry]: ...

    def operator_facts(
        self, tenant_id: UUID, addresses: Collection[str]
    ) -> Mapping[str, list[SuppressionFact]]:
        """What operators and refusals of the provider have added or lifted: facts that no event tells."""
        ...

    def add(self, entry: SuppressionEntry) -> SuppressionEntry:
        """Returns the active entry of the address if there is one already, else `entry`."""
        ...

    def lift(self, entry: SuppressionEntry, *, author: str, note: str | None) -> SuppressionEntry: ...

    def apply(self, tenant_id: UUID, states: Mapping[str, SuppressionState]) -> int:
        """Makes the rows of these addresses say what `states` says; returns how many changed."""
        ...

    def import_many(self, tenant_id: UUID, entries: Sequence[SuppressionEntry]) -> ImportResult:
        """At most `IMPORT_MAX` of this tenant, of which no event tells. What is active already stays as it is.

        `since` is the moment of the import: one before a lift that is known would be ended by that lift.
        """
        ...

    def export(
        self, tenant_id: UUID, *, after: str | None, limit: int, lifted: bool = False
    ) -> list[SuppressionEntry]:
        """Active entries in the order of their addresses, from the one that follows `after` on.

        With those `lifted`, an address may have several, oldest first, and `limit` counts addresses: a slice has all
        entries of each, so that the last one's address is the next `after`.
        """
        ...
