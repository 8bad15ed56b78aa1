"""A tenant's suppression list, as an operator works on it.

Lifting an entry here lets our own gate pass the address again. Asking the provider to reactivate it is a network call
and therefore a worker's: until that has happened the provider may still refuse the address.
"""

from dataclasses import dataclass
from uuid import UUID

from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.clock import NewId
from shared.ports.rows import Page
from shared.ports.store import Store


@dataclass(frozen=True, slots=True)
class SuppressionPorts:
    store: Store
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Added:
    """`created` is False when the address was on the list already; then `entry` is what holds."""

    entry: SuppressionEntry
    created: bool


@dataclass(frozen=True, slots=True)
class Lifted:
    entry: SuppressionEntry


@dataclass(frozen=True, slots=True)
class ComplaintStays:
    entry: SuppressionEntry


def query(ports: SuppressionPorts, tenant_id: UUID, question: Query) -> Page[SuppressionEntry]:
    with ports.store.begin() as tx:
        return tx.suppressions.query(tenant_id, question)


def add(ports: SuppressionPorts, tenant_id: UUID, author: str, address: str, note: str | None) -> Added:
    with ports.store.begin() as tx:
        now = tx.now()
        wanted = SuppressionEntry(
            e_id=ports.new_id(),
            tenant_id=tenant_id,
            address=address,
            reason=SuppressionReason.MANUAL,
            since=now,
            author=author,
            note=note,
            created_at=now,
            updated_at=now,
        )
        entry = tx.suppressions.add(wanted)
    return Added(entry, created=entry.e_id == wanted.e_id)


def lift(
    ports: SuppressionPorts, tenant_id: UUID, e_id: UUID, *, author: str, note: str | None
) -> Lifted | ComplaintStays | None:
    """None when the tenant has no such entry. An entry that is lifted already stays as it is."""
    with ports.store.begin() as tx:
        entry = tx.suppressions.get(tenant_id, e_id)
        if entry is None:
            return None
        if entry.reason is SuppressionReason.SPAM_COMPLAINT:
            return ComplaintStays(entry)
        return Lifted(tx.suppressions.lift(entry, author=author, note=note) if entry.active else entry)
