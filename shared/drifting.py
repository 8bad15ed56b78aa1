"""Drift, by hand: a check asked for at once, a finding snoozed or woken. Who did it and why is kept with it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.drift import Assertion, Finding
from shared.domain.errors import Conflict, NotFound
from shared.messaging.messages import CheckDrift
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class DriftPorts:
    store: Store
    doorbell: Doorbell
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Why:
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`rung` is False when the broker was away: then the next sweep rings."""

    at: datetime
    rung: bool


def ask(ports: DriftPorts, wanted: Collection[Assertion], why: Why | None = None) -> Asked:
    """Due at once, whatever the switches say. Kept as a deed where somebody said why."""
    with ports.store.begin() as tx:
        for assertion in wanted:
            tx.rounds.ask(assertion)
            if why is not None:
                _keep(tx, ports, "drift.run", why, subject_id=assertion.e_id)
        at = tx.now()
    return Asked(at, ports.doorbell.ring(*(CheckDrift(assertion.e_id) for assertion in wanted)))


def snooze(ports: DriftPorts, finding_id: UUID, until: datetime | timedelta, why: Why) -> Finding:
    """`until` a moment, or for so long from now on. Raises `NotFound`, and `Conflict` for what is resolved."""
    return _change(ports, finding_id, "drift.snooze", until, why)


def wake(ports: DriftPorts, finding_id: UUID, why: Why) -> Finding:
    """Open again at once. Raises as `snooze`."""
    return _change(ports, finding_id, "drift.wake", None, why)


def _change(
    ports: DriftPorts, finding_id: UUID, action: str, until: datetime | timedelta | None, why: Why
) -> Finding:
    with ports.store.begin() as tx:
        finding = tx.findings.get(finding_id)
        if finding is None:
            raise NotFound
        end = tx.now() + until if isinstance(until, timedelta) else until
        if not tx.findings.snooze(finding_id, until=end, author=why.author, reason=why.reason):
            raise Conflict("it is resolved: there is nothing to snooze or to wake")
        _keep(tx, ports, action, why, subject_id=finding_id, tenant_id=finding.discrepancy.tenant_id)
        changed = tx.findings.get(finding_id)
    assert changed is not None, "it was there in the same transaction"
    return changed


def _keep(
    tx: Transaction,
    ports: DriftPorts,
    action: str,
    why: Why,
    *,
    subject_id: UUID,
    tenant_id: UUID | None = None,
) -> None:
    deed = OperatorAction(
        e_id=ports.new_id(),
        tenant_id=tenant_id,
        action=action,
        subject_id=subject_id,
        author=why.author,
        reason=why.reason,
        at=tx.now(),
    )
    tx.audit.keep(deed)
