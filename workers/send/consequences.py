"""What results mean beyond their own jobs: for the address, the configuration, the server's pace and the account."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.mail import Accepted, AccountFault, ConfigurationFault, Deferred, Outcome, Refused, Unknown
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.clock import NewId
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.steering import finish_drain, steer
from shared.telemetry.metrics import record_account_paused, record_account_resumed, record_throttled
from workers.send.claiming import Batch
from workers.send.deps import AUTHOR, SendDeps

# Words of the gateway's own: the provider would take fewer messages in one call; this one could not go with the others.
BATCH_TOO_LARGE = "batch_too_large"
BATCH_FULL = "batch_full"


def cancels_waiting(configuration: EmailConfiguration) -> bool:
    """After a force-lock nothing waits: what would go back to the queue is cancelled instead."""
    return configuration.retired or configuration.administrative is Administrative.LOCKED


def without_requeue(settlement: Settlement) -> Settlement:
    if settlement.status is not JobStatus.QUEUED:
        return settlement
    return replace(settlement, status=JobStatus.CANCELLED, due_at=None)


def suppress_inactive(
    tx: Transaction, batch: Batch, settlements: Sequence[Settlement], new_id: NewId
) -> None:
    """The provider suppresses the address: so do we, from now on before any call."""
    inactive = {one.job_id for one in settlements if one.status is JobStatus.SUPPRESSED}
    for job in batch.jobs:
        if job.e_id in inactive:
            tx.suppressions.add(_provider_entry(batch.configuration, job.recipient, tx, new_id))


def _provider_entry(
    configuration: EmailConfiguration, address: str, tx: Transaction, new_id: NewId
) -> SuppressionEntry:
    return SuppressionEntry(
        e_id=new_id(),
        tenant_id=configuration.tenant_id,
        address=address,
        reason=SuppressionReason.PROVIDER_INACTIVE,
        since=tx.now(),
        author=AUTHOR,
        created_at=tx.now(),
        updated_at=tx.now(),
    )


def of_outcomes(
    batch: Batch, configuration: EmailConfiguration, outcomes: Sequence[Outcome], deps: SendDeps
) -> None:
    """Short transactions of their own, after the results are safe; none when all went as it should.

    `configuration` is as it was when they were recorded: a lock that came later saw them. The reconciliation tick finds
    what a crash skips.
    """
    _tell_account(batch, outcomes, deps)
    _set_pace(batch, outcomes, deps)
    if _needs_attention(configuration, outcomes):
        _attend(configuration.e_id, outcomes, deps)
    if configuration.administrative is Administrative.LOCKING:
        finish_drain(deps.store, configuration.e_id, author=AUTHOR)


def _tell_account(batch: Batch, outcomes: Sequence[Outcome], deps: SendDeps) -> None:
    """An account-level fault pauses all sending; a probe that was answered otherwise ends the pause."""
    fault = next((outcome for outcome in outcomes if isinstance(outcome, AccountFault)), None)
    if fault is not None:
        with deps.store.begin() as tx:
            seconds = tx.account.pause(
                seconds=deps.policy.account_pause_seconds,
                longest_seconds=deps.policy.account_pause_max_seconds,
                reason=f"{fault.code}: {fault.text}",
            )
        record_account_paused(code=fault.code, seconds=seconds)
    elif batch.probe and any(isinstance(outcome, Accepted | Refused) for outcome in outcomes):
        with deps.store.begin() as tx:
            tx.account.resume()
        record_account_resumed()


def _set_pace(batch: Batch, outcomes: Sequence[Outcome], deps: SendDeps) -> None:
    """Slower after a 429, smaller after an unknown outcome, and back again step by step."""
    configuration_id = batch.configuration.e_id
    throttled = next((one for one in outcomes if isinstance(one, Deferred) and one.throttled), None)
    if throttled is not None:
        wait_seconds = throttled.retry_after_seconds or deps.policy.retry_base_seconds
        with deps.store.begin() as tx:
            tx.pressure.throttled(configuration_id, wait_seconds=wait_seconds)
        record_throttled(configuration_id, seconds=wait_seconds)
    elif any(isinstance(one, Unknown) or _too_large(one) for one in outcomes):
        with deps.store.begin() as tx:
            tx.pressure.shrink_batch(configuration_id, from_size=len(batch.jobs))
    elif batch.limited and any(isinstance(one, Accepted) for one in outcomes):
        with deps.store.begin() as tx:
            tx.pressure.ease(configuration_id, full_batch_size=deps.policy.batch_size)


def left_for_next_call(outcome: Outcome) -> bool:
    """Nobody failed and nothing was asked: there is nothing to wait for."""
    return isinstance(outcome, Deferred) and outcome.code == BATCH_FULL


def _too_large(outcome: Outcome) -> bool:
    return isinstance(outcome, Deferred) and outcome.code == BATCH_TOO_LARGE


def _needs_attention(configuration: EmailConfiguration, outcomes: Sequence[Outcome]) -> bool:
    accepted = any(isinstance(outcome, Accepted) for outcome in outcomes)
    degraded = configuration.operational is Operational.DEGRADED or configuration.send_faults_in_a_row > 0
    faulty = any(isinstance(outcome, ConfigurationFault) for outcome in outcomes)
    return faulty or (accepted and degraded)


def _attend(configuration_id: UUID, outcomes: Sequence[Outcome], deps: SendDeps) -> None:
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.UPDATE)
        assert configuration is not None, "configurations are never deleted"
        if any(isinstance(outcome, ConfigurationFault) for outcome in outcomes):
            _count_fault(tx, configuration, deps.policy.soft_threshold)
        else:
            _count_success(tx, configuration)


def _count_fault(tx: Transaction, configuration: EmailConfiguration, threshold: int) -> None:
    in_a_row = tx.configurations.count_send_fault(configuration.e_id)
    if in_a_row < threshold:
        return
    change = Change(AUTHOR, "send-faults", f"{in_a_row} configuration-level send failures in a row")
    counted = replace(configuration, send_faults_in_a_row=in_a_row)
    steer(tx, counted, Trigger.SEND_FAULTS_REACHED, change)


def _count_success(tx: Transaction, configuration: EmailConfiguration) -> None:
    if configuration.operational is Operational.DEGRADED:
        steer(tx, configuration, Trigger.SEND_ACCEPTED, Change(AUTHOR, "send-accepted"))
    else:
        tx.configurations.clear_send_faults(configuration.e_id)
