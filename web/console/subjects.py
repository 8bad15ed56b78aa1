"""Where to look at something of which only the id is known."""

from collections.abc import Callable, Sequence
from uuid import UUID

from flask import url_for

from shared.domain.drift import Assertion
from shared.ports.store import Transaction
from shared.rotating import ENCRYPTION_KEY

_FIXED = {ENCRYPTION_KEY: "console.keys", **dict.fromkeys((one.e_id for one in Assertion), "console.drift")}


def url_of(tx: Transaction, e_id: UUID, *, tenant_id: UUID | None) -> str:
    """What has no page of its own, such as an event, is led to what was done to it."""
    if e_id in _FIXED:
        return url_for(_FIXED[e_id])
    if e_id == tenant_id:
        return url_for("console.suppressions", tenant=tenant_id)
    if tenant_id is not None and tx.suppressions.get(tenant_id, e_id) is not None:
        return url_for("console.suppression", tenant_id=tenant_id, e_id=e_id)
    return next((url for is_one, url in _kinds(tx, e_id) if is_one()), url_for("console.audit", subject=e_id))


def _kinds(tx: Transaction, e_id: UUID) -> Sequence[tuple[Callable[[], bool], str]]:
    return [
        (lambda: tx.views.job(e_id) is not None, f"/console/jobs/{e_id}"),
        (lambda: tx.configurations.get(e_id) is not None, f"/console/configurations/{e_id}"),
        (lambda: tx.findings.get(e_id) is not None, url_for("console.finding", finding_id=e_id)),
        (lambda: tx.replays.get(e_id) is not None, url_for("console.replay", replay_id=e_id)),
    ]
