"""Provision a configuration, or take it down again: one step at a time, each committed before the next."""

from dataclasses import replace
from typing import NoReturn
from uuid import UUID

from shared.domain.configuration import EmailConfiguration, Step, StepFailure
from shared.domain.drift import Drift, ServerListed, judge_server
from shared.domain.errors import (
    InvalidValue,
    KeyMaterialError,
    OutcomeUnknown,
    OutOfTurn,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from shared.domain.lifecycle import Operational, Trigger
from shared.domain.webhook import routing_digest
from shared.findings import tell_findings
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from shared.steering import Steered, steer
from shared.telemetry.metrics import record_provisioning_step
from workers.provisioning.deps import AUTHOR, ProvisioningDeps
from workers.provisioning.progress import Later, Saver, leased
from workers.provisioning.steps import STEPS
from workers.provisioning.undo import DELETION_NOT_ENABLED, step_to_undo, undo_next


def provision(configuration_id: UUID, deps: ProvisioningDeps) -> None:
    leased(configuration_id, deps, _provision)


def remove(configuration_id: UUID, deps: ProvisioningDeps) -> None:
    leased(configuration_id, deps, _remove)


class StepFailed(Exception):
    """A step failed for good."""

    def __init__(self, failure: StepFailure) -> None:
        super().__init__(f"{failure.step}: {failure.code}")
        self.failure = failure


def _provision(configuration: EmailConfiguration, deps: ProvisioningDeps, saver: Saver) -> Steered | None:
    if configuration.operational is not Operational.PROVISIONING or configuration.retired:
        return None
    if configuration.provisioned.undoing:
        configuration, failure = _undo_all(configuration, deps, saver)
        if failure is not None:
            return _report(configuration.e_id, Trigger.PROVISIONING_FAILED, deps, failure)
    elif configuration.failure is not None:
        # Everything was undone by somebody who did not live to report it.
        return _report(configuration.e_id, Trigger.PROVISIONING_FAILED, deps, configuration.failure)
    try:
        configuration = _run_steps(configuration, deps, saver)
    except StepFailed as failed:
        return _compensate(configuration.e_id, failed.failure, deps, saver)
    return _report(configuration.e_id, Trigger.PROVISIONED, deps)


def _run_steps(configuration: EmailConfiguration, deps: ProvisioningDeps, saver: Saver) -> EmailConfiguration:
    if configuration.provisioned.webhook_id is None:
        # Before any call: the provider posts to the webhook while it is being created.
        hashed = routing_digest(saver.routing_token)
        configuration = saver.save(replace(configuration, routing_token_hash=hashed), "routing token made")
    while (step := configuration.provisioned.next_step()) is not None:
        try:
            configuration = STEPS[step](configuration, deps, saver)
        except ProviderRefused as refused:
            raise StepFailed(StepFailure(step, refused.code, refused.message)) from refused
        except InvalidValue as invalid:
            raise StepFailed(StepFailure(step, "invalid", str(invalid))) from invalid
        except OutOfTurn as busy:
            raise _in_turn(busy) from busy
        except (ProviderUnavailable, OutcomeUnknown) as fault:
            _put_off(
                StepFailure(step, fault.code, fault.message),
                _retry_after(fault),
                configuration.e_id,
                deps,
                saver,
            )
        except KeyMaterialError as fault:
            _put_off(StepFailure(step, "key_material", str(fault)), None, configuration.e_id, deps, saver)
    return configuration


def _in_turn(busy: OutOfTurn) -> Later:
    """Nobody refused us: no try is counted."""
    assert busy.retry_after_seconds is not None, "a turn has a time"
    return Later(busy.retry_after_seconds)


def _put_off(
    failure: StepFailure, at_least_seconds: float | None, e_id: UUID, deps: ProvisioningDeps, saver: Saver
) -> NoReturn:
    """Raises `Later`, or `StepFailed` when it was put off often enough."""
    configuration = _current(e_id, deps)
    tries = configuration.provisioned.tries + 1
    record_provisioning_step(e_id, step=failure.step, outcome="put_off", code=failure.code)
    if tries >= deps.policy.attempts_max:
        raise StepFailed(failure)
    counted = replace(configuration.provisioned, tries=tries)
    saver.save(replace(configuration, provisioned=counted), f"{failure.step}: put off, {failure.code}")
    raise Later(deps.policy.wait_seconds(tries, at_least_seconds=at_least_seconds))


def _compensate(e_id: UUID, failure: StepFailure, deps: ProvisioningDeps, saver: Saver) -> Steered:
    record_provisioning_step(e_id, step=failure.step, outcome="failed", code=failure.code)
    configuration = _current(e_id, deps)
    undoing = replace(configuration.provisioned, undoing=True, tries=0)
    failed = replace(configuration, provisioned=undoing, failure=failure)
    _, remaining = _undo_all(saver.save(failed, f"{failure.step}: failed, {failure.code}"), deps, saver)
    return _report(e_id, Trigger.PROVISIONING_FAILED, deps, remaining or failure)


def _undo_all(
    configuration: EmailConfiguration, deps: ProvisioningDeps, saver: Saver
) -> tuple[EmailConfiguration, StepFailure | None]:
    """Undoes until nothing is left or the provider refuses; the failure that stands, the first one before any other.

    A server that Postmark does not let us delete is no failure of its own: it is ours, and the next attempt uses it.
    """
    e_id = configuration.e_id
    left: ProviderRefused | None = None
    while left is None:
        try:
            undone = undo_next(configuration, deps)
        except OutOfTurn as busy:
            raise _in_turn(busy) from busy
        except (ProviderUnavailable, OutcomeUnknown) as fault:
            left = _put_off_undoing(fault, e_id, deps, saver)
            break
        except ProviderRefused as refused:
            left = refused
            break
        if undone is None:
            break
        there = replace(undone.provisioned, tries=0)
        configuration = saver.save(replace(configuration, provisioned=there), "undone: one step")
        left = undone.left
    configuration = _current(e_id, deps)
    intent = None if left is None else configuration.provisioned.intent
    settled = replace(configuration.provisioned, undoing=False, tries=0, intent=intent)
    failure = configuration.failure or _failure_of(left, configuration)
    cause = "undone: nothing left" if left is None else f"undone: the provider keeps something, {left.code}"
    return saver.save(replace(configuration, provisioned=settled), cause), failure


def _failure_of(left: ProviderRefused | None, configuration: EmailConfiguration) -> StepFailure | None:
    if left is None or left.code == DELETION_NOT_ENABLED:
        return None
    return StepFailure(step_to_undo(configuration.provisioned), left.code, left.message)


def _put_off_undoing(
    fault: ProviderError, e_id: UUID, deps: ProvisioningDeps, saver: Saver
) -> ProviderRefused:
    """Raises `Later`; after the last try, what stands in the way counts as refused."""
    failure = StepFailure(step_to_undo(_current(e_id, deps).provisioned), fault.code, fault.message)
    try:
        _put_off(failure, _retry_after(fault), e_id, deps, saver)
    except StepFailed:
        return ProviderRefused(fault.code, fault.message)


def _remove(configuration: EmailConfiguration, deps: ProvisioningDeps, saver: Saver) -> Steered | None:
    """Done when nothing is left that the provider lets us delete; what it keeps is a finding in the row."""
    if not configuration.retired or configuration.cleaned_up_at is not None:
        return None
    if _still_needed(configuration, deps):
        raise Later(deps.policy.polling_interval_seconds)
    if configuration.failure is not None:
        configuration = saver.save(replace(configuration, failure=None), "removal: begun")
    configuration, failure = _undo_all(configuration, deps, saver)
    if failure is not None:
        raise Later(deps.policy.lease_seconds)
    kept = configuration.provisioned.server_id
    finding = StepFailure(
        Step.CREATE_SERVER, DELETION_NOT_ENABLED, f"Postmark keeps server {kept}; ask its support"
    )
    with deps.store.begin() as tx:
        done = replace(
            configuration,
            cleaned_up_at=tx.now(),
            updated_at=tx.now(),
            failure=finding if kept is not None else None,
        )
        tx.configurations.save(done, Change(AUTHOR, "removal: done"))
        if kept is not None:
            orphan = judge_server(ServerListed(kept, deps.names(done).server_name), done)
            assert orphan is not None, "nobody accounts for the server of what is removed"
            tx.findings.observe([orphan])
    if kept is not None:
        tell_findings(deps.store, [Drift.ORPHAN_SERVER])
    return None


def _still_needed(retired: EmailConfiguration, deps: ProvisioningDeps) -> bool:
    """After a force-lock some calls may not be over, and some results in doubt: only the server knows of them."""
    assert retired.retired_at is not None, "removal is for what is retired"
    with deps.store.begin() as tx:
        waited = tx.now() - retired.retired_at
        return waited < deps.policy.removal_patience and tx.jobs.in_flight(retired.e_id) > 0


def _report(
    e_id: UUID, trigger: Trigger, deps: ProvisioningDeps, failure: StepFailure | None = None
) -> Steered:
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(e_id, lock=Lock.UPDATE)
        assert configuration is not None, "configurations are never deleted"
        reason = f"{failure.step}: {failure.code}" if failure else None
        return steer(tx, configuration, trigger, Change(AUTHOR, trigger.value, reason), failure=failure)


def _current(e_id: UUID, deps: ProvisioningDeps) -> EmailConfiguration:
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(e_id)
    assert configuration is not None, "configurations are never deleted"
    return configuration


def _retry_after(fault: ProviderError) -> float | None:
    return fault.retry_after_seconds if isinstance(fault, ProviderUnavailable) else None
