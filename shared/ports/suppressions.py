"""Suppressed addresses, as rows."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionFact, SuppressionState
from shared.ports.rows import Page


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
