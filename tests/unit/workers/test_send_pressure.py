"""The provider's own pace: slower after a 429, smaller after an unknown outcome, and back again."""

from uuid import UUID

import pytest

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.mail import ConfigurationFault, Deferred, Outcome, Refused, Unknown
from shared.messaging.messages import SendJobs
from tests.unit.workers.send_world import POLICY, World

QUEUED, SENT, IN_DOUBT = JobStatus.QUEUED, JobStatus.SENT, JobStatus.IN_DOUBT
THROTTLED = Deferred("429", "slow down", throttled=True)
UNKNOWN = Unknown("read_timeout", "no whole answer")
TOO_LARGE = Deferred("batch_too_large", "send less at once")


@pytest.fixture
def world() -> World:
    return World()


def throttled(world: World, outcome: Deferred = THROTTLED) -> World:
    world.accept()
    world.postmark.answer_next_send(outcome)
    world.send()
    assert world.calls() == 1
    return world


def sizes(world: World) -> list[int]:
    """Of the batches that the provider took, in their order."""
    found: dict[UUID, int] = {}
    for taken in world.postmark.taken:
        found[taken.message.claim_id] = found.get(taken.message.claim_id, 0) + 1
    return list(found.values())


def many(world: World, count: int) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(count)))


def test_nothing_limits_before_the_provider_says_so(world: World) -> None:
    many(world, 25)
    world.send_all()
    assert sizes(world) == [10, 10, 5]
    assert not world.store._state.limits


def test_after_a_429_no_call_of_this_server_is_made_for_as_long_as_it_asks(world: World) -> None:
    throttled(world, Deferred("429", "slow down", retry_after_seconds=30.0, throttled=True))
    world.accept("next@example.com")
    world.store.advance(seconds=29)
    world.send()
    assert (world.calls(), world.statuses()) == (1, {QUEUED: 2})
    world.store.advance(seconds=1)
    world.send()
    assert (world.calls(), world.statuses()) == (2, {SENT: 2})


def test_a_429_that_names_no_time_is_waited_for_as_for_a_first_retry(world: World) -> None:
    throttled(world)
    world.accept("next@example.com")
    world.store.advance(seconds=POLICY.retry_base_seconds - 1)
    world.send()
    assert world.calls() == 1
    world.store.advance(seconds=1)
    world.send()
    assert world.statuses() == {SENT: 2}


def test_a_call_that_is_not_permitted_claims_nothing_and_takes_nothing(world: World) -> None:
    throttled(world)
    (e_id,) = world.accept("next@example.com")
    limits = dict(world.store._state.limits)
    world.send()
    job = world.job(e_id)
    assert (job.status, job.attempts, job.version, job.claim_id) == (QUEUED, 0, 0, None)
    assert world.attempts(e_id) == []
    assert world.store._state.limits == limits


def test_a_ring_without_due_work_takes_no_token_and_leaves_it_to_who_has_some(world: World) -> None:
    throttled(world)
    world.store.advance(seconds=POLICY.retry_base_seconds)
    world.send()
    world.store.advance(seconds=POLICY.retry_base_seconds)
    limits = dict(world.store._state.limits)
    world.send()
    assert world.calls() == 2
    assert world.store._state.limits == limits


def test_a_ring_for_a_locked_configuration_takes_no_token(world: World) -> None:
    throttled(world)
    world.store.advance(seconds=POLICY.retry_base_seconds)
    world.change(administrative=Administrative.LOCKED)
    limits = dict(world.store._state.limits)
    world.send()
    assert world.store._state.limits == limits


def test_calls_after_a_429_are_fewer_a_second_and_with_each_good_one_more(world: World) -> None:
    throttled(world)
    world.store.advance(seconds=POLICY.retry_base_seconds)
    within_a_second = []
    for _ in range(3):
        before = world.calls()
        for _ in range(10):
            world.store.advance(seconds=0.1)
            world.accept()
            world.send()
        within_a_second.append(world.calls() - before)
    assert within_a_second[0] < 10
    assert within_a_second == sorted(within_a_second)
    assert within_a_second[-1] == 10


def test_the_backlog_of_a_slowed_server_is_rung_for_before_its_call_and_after_it(world: World) -> None:
    throttled(world)
    many(world, 30)
    world.store.advance(seconds=POLICY.retry_base_seconds)
    world.during_the_call(world.doorbell.rung.clear)
    world.send()
    assert world.rung(SendJobs) == [world.e_id]


def test_the_backlog_of_a_server_that_nothing_limits_is_rung_for_once(world: World) -> None:
    many(world, 30)
    world.during_the_call(world.doorbell.rung.clear)
    world.send()
    assert not world.doorbell.rung


def test_the_end_of_a_slowed_servers_backlog_is_not_rung_for(world: World) -> None:
    throttled(world)
    world.store.advance(seconds=POLICY.retry_base_seconds)
    world.send()
    assert (world.statuses(), world.doorbell.rung) == ({SENT: 1}, [])


def test_another_server_is_not_slowed_by_one_servers_429(world: World) -> None:
    throttled(world)
    other = world.neighbour()
    other.accept()
    other.send()
    assert other.statuses() == {SENT: 1}


def test_what_never_left_us_slows_nobody(world: World) -> None:
    throttled(world, Deferred("connect_timeout", "no connection"))
    assert not world.store._state.limits


def test_a_message_that_came_too_late_for_its_claim_slows_nobody(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.monotonic = lambda: float("inf")
    world.send()
    assert (world.calls(), world.job(e_id).status, world.job(e_id).error_code) == (0, QUEUED, "late")
    assert not world.store._state.limits


@pytest.mark.parametrize("outcome", [UNKNOWN, TOO_LARGE], ids=lambda outcome: outcome.code)
def test_the_next_batch_is_half_as_large_and_good_ones_make_it_grow_back(
    world: World, outcome: Outcome
) -> None:
    many(world, 10)
    world.postmark.answer_next_send(outcome, taken=False)
    world.send()
    many(world, 30)
    world.send_all()
    assert sizes(world) == [5, 10, 10, 5]
    assert not world.store._state.limits


def test_what_one_call_cannot_hold_is_due_at_once_and_rung_for(world: World) -> None:
    world.room_for = 3
    many(world, 8)
    world.send()
    assert world.statuses() == {SENT: 3, QUEUED: 5}
    assert world.answer_rings() == 2
    assert (sizes(world), world.statuses()) == ([3, 3, 2], {SENT: 8})
    assert not world.store._state.limits


def test_a_batch_shrinks_with_each_unknown_outcome_down_to_one_message(world: World) -> None:
    in_doubt = 0
    for size in (10, 5, 2, 1, 1):
        many(world, 10)
        world.postmark.answer_next_send(UNKNOWN)
        world.send()
        in_doubt += size
        assert world.statuses()[IN_DOUBT] == in_doubt


def test_one_unknown_of_few_shrinks_from_what_was_sent_and_not_from_the_setting(world: World) -> None:
    many(world, 4)
    world.postmark.answer_next_send(UNKNOWN)
    world.send()
    many(world, 10)
    world.send()
    assert sizes(world) == [2]


@pytest.mark.parametrize(
    "outcome",
    [Deferred("connect_timeout", "away"), Refused("300", "invalid"), ConfigurationFault("10", "no token")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_a_call_in_which_nothing_was_accepted_eases_nothing(world: World, outcome: Outcome) -> None:
    many(world, 10)
    world.postmark.answer_next_send(UNKNOWN)
    world.send()
    limits = dict(world.store._state.limits)
    many(world, 10)
    world.postmark.answer_next_send(outcome)
    world.send()
    assert world.store._state.limits == limits
