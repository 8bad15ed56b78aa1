"""The account's circuit breaker: nobody sends during a pause, and one message finds out whether it is over."""

from datetime import timedelta

import pytest

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.mail import AccountFault, ConfigurationFault, Deferred, Outcome, Refused, Unknown
from tests.unit.workers.breaker import Death
from tests.unit.workers.send_world import POLICY, World

QUEUED, SENT, FAILED, SUPPRESSED = (
    JobStatus.QUEUED,
    JobStatus.SENT,
    JobStatus.FAILED,
    JobStatus.SUPPRESSED,
)
NO_CREDITS = AccountFault("405", "no credits")
PAUSE_SECONDS = POLICY.account_pause_seconds
UNKNOWN = Unknown("read_timeout", "no whole answer")


@pytest.fixture
def world() -> World:
    return World()


def fault(world: World) -> World:
    """One call that no request of the account would have passed."""
    world.accept("first@example.com")
    world.postmark.answer_next_send(NO_CREDITS)
    world.send()
    return world


def paused_seconds(world: World) -> float:
    until = world.paused_until()
    return (until - world.store.clock.now()).total_seconds() if until else 0.0


def half_open(world: World) -> World:
    """Paused, and the pause is over. The job of the fault is due."""
    fault(world)
    world.store.advance(seconds=PAUSE_SECONDS)
    return world


def pause(world: World) -> None:
    with world.store.begin() as tx:
        tx.account.pause(seconds=PAUSE_SECONDS, longest_seconds=PAUSE_SECONDS, reason="405: no credits")


def some_due(world: World, count: int = 5) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(count)))


def test_an_account_fault_pauses_everybody_and_jobs_wait(world: World) -> None:
    fault(world)
    other = world.neighbour()
    other.accept()
    assert paused_seconds(world) == PAUSE_SECONDS
    assert world.configuration.send_faults_in_a_row == 0
    world.store.advance(seconds=PAUSE_SECONDS - 1)
    world.send()
    other.send()
    assert (world.calls(), world.statuses(), other.statuses()) == (1, {QUEUED: 1}, {QUEUED: 1})


def test_nothing_is_claimed_during_a_pause(world: World) -> None:
    fault(world)
    (e_id,) = world.accept()
    world.send()
    assert (world.job(e_id).version, world.attempts(e_id)) == (0, [])


def test_after_the_pause_one_message_is_the_probe_and_its_success_opens_the_gate(world: World) -> None:
    half_open(world)
    some_due(world)
    world.send()
    assert world.statuses() == {SENT: 1, QUEUED: 5}
    world.send()
    assert world.statuses() == {SENT: 6}
    assert world.calls() == 3


def test_everybody_else_is_shut_out_while_the_probe_is_under_way(world: World) -> None:
    half_open(world)
    other = world.neighbour()
    other.accept()
    world.at_moment("before send", other.send)
    world.send()
    assert (world.statuses(), other.statuses()) == ({SENT: 1}, {QUEUED: 1})
    other.send()
    assert other.statuses() == {SENT: 1}


def test_each_pause_in_a_row_is_twice_as_long_up_to_its_maximum(world: World) -> None:
    fault(world)
    lengths = [paused_seconds(world)]
    for _ in range(3):
        world.store.advance(seconds=POLICY.account_pause_max_seconds)
        world.postmark.answer_next_send(NO_CREDITS)
        world.send()
        lengths.append(paused_seconds(world))
    assert lengths == [300.0, 600.0, 1000.0, 1000.0]


def test_after_an_answered_probe_the_next_pause_is_short_again(world: World) -> None:
    half_open(world)
    world.postmark.answer_next_send(NO_CREDITS)
    world.send()
    world.store.advance(seconds=POLICY.account_pause_max_seconds)
    world.send()
    assert world.statuses() == {SENT: 1}
    fault(world)
    assert paused_seconds(world) == PAUSE_SECONDS


def test_calls_that_were_under_way_when_the_account_paused_make_no_second_pause(world: World) -> None:
    other = world.neighbour()
    world.accept()
    world.postmark.answer_next_send(NO_CREDITS)
    world.postmark.answer_next_send(NO_CREDITS)
    world.at_moment("after send", lambda: fault(other))
    world.send()
    assert world.calls() == 2
    assert paused_seconds(world) == PAUSE_SECONDS


