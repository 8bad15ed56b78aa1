"""A tenant's suppression list, as an operator works on it.

Lifting an entry here lets our own gate pass the address again. Asking the provider to reactivate it is a network call
and therefore a worker's: what is to be asked is a row, written with the lift, and until it is answered the provider may
still refuse the address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict
from shared.domain.query import Query
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.messaging.messages import LiftSuppressions
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.operators import SuppressionSearch
from shared.ports.rows import Page
from shared.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class SuppressionPorts:
    store: Store
    doorbell: Doorbell
    new_id: NewId


class Provider(StrEnum):
    """What became of an address that was lifted, at the provider."""

    # It will be asked, or has yet to answer.
    ASKED = "asked"
    # It says that the address is not on its list, or there is no server that has a list.
    LIFTED = "lifted"
    # It keeps the address, and says why.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Listed:
    """`provider` is None while the entry is active."""

    entry: SuppressionEntry
    provider: Provider | None = None
    provider_message: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """`created` is False when the address was on the list already; then `listed` is what holds."""

    listed: Listed
    created: bool


@dataclass(frozen=True, slots=True)
class Lifted:
    listed: Listed


@dataclass(frozen=True, slots=True)
class ComplaintStays:
    entry: SuppressionEntry


def query(ports: SuppressionPorts, tenant_id: UUID, question: Query) -> Page[Listed]:
    with ports.store.begin() as tx:
        page = tx.suppressions.query(tenant_id, question)
        return Page(tuple(listed(tx, page.rows)), page.more)


def search(
    ports: SuppressionPorts, wanted: SuppressionSearch, *, after: UUID | None, limit: int
) -> list[Listed]:
    """Across tenants, in the order of their ids. Raises `InvalidValue` for what no index answers."""
    with ports.store.begin() as tx:
        return listed(tx, tx.views.suppressions(wanted, after=after, limit=limit))


def add(
    ports: SuppressionPorts,
    tenant_id: UUID,
    author: str,
    address: str,
    note: str | None,
    *,
    why: str | None = None,
) -> Added:
    """With `why`, what was added is kept as an operator's deed."""
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
        created = entry.e_id == wanted.e_id
        if created and why is not None:
            _keep(tx, ports, "suppression.add", entry, author=author, why=why)
    return Added(Listed(entry), created=created)


def lift(
    ports: SuppressionPorts,
    tenant_id: UUID,
    e_id: UUID,
    *,
    author: str,
    note: str | None,
    why: str | None = None,
) -> Lifted | ComplaintStays | None:
    """None when the tenant has no such entry. An entry that is lifted already stays as it is.

    With `why`, what was lifted is kept as an operator's deed. Raises `Conflict` when a complaint came while it was
    being lifted.
    """
    with ports.store.begin() as tx:
        entry = tx.suppressions.get(tenant_id, e_id)
        if entry is None:
            return None
        if entry.reason is SuppressionReason.SPAM_COMPLAINT:
            return ComplaintStays(entry)
        asked = _lift(tx, entry, author=author, note=note) if entry.active else []
        if entry.active and why is not None:
            _keep(tx, ports, "suppression.lift", entry, author=author, why=why)
        held = tx.suppressions.get(tenant_id, e_id)
        assert held is not None, "suppressions are never deleted"
        (now_listed,) = listed(tx, [held])
    if asked:
        ports.doorbell.ring(*map(LiftSuppressions, asked))
    return Lifted(now_listed)


def _lift(tx: Transaction, entry: SuppressionEntry, *, author: str, note: str | None) -> list[UUID]:
    """Returns the configurations whose provider is to be asked."""
    lifted = tx.suppressions.lift(entry, author=author, note=note)
    if lifted.reason is SuppressionReason.SPAM_COMPLAINT:
        raise Conflict("the recipient complained meanwhile")
    return tx.lifts.want(entry.tenant_id, [entry.address])


def _keep(
    tx: Transaction, ports: SuppressionPorts, action: str, entry: SuppressionEntry, *, author: str, why: str
) -> None:
    deed = OperatorAction(
        e_id=ports.new_id(),
        tenant_id=entry.tenant_id,
        action=action,
        subject_id=entry.e_id,
        author=author,
        reason=why,
        at=tx.now(),
    )
    tx.audit.keep(deed)


def listed(tx: Transaction, entries: Sequence[SuppressionEntry]) -> list[Listed]:
    """In the order given, of whichever tenants, with what the provider said of those that are lifted."""
    lifted: dict[UUID, set[str]] = {}
    for entry in entries:
        if not entry.active:
            lifted.setdefault(entry.tenant_id, set()).add(entry.address)
    refusals = {tenant_id: tx.lifts.refusals(tenant_id, some) for tenant_id, some in lifted.items()}
    waiting = {tenant_id: tx.lifts.waiting(tenant_id, some) for tenant_id, some in lifted.items()}
    return [
        Listed(entry)
        if entry.active
        else _at_provider(
            entry,
            refusals[entry.tenant_id].get(entry.address),
            waits=entry.address in waiting[entry.tenant_id],
        )
        for entry in entries
    ]


def _at_provider(entry: SuppressionEntry, refusal: str | None, *, waits: bool) -> Listed:
    """Of several servers one may have let go of it while another refused: the refusal is what matters."""
    if refusal is not None:
        return Listed(entry, Provider.REFUSED, refusal)
    return Listed(entry, Provider.ASKED if waits else Provider.LIFTED)
