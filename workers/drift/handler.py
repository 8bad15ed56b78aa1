"""One round of one assertion. It reports and never repairs; what it cannot tell it leaves as it stood."""

from collections.abc import Callable, Mapping
from uuid import UUID

from shared.domain.drift import FINDINGS, Assertion, Verdict
from shared.domain.errors import Conflict, KeyMaterialError, ProviderError
from shared.findings import tell_findings
from shared.ports.lease import looked_after
from shared.telemetry.drift import record_drift_round
from workers.drift.deps import DriftDeps
from workers.drift.dns import check_dns
from workers.drift.inventory import check_inventory
from workers.drift.registry import check_registry
from workers.drift.sheet import Sheet

CHECKS: Mapping[Assertion, Callable[[Sheet, DriftDeps], None]] = {
    Assertion.POSTMARK_INVENTORY: check_inventory,
    Assertion.REGISTRY: check_registry,
    Assertion.DNS: check_dns,
}


def check_drift(assertion_id: UUID, deps: DriftDeps) -> None:
    with deps.store.begin() as tx:
        round = tx.rounds.begin(assertion_id, lease_seconds=deps.policy.lease_seconds)
    if round is None:
        return
    sheet = Sheet(round, deps.store, deps.policy)
    try:
        _work_through(sheet, deps)
    except Conflict:
        # Stopped for longer than the lease: another round has begun with an empty sheet.
        record_drift_round(round.assertion, verdict="overtaken", found=0, resolved=0, fault=None)
        return
    tell_findings(deps.store, FINDINGS[round.assertion])


def _work_through(sheet: Sheet, deps: DriftDeps) -> None:
    try:
        with looked_after(sheet.before_call):
            CHECKS[sheet.round.assertion](sheet, deps)
    except ProviderError as fault:
        _give_up(sheet, deps, fault.code)
    except KeyMaterialError as fault:
        _give_up(sheet, deps, str(fault))
    else:
        _finish(sheet, deps)


def _finish(sheet: Sheet, deps: DriftDeps) -> None:
    with deps.store.begin() as tx:
        resolved = tx.findings.settle(sheet.round)
        tx.rounds.finish(sheet.round, verdict=sheet.verdict, checked=sheet.checked, calls=sheet.calls)
    record_drift_round(
        sheet.round.assertion, verdict=sheet.verdict, found=sheet.found, resolved=resolved, fault=None
    )


def _give_up(sheet: Sheet, deps: DriftDeps, fault: str) -> None:
    """What was found until then was found; nothing is taken for mended."""
    with deps.store.begin() as tx:
        tx.rounds.give_up(sheet.round, fault=fault, again_in_seconds=deps.policy.retry_seconds)
    record_drift_round(
        sheet.round.assertion, verdict=Verdict.COULD_NOT_TELL, found=sheet.found, resolved=0, fault=fault
    )
