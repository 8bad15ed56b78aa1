"""A whole suppression list at once: out in slices, in by sets. No transaction lasts longer than one slice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.clock import NewId
from shared.ports.store import Store
from shared.ports.suppressions import IMPORT_MAX

_SLICE = 1000


@dataclass(frozen=True, slots=True)
class Imported:
    """An address to put on the list."""

    address: str = field(repr=False)
    reason: SuppressionReason = SuppressionReason.IMPORTED
    note: str | None = None


@dataclass(frozen=True, slots=True)
class _Operator:
    author: str
    why: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    added: int
    already_there: int


def slices(store: Store, tenant_id: UUID, *, lifted: bool) -> Iterator[list[SuppressionEntry]]:
    """In the order of the addresses. What changes meanwhile is in it as it is when its slice is read."""
    after: str | None = None
    while True:
        with store.begin() as tx:
            entries = tx.suppressions.export(tenant_id, after=after, limit=_SLICE, lifted=lifted)
        if not entries:
            return
        yield entries
        after = entries[-1].address


def import_all(
    store: Store,
    new_id: NewId,
    tenant_id: UUID,
    author: str,
    wanted: Iterable[Imported],
    *,
    why: str | None = None,
) -> Outcome:
    """Broken off in the middle and begun again, it finds the first part there already.

    With `why`, each set of up to IMPORT_MAX is kept as an operator's deed on the tenant, together with its entries.
    """
    left, added, there = iter(wanted), 0, 0
    while some := list(islice(left, IMPORT_MAX)):
        outcome = _import(store, new_id, tenant_id, _Operator(author, why), some)
        added, there = added + outcome.added, there + outcome.already_there
    return Outcome(added, there)


def _import(
    store: Store, new_id: NewId, tenant_id: UUID, operator: _Operator, some: Sequence[Imported]
) -> Outcome:
    with store.begin() as tx:
        now = tx.now()
        entries = [
            SuppressionEntry(
                e_id=new_id(),
                tenant_id=tenant_id,
                address=each.address,
                reason=each.reason,
                since=now,
                author=operator.author,
                note=each.note,
                created_at=now,
                updated_at=now,
            )
            for each in some
        ]
        result = tx.suppressions.import_many(tenant_id, entries)
        if operator.why is not None:
            tx.audit.keep(_deed(new_id(), tenant_id, operator.author, operator.why, now))
    return Outcome(result.added, result.active_already)


def _deed(e_id: UUID, tenant_id: UUID, author: str, why: str, at: datetime) -> OperatorAction:
    return OperatorAction(
        e_id=e_id,
        tenant_id=tenant_id,
        action="suppression.import",
        subject_id=tenant_id,
        author=author,
        reason=why,
        at=at,
    )
