"""What a transition brings with it: guards, windows, the way back from FAILURE, effects."""

from datetime import datetime
from typing import Any

import pytest

from shared.domain.configuration import (
    Decision,
    Effect,
    EmailConfiguration,
    Facts,
    Provisioned,
    Step,
    StepFailure,
    Verdict,
    advance,
    allowed_signals,
)
from shared.domain.lifecycle import Administrative, Operational, Trigger
from tests import factories

NOW = factories.later(hours=1)
LATER = factories.later(hours=2)
OUT_OF_CREDIT = StepFailure(Step.CREATE_SERVER, "405", "no credits left")


def decide(
    configuration: EmailConfiguration, trigger: Trigger, *, now: datetime = NOW, **facts: Any
) -> Decision:
    return advance(configuration, trigger, now=now, facts=Facts(**facts))


def after(
    configuration: EmailConfiguration, *triggers: Trigger, now: datetime = NOW, **facts: Any
) -> EmailConfiguration:
    for trigger in triggers:
        decision = decide(configuration, trigger, now=now, **facts)
        assert decision.verdict is Verdict.CHANGED, (trigger, decision.reason)
        configuration = decision.configuration
    return configuration


def in_state(operational: Operational, **given: Any) -> EmailConfiguration:
    return factories.configuration(operational=operational, **given)


def test_unlock_is_refused_while_the_tenant_has_another_sendable_configuration() -> None:
    decision = decide(in_state(Operational.OK), Trigger.UNLOCK, tenant_has_other_sendable=True)
    assert (decision.verdict, decision.reason) == (Verdict.REFUSED, "tenant_has_another_sendable")


@pytest.mark.parametrize(
    ("operational", "reason"),
    [
        (Operational.PENDING, "not_provisioned"),
        (Operational.PROVISIONING, "not_provisioned"),
        (Operational.MISSING, "not_provisioned"),
        (Operational.AWAITING_VERIFICATION, "not_verified"),
        (Operational.UNVERIFIED, "not_verified"),
        (Operational.FAILURE, "failure"),
    ],
)
def test_unlock_and_send_are_refused_for_the_same_reason_before_the_provider_side_works(
    operational: Operational, reason: str
) -> None:
    locked = in_state(operational)
    assert decide(locked, Trigger.UNLOCK).reason == reason
    assert locked.refusal == reason
    assert in_state(operational, administrative=Administrative.UNLOCKED).refusal == reason


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, None),
        ({"operational": Operational.DEGRADED}, None),
        ({"administrative": Administrative.LOCKED}, "locked"),
        ({"administrative": Administrative.LOCKING}, "locking"),
        ({"retired_at": NOW}, "retired"),
    ],
)
def test_a_working_configuration_sends_unless_it_is_locked_or_retired(
    given: dict[str, Any], reason: str | None
) -> None:
    configuration = factories.sendable(**given)
    assert configuration.refusal == reason
    assert configuration.can_send is (reason is None)


@pytest.mark.parametrize("operational", Operational)
@pytest.mark.parametrize("administrative", Administrative)
def test_accepted_mail_goes_out_while_unlocked_or_draining_and_only_from_a_working_configuration(
    operational: Operational, administrative: Administrative
) -> None:
    configuration = factories.sendable(operational=operational, administrative=administrative)
    working = operational in {Operational.OK, Operational.DEGRADED}
    assert configuration.may_claim is (working and administrative is not Administrative.LOCKED)
    assert not factories.sendable(
        operational=operational, administrative=administrative, retired_at=NOW
    ).may_claim


@pytest.mark.parametrize(
    ("in_flight", "state"),
    [(0, Administrative.LOCKED), (1, Administrative.LOCKING), (9, Administrative.LOCKING)],
)
def test_lock_waits_for_what_is_in_flight(in_flight: int, state: Administrative) -> None:
    locked = after(factories.sendable(), Trigger.LOCK, in_flight=in_flight)
    assert locked.administrative is state
    assert not locked.can_send


def test_a_drain_is_not_over_while_something_is_in_flight() -> None:
    locking = factories.sendable(administrative=Administrative.LOCKING)
    decision = decide(locking, Trigger.DRAINED, in_flight=1)
    assert (decision.verdict, decision.reason) == (Verdict.UNCHANGED, "still_in_flight")
    assert after(locking, Trigger.DRAINED).administrative is Administrative.LOCKED


