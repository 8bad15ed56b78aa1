"""One check of a domain."""

from datetime import timedelta

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.lifecycle import Operational, Trigger
from shared.messaging.messages import SendJobs
from tests.unit.workers.breaker import Breaker
from tests.unit.workers.provisioning_world import POLICY, World
from workers.provisioning.verification import verify

AWAITING, OK = Operational.AWAITING_VERIFICATION, Operational.OK


@pytest.fixture
def world() -> World:
    return World().provisioned()


def without_records(world: World) -> World:
    world.zone.records.clear()
    return world


def test_both_records_found_is_ok_and_rings_for_what_waits(world: World) -> None:
    assert world.verify() is OK
    assert world.configuration.verification_due_at is None
    assert world.rung(SendJobs) == [world.e_id]


@pytest.mark.parametrize("missing", ["TXT", "CNAME"])
def test_one_record_is_not_enough(world: World, missing: str) -> None:
    for key in [key for key in world.zone.records if key[1] == missing]:
        del world.zone.records[key]
    assert world.verify() is AWAITING


def test_confirmation_and_spf_are_not_part_of_the_gate(world: World) -> None:
    assert world.verify() is OK
    assert world.postmark.calls["check_domain"] == 1


def test_a_recovered_configuration_is_degraded(world: World) -> None:
    world.change(recovering=True)
    assert world.verify() is Operational.DEGRADED


def test_an_unverified_domain_is_looked_at_again_after_the_interval(world: World) -> None:
    without_records(world)
    assert world.verify() is AWAITING
    assert world.configuration.verification_due_at == world.store.clock.now() + timedelta(seconds=30)
    assert world.verify() is AWAITING
    assert world.postmark.calls["check_domain"] == 1
    world.store.advance(seconds=POLICY.polling_interval_seconds)
    world.verify()
    assert world.postmark.calls["check_domain"] == 2


def test_the_window_is_exceeded_at_its_end_and_not_before(world: World) -> None:
    without_records(world)
    world.store.advance(POLICY.polling_window - timedelta(microseconds=1))
    assert world.verify() is AWAITING
    world.change(verification_due_at=world.store.clock.now())
    world.store.advance(timedelta(microseconds=1))
    assert world.verify() is Operational.UNVERIFIED
    assert world.configuration.verification_due_at is None


def test_records_found_at_the_end_of_the_window_still_count(world: World) -> None:
    world.store.advance(POLICY.polling_window * 2)
    assert world.verify() is OK


@pytest.mark.parametrize(
    "fault", [ProviderUnavailable("connect_timeout", "away"), ProviderRefused("510", "not found")]
)
def test_a_provider_that_does_not_answer_says_nothing_about_the_domain(
    world: World, fault: ProviderUnavailable | ProviderRefused
) -> None:
    world.postmark.fail_next("check_domain", fault)
    assert world.verify() is AWAITING
    world.store.advance(seconds=POLICY.polling_interval_seconds)
    assert world.verify() is OK


def test_a_provider_that_never_answers_does_not_keep_the_window_open(world: World) -> None:
    world.store.advance(POLICY.polling_window)
    world.postmark.fail_next("check_domain", ProviderUnavailable("connect_timeout", "away"))
    assert world.verify() is Operational.UNVERIFIED


def test_an_operator_who_was_quicker_than_the_provider_is_not_overruled(world: World) -> None:
    class OperatorDuringTheCall(Breaker):
        def moment(self, name: str) -> None:
            if name == "after check_domain":
                world.signal(Trigger.REMOVE)

    world.breaker = OperatorDuringTheCall()
    verify(world.e_id, world.deps())
    assert world.configuration.retired
    assert world.configuration.operational is AWAITING
    assert not world.rung(SendJobs)


def test_a_fresh_window_opened_during_the_check_is_not_closed_by_the_old_one(world: World) -> None:
    without_records(world)
    world.store.advance(POLICY.polling_window)

    class OperatorDuringTheCall(Breaker):
        def moment(self, name: str) -> None:
            if name == "after check_domain":
                world.signal(Trigger.RE_VERIFY)

    world.breaker = OperatorDuringTheCall()
    assert world.verify() is AWAITING
    assert world.configuration.verification_started_at == world.store.clock.now()


@pytest.mark.parametrize("operational", [one for one in Operational if one is not AWAITING])
def test_a_ring_for_a_configuration_that_awaits_nothing_makes_no_call(operational: Operational) -> None:
    world = World().provisioned()
    world.change(operational=operational)
    assert world.verify() is operational
    assert world.postmark.calls["check_domain"] == 0
