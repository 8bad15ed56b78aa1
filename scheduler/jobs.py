"""What each tick does: look for rows that wait, and ring. Nothing here is the only holder of anything.

This is also the only recovery path, run at every start of the leader: whatever was lost between a commit and a ring, or
died with a worker, is found again by its row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from shared.domain.drift import Assertion
from shared.domain.retention import Kind
from shared.messaging.messages import (
    CatchUpEvents,
    CheckDrift,
    CheckWebhook,
    LiftSuppressions,
    Message,
    ProjectEvents,
    ProvisionConfiguration,
    RemoveConfiguration,
    RemoveOldRows,
    ResealToken,
    ResolveDoubts,
    RunReplay,
    SendJobs,
    VerifyConfiguration,
)
from shared.ports.doorbell import Doorbell
from shared.ports.key_material import KeyVersions
from shared.ports.store import Store, Transaction
from shared.ports.waits import Waiting
from shared.steering import finish_drain
from shared.telemetry.drift import (
    record_drift_freshness,
    record_drift_intervals,
    record_findings_by_state,
)
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_sweep
from shared.telemetry.retention import record_retention
from shared.telemetry.states import (
    record_configurations_by_state,
    record_oldest_waits,
    record_recovering,
    record_standing,
    record_tokens_behind,
    record_webhooks_by_state,
)

AUTHOR = "scheduler"


@dataclass(frozen=True, slots=True)
class SchedulerDeps:
    store: Store
    doorbell: Doorbell
    # Configurations one look rings for at the most; the rest is found by the next.
    limit: int
    # From doubt to the first look at the provider.
    look_in_seconds: float
    keys: KeyVersions
    # How often each assertion that is switched on is checked.
    drift_seconds: Mapping[Assertion, float] = field(default_factory=dict)
    # Of the kinds that are not kept for ever, and how often each is gone through.
    keep_days: Mapping[Kind, float] = field(default_factory=dict)
    retention_seconds: float = 3600.0


def due_sends(deps: SchedulerDeps) -> None:
    _ring_for("due_sends", SendJobs, lambda tx: tx.jobs.configurations_with_due_jobs(deps.limit), deps)


def due_events(deps: SchedulerDeps) -> None:
    _ring_for(
        "due_events", ProjectEvents, lambda tx: tx.events.configurations_with_due_events(deps.limit), deps
    )


def due_verifications(deps: SchedulerDeps) -> None:
    _ring_for(
        "due_verifications",
        VerifyConfiguration,
        lambda tx: tx.configurations.due_for_verification(deps.limit),
        deps,
    )


def stale_sends(deps: SchedulerDeps) -> None:
    """SENDING past its lease: the worker is gone, or as good as gone, and what it did is not known."""
    with deps.store.begin() as tx:
        found = tx.jobs.doubt_expired_leases(look_in_seconds=deps.look_in_seconds, limit=deps.limit)
    record_sweep("stale_sends", len(found))


def due_doubts(deps: SchedulerDeps) -> None:
    _ring_for(
        "due_doubts", ResolveDoubts, lambda tx: tx.jobs.configurations_with_due_doubts(deps.limit), deps
    )


def stalled_provisioning(deps: SchedulerDeps) -> None:
    _ring_for(
        "stalled_provisioning",
        ProvisionConfiguration,
        lambda tx: tx.configurations.provisioning_without_lease(deps.limit),
        deps,
    )


def stalled_removals(deps: SchedulerDeps) -> None:
    _ring_for(
        "stalled_removals",
        RemoveConfiguration,
        lambda tx: tx.configurations.removal_without_lease(deps.limit),
        deps,
    )


def finished_drains(deps: SchedulerDeps) -> None:
    """LOCKING with nothing in flight. A row only, so there is nobody to ring for."""
    with deps.store.begin() as tx:
        locking = tx.configurations.locking(deps.limit)
    finished = [e_id for e_id in locking if finish_drain(deps.store, e_id, author=AUTHOR)]
    record_sweep("finished_drains", len(finished))


def due_webhook_checks(deps: SchedulerDeps) -> None:
    _ring_for("due_webhook_checks", CheckWebhook, lambda tx: tx.webhook_looks.due(deps.limit), deps)


def open_gaps(deps: SchedulerDeps) -> None:
    _ring_for("open_gaps", CatchUpEvents, lambda tx: tx.gaps.due(deps.limit), deps)


def due_lifts(deps: SchedulerDeps) -> None:
    _ring_for("due_lifts", LiftSuppressions, lambda tx: tx.lifts.due(deps.limit), deps)


def due_replays(deps: SchedulerDeps) -> None:
    _ring_for("due_replays", RunReplay, lambda tx: tx.replays.due(deps.limit), deps)


def stale_tokens(deps: SchedulerDeps) -> None:
    """Tokens that an older key version sealed. Those that cannot be opened come again with each look."""
    deps.keys.look()
    current = deps.keys.current_version
    if current is None:
        return
    with deps.store.begin() as tx:
        uses = tx.sealed_tokens.uses()
    record_tokens_behind(sum(use.rows for version, use in uses.items() if version != current))
    _ring_for(
        "stale_tokens",
        ResealToken,
        lambda tx: tx.sealed_tokens.behind(current, after=None, limit=deps.limit),
        deps,
    )


def due_drift(deps: SchedulerDeps) -> None:
    """Assertions that are switched on when their time has come, and whatever an operator asked for."""
    with deps.store.begin() as tx:
        for assertion, every_seconds in deps.drift_seconds.items():
            tx.rounds.arm(assertion, every_seconds=every_seconds)
    _ring_for("due_drift", CheckDrift, lambda tx: tx.rounds.due(), deps)


def due_retention(deps: SchedulerDeps) -> None:
    """Kinds that are kept for a while when their time has come. Of one that is kept for ever by now nothing is left."""
    with deps.store.begin() as tx:
        for kind in Kind:
            if kind in deps.keep_days:
                tx.retention.arm(kind, every_seconds=deps.retention_seconds)
            else:
                tx.retention.disarm(kind)
    _ring_for("due_retention", RemoveOldRows, lambda tx: tx.retention.due(), deps)


def tell_drift(deps: SchedulerDeps) -> None:
    with deps.store.begin() as tx:
        reports, counts = tx.rounds.reports(), tx.findings.count()
    record_drift_freshness((report.assertion, report.finished_at, report.seconds) for report in reports)
    record_findings_by_state(counts)
    record_drift_intervals(deps.drift_seconds)


def tell_retention(deps: SchedulerDeps) -> None:
    with deps.store.begin() as tx:
        reports, now = tx.retention.reports(), tx.now()
    for report in reports:
        keep_days = deps.keep_days.get(report.kind)
        record_retention(
            report.kind,
            finished_at=report.finished_at,
            behind_seconds=None if keep_days is None else report.behind_seconds(now, keep_days),
        )


def tell_states(deps: SchedulerDeps) -> None:
    with deps.store.begin() as tx:
        counts, webhooks = tx.configurations.count_by_state(), tx.webhook_looks.count_by_state()
    record_configurations_by_state(counts)
    record_webhooks_by_state(webhooks)


def tell_waits(deps: SchedulerDeps) -> None:
    with deps.store.begin() as tx:
        oldest, now, recovering = tx.waits.oldest(), tx.now(), tx.recovering()
    record_recovering(recovering)
    record_oldest_waits(
        {state: max(0.0, (now - oldest.get(state, now)).total_seconds()) for state in Waiting}
    )


def tell_standing(deps: SchedulerDeps) -> None:
    with deps.store.begin() as tx:
        standing = tx.waits.standing()
    record_standing(
        jobs_in_doubt=standing.jobs_in_doubt,
        jobs_inconsistent=standing.jobs_inconsistent,
        gaps_open=standing.gaps_open,
        dead_letters=standing.dead_letters,
    )


def reconcile(deps: SchedulerDeps) -> None:
    for job in (
        stale_sends,
        due_doubts,
        stalled_provisioning,
        stalled_removals,
        finished_drains,
        due_webhook_checks,
        open_gaps,
        due_lifts,
        tell_states,
        tell_waits,
        tell_standing,
        tell_drift,
        tell_retention,
    ):
        job(deps)


def _ring_for(
    sweep: str,
    message: Callable[[UUID], Message],
    find: Callable[[Transaction], list[UUID]],
    deps: SchedulerDeps,
) -> None:
    with deps.store.begin() as tx:
        waiting = find(tx)
    fault_point("schedule.found")
    deps.doorbell.ring_again(*(message(e_id) for e_id in waiting))
    fault_point("schedule.rung")
    record_sweep(sweep, len(waiting))