@pytest.mark.parametrize("administrative", [Administrative.UNLOCKED, Administrative.LOCKING])
def test_force_lock_locks_at_once_and_cancels_what_is_queued(administrative: Administrative) -> None:
    decision = decide(factories.sendable(administrative=administrative), Trigger.FORCE_LOCK, in_flight=7)
    assert decision.configuration.administrative is Administrative.LOCKED
    assert decision.effects == (Effect.CANCEL_QUEUED_JOBS,)


def test_remove_retires_at_once_and_rings_for_the_removal() -> None:
    decision = decide(in_state(Operational.AWAITING_VERIFICATION, verification_due_at=NOW), Trigger.REMOVE)
    assert decision.configuration.retired_at == NOW
    assert decision.configuration.cleaned_up_at is None
    assert decision.configuration.verification_due_at is None
    assert decision.effects == (Effect.RING_REMOVAL,)
    assert decide(decision.configuration, Trigger.REMOVE).reason == "already_removed"


def test_verification_opens_a_window_that_starts_now_and_is_due_at_once() -> None:
    awaiting = after(in_state(Operational.PROVISIONING), Trigger.PROVISIONED)
    assert (awaiting.verification_started_at, awaiting.verification_due_at) == (NOW, NOW)


@pytest.mark.parametrize("operational", [Operational.UNVERIFIED, Operational.AWAITING_VERIFICATION])
def test_re_verify_opens_a_fresh_window(operational: Operational) -> None:
    before = in_state(operational, verification_started_at=factories.LONG_AGO)
    decision = decide(before, Trigger.RE_VERIFY)
    assert decision.configuration.verification_started_at == NOW
    assert decision.configuration.verification_due_at == NOW
    assert decision.effects == (Effect.RING_VERIFICATION,)


@pytest.mark.parametrize("end", [Trigger.VERIFIED, Trigger.WINDOW_EXCEEDED])
def test_a_window_that_ended_is_not_looked_at_again(end: Trigger) -> None:
    awaiting = in_state(Operational.AWAITING_VERIFICATION, verification_due_at=NOW)
    assert after(awaiting, end).verification_due_at is None


def test_what_comes_back_from_failure_is_degraded_until_a_send_is_accepted() -> None:
    failed = after(factories.sendable(), Trigger.SEND_FAULTS_REACHED)
    degraded = after(failed, Trigger.RE_VERIFY, Trigger.VERIFIED)
    assert degraded.operational is Operational.DEGRADED
    assert after(degraded, Trigger.SEND_ACCEPTED).operational is Operational.OK


def test_what_missed_a_window_on_its_way_back_is_still_on_its_way_back() -> None:
    failed = after(factories.sendable(), Trigger.SEND_FAULTS_REACHED)
    again = after(failed, Trigger.RE_VERIFY, Trigger.WINDOW_EXCEEDED, Trigger.RE_VERIFY, Trigger.VERIFIED)
    assert again.operational is Operational.DEGRADED


def test_the_second_recovery_does_not_colour_the_next_verification() -> None:
    recovered = after(
        factories.sendable(),
        Trigger.SEND_FAULTS_REACHED,
        Trigger.RE_VERIFY,
        Trigger.VERIFIED,
        Trigger.SEND_ACCEPTED,
    )
    assert not recovered.recovering


def test_what_was_verified_for_the_first_time_is_ok() -> None:
    first = after(in_state(Operational.AWAITING_VERIFICATION), Trigger.VERIFIED)
    assert first.operational is Operational.OK


@pytest.mark.parametrize("trigger", [Trigger.SEND_ACCEPTED, Trigger.RE_VERIFY])
def test_faults_in_a_row_are_forgotten_when_the_row_is_broken(trigger: Trigger) -> None:
    operational = Operational.DEGRADED if trigger is Trigger.SEND_ACCEPTED else Operational.FAILURE
    assert after(in_state(operational, send_faults_in_a_row=4), trigger).send_faults_in_a_row == 0