def test_a_refused_probe_opens_the_gate_too_since_the_account_was_listened_to(world: World) -> None:
    half_open(world)
    world.postmark.refuse("first@example.com", Refused("300", "invalid"))
    some_due(world)
    world.send()
    world.send()
    assert world.statuses() == {FAILED: 1, SENT: 5}


@pytest.mark.parametrize(
    "outcome",
    [Deferred("connect_timeout", "away"), UNKNOWN, ConfigurationFault("10", "no valid token")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_a_probe_that_says_nothing_of_the_account_leaves_it_shut_until_the_next_probe(
    world: World, outcome: Outcome
) -> None:
    half_open(world)
    some_due(world)
    world.postmark.answer_next_send(outcome)
    world.send()
    world.store.advance(seconds=POLICY.lease_seconds - 1)
    world.send()
    assert world.calls() == 2
    world.store.advance(seconds=1)
    world.send()
    assert (world.calls(), world.statuses()[SENT]) == (3, 1)
    world.send()
    assert world.calls() == 4


def test_a_probe_whose_worker_dies_is_followed_by_another(world: World) -> None:
    half_open(world)
    other = world.neighbour()
    other.accept()
    world.dies("before send")
    with pytest.raises(Death):
        world.send()
    other.send()
    assert other.statuses() == {QUEUED: 1}
    world.store.advance(seconds=POLICY.lease_seconds)
    other.send()
    assert other.statuses() == {SENT: 1}


def test_an_answer_to_an_old_probe_does_not_open_a_gate_that_was_shut_since(world: World) -> None:
    half_open(world)
    other = world.neighbour()

    def meanwhile() -> None:
        world.store.advance(seconds=POLICY.lease_seconds)
        fault(other)

    world.postmark.answer_next_send(Refused("300", "invalid"))
    world.postmark.answer_next_send(NO_CREDITS)
    world.at_moment("after send", meanwhile)
    world.send()
    assert paused_seconds(world) == 2 * PAUSE_SECONDS


# --- a probe is not wasted ---------------------------------------------------------


def probe_is_free(world: World) -> bool:
    other = world.neighbour()
    other.accept()
    other.send()
    return other.statuses() == {SENT: 1}


def test_a_ring_without_due_work_leaves_the_probe_to_others(world: World) -> None:
    half_open(world)
    world.change(operational=world.configuration.operational, administrative=Administrative.LOCKED)
    world.send()
    assert probe_is_free(world)


def test_a_ring_for_what_is_not_due_leaves_the_probe_to_others(world: World) -> None:
    pause(world)
    world.store.advance(seconds=PAUSE_SECONDS)
    world.accept(due_at=world.store.clock.now() + timedelta(hours=1))
    world.send()
    assert probe_is_free(world)


def test_a_server_that_is_to_wait_leaves_the_probe_to_others(world: World) -> None:
    half_open(world)
    with world.store.begin() as tx:
        tx.pressure.throttled(world.e_id, wait_seconds=600.0)
    world.send()
    assert world.calls() == 1
    assert probe_is_free(world)


def test_a_probe_passes_over_what_is_settled_without_a_call(world: World) -> None:
    pause(world)
    world.suppress("gone@example.com")
    world.accept(*["old@example.com"] * 30, accepted_at=world.store.clock.now() - POLICY.max_age)
    world.accept(*["gone@example.com"] * 30)
    some_due(world, 2)
    world.store.advance(seconds=PAUSE_SECONDS)
    world.send()
    assert world.statuses() == {FAILED: 30, SUPPRESSED: 30, SENT: 1, QUEUED: 1}


def test_a_queue_with_nothing_to_send_any_more_leaves_the_probe_to_others(world: World) -> None:
    pause(world)
    world.accept(*["old@example.com"] * 30)
    world.store.advance(POLICY.max_age)
    world.send()
    assert (world.calls(), world.statuses()) == (0, {FAILED: 30})
    assert probe_is_free(world)