def test_verification_rings_for_what_waited_in_the_queue() -> None:
    decision = decide(in_state(Operational.AWAITING_VERIFICATION, recovering=True), Trigger.VERIFIED)
    assert decision.effects == (Effect.RING_SENDING,)


def test_provision_rings_and_has_nothing_to_clear_away() -> None:
    decision = decide(in_state(Operational.PENDING), Trigger.PROVISION)
    assert decision.effects == (Effect.RING_PROVISIONING,)
    assert not decision.configuration.provisioned.undoing


@pytest.mark.parametrize(
    ("left", "undoing"),
    [
        (Provisioned(), False),
        (Provisioned(tries=8), False),
        (Provisioned(server_id=11), True),
        (Provisioned(signature_id=12), True),
        (Provisioned(domain_id=13), True),
        (Provisioned(webhook_id=14), True),
        (Provisioned(records_written=True), True),
        (Provisioned(intent=Step.CREATE_SERVER), True),
    ],
)
def test_re_provision_clears_away_what_is_left_of_the_attempt_before(
    left: Provisioned, undoing: bool
) -> None:
    missing = in_state(Operational.MISSING, provisioned=left, failure=OUT_OF_CREDIT, recovering=True)
    again = after(missing, Trigger.RE_PROVISION)
    assert again.provisioned.undoing is undoing
    assert (again.provisioned.tries, again.failure, again.recovering) == (0, None, False)


def test_a_failed_provisioning_keeps_step_code_and_message() -> None:
    missing = after(in_state(Operational.PROVISIONING), Trigger.PROVISIONING_FAILED, failure=OUT_OF_CREDIT)
    assert missing.failure == OUT_OF_CREDIT


def test_a_change_is_dated_and_the_version_is_the_stores_to_count() -> None:
    before = in_state(Operational.PENDING)
    moved = after(before, Trigger.PROVISION, now=LATER)
    assert (moved.updated_at, moved.version) == (LATER, before.version)


@pytest.mark.parametrize(
    ("configuration", "facts", "signals"),
    [
        (in_state(Operational.PENDING), {}, ["provision", "remove"]),
        (in_state(Operational.PROVISIONING), {}, []),
        (in_state(Operational.AWAITING_VERIFICATION), {}, ["re-verify", "remove"]),
        (in_state(Operational.MISSING), {}, ["re-provision", "remove"]),
        (in_state(Operational.UNVERIFIED), {}, ["re-verify", "remove"]),
        (in_state(Operational.OK), {}, ["unlock", "remove"]),
        (in_state(Operational.OK), {"tenant_has_other_sendable": True}, ["remove"]),
        (factories.sendable(), {}, ["lock", "force-lock"]),
        (factories.sendable(administrative=Administrative.LOCKING), {"in_flight": 1}, ["force-lock"]),
        (factories.sendable(operational=Operational.FAILURE), {}, ["re-verify", "lock", "force-lock"]),
        (factories.sendable(retired_at=NOW), {}, []),
    ],
)
def test_the_allowed_signals_are_those_that_would_change_something(
    configuration: EmailConfiguration, facts: dict[str, Any], signals: list[str]
) -> None:
    assert [signal.value for signal in allowed_signals(configuration, facts=Facts(**facts))] == signals


@pytest.mark.parametrize(
    ("have", "step"),
    [
        ({"server_id": None, "server_token": None}, Step.CREATE_SERVER),
        ({"server_token": None}, Step.CREATE_SERVER),
        ({"signature_id": None}, Step.CREATE_SIGNATURE),
        ({"domain_id": None}, Step.CREATE_SIGNATURE),
        ({"webhook_id": None}, Step.INSTALL_WEBHOOK),
        ({"records_written": False}, Step.WRITE_RECORDS),
        ({}, None),
    ],
)
def test_the_next_step_is_the_first_that_has_no_result(have: dict[str, Any], step: Step | None) -> None:
    assert factories.provisioned(**have).next_step() is step


def test_no_secret_of_a_configuration_is_in_its_repr() -> None:
    shown = repr(factories.sendable(routing_token_hash=b"the-hash"))
    assert "a1.k1:AAAA" not in shown
    assert "the-hash" not in shown
