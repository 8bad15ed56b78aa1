"""Dead letters put back by a worker: in slices, at a pace, once each, whoever dies or stops it when."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from scheduler import jobs as scheduled
from scheduler.jobs import SchedulerDeps
from shared import replaying
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.errors import StoreUnavailable
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.replay import Fate, Replay, ReplayState
from shared.messaging.messages import ProjectEvents, ProvisionConfiguration, RunReplay, SendJobs
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.unit.replaying.dead_letter_world import POLICY, World
from tests.unit.workers.breaker import Breaker, BreakingStore, Death
from workers.provisioning.replaying import run_replay

QUEUED, FAILED = JobStatus.QUEUED, JobStatus.FAILED
LEASE_SECONDS = POLICY.replay_lease_seconds


@pytest.fixture
def world() -> World:
    return World()


def to_its_end(world: World, replay: Replay) -> Replay:
    """Worker after worker, each when the sweep would ring."""
    for _ in range(1000):
        if world.held(replay).finished_at is not None:
            break
        with world.store.begin() as tx:
            is_due = tx.replays.due(1) == [replay.e_id]
        world.store.advance(seconds=0.0 if is_due else 1.0)
        if is_due:
            world.work(replay)
    return world.held(replay)


def fates(world: World, replay: Replay) -> list[Fate]:
    return [one.fate for one in world.results(replay)]


def acted_on(world: World) -> list[UUID]:
    actions = world.store._state.actions.values()
    return sorted(one.subject_id for one in actions if one.action == "dead_letter.replay")


# --- what is put back --------------------------------------------------------------------


def test_a_job_is_queued_now_with_nothing_counted_yet_and_rung_for(world: World) -> None:
    (e_id,) = world.fails()
    assert world.replay() == [Fate.PUT_BACK]
    job, now = world.store._state.jobs[e_id], world.store.clock.now()
    assert (job.status, job.due_at, job.attempts, job.replayed_at) == (QUEUED, now, 0, now)
    assert world.doorbell.rung[1:] == [SendJobs(world.configuration.e_id)]
    assert world.open() == 0


def test_an_event_is_projected_again_and_a_message_is_rung_for_again(world: World) -> None:
    event_id = world.parks_an_event()
    world.buries_a_message()
    assert world.replay() == [Fate.PUT_BACK] * 2
    e_id = world.configuration.e_id
    with world.store.begin() as tx:
        assert [one.e_id for one in tx.events.unprojected(e_id, limit=10)] == [event_id]
    assert world.doorbell.rung[1:] == [ProjectEvents(e_id), ProvisionConfiguration(e_id)]


def test_a_message_of_an_actor_that_is_gone_is_only_closed(world: World) -> None:
    world.buries_a_message("ReticulateSplines")
    assert world.replay() == [Fate.PUT_BACK]
    assert [type(ring) for ring in world.doorbell.rung] == [RunReplay]
    assert world.open() == 0


def test_only_what_the_filter_holds_is_put_back(world: World) -> None:
    refused, expired = world.fails(2, code="300"), world.fails(2, code="expired")
    assert world.replay(DeadLetterFilter(error_class="expired")) == [Fate.PUT_BACK] * 2
    assert world.statuses(refused) == [FAILED] * 2
    assert world.statuses(expired) == [QUEUED] * 2


def test_each_is_kept_with_author_and_reason_where_its_job_shows_it(world: World) -> None:
    jobs = world.fails(2)
    world.replay()
    for e_id in jobs:
        with world.store.begin() as tx:
            (action,) = tx.jobs.actions(factories.TENANT, e_id)
        assert (action.action, action.author) == ("dead_letter.replay", "olga")
        assert action.reason == "the template is mended"


def test_what_moved_on_by_itself_is_left_alone(world: World) -> None:
    (e_id,) = world.fails()
    with world.store.begin() as tx:
        (job,) = tx.jobs.for_events(world.configuration.e_id, job_ids=[e_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id=None)
    assert world.replay() == [Fate.MOVED_ON]
    assert world.statuses([e_id]) == [JobStatus.INCONSISTENT]
    assert acted_on(world) == []


def test_what_holds_nothing_is_done_at_once(world: World) -> None:
    replay = world.work(world.ask())
    assert (replay.state, replay.done, replay.found) == (ReplayState.DONE, 0, 0)
    assert world.pauses == []


# --- what stands in the way -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        ({"administrative": Administrative.LOCKED}, Fate.LOCKED),
        ({"administrative": Administrative.LOCKED, "retired_at": factories.LONG_AGO}, Fate.RETIRED),
    ],
)
def test_nothing_is_queued_behind_a_lock_and_the_letter_stays_open(
    world: World, fields: dict[str, Any], fate: Fate
) -> None:
    jobs = world.fails(2)
    world.change(**fields)
    assert world.replay() == [fate] * 2
    assert world.statuses(jobs) == [FAILED] * 2
    assert world.open() == 2
    assert [type(ring) for ring in world.doorbell.rung] == [RunReplay]
    assert acted_on(world) == []


def test_what_was_locked_is_the_next_ones_when_it_is_unlocked(world: World) -> None:
    jobs = world.fails(2)
    world.change(administrative=Administrative.LOCKED)
    world.replay()
    world.change(administrative=Administrative.UNLOCKED)
    assert world.replay() == [Fate.PUT_BACK] * 2
    assert acted_on(world) == sorted(jobs)


def test_one_tenants_lock_holds_up_nobody_else(world: World) -> None:
    other = world.tenant(factories.OTHER_TENANT)
    world.fails(2)
    theirs = world.fails(2, configuration=other)
    world.change(administrative=Administrative.LOCKED)
    assert world.replay() == [Fate.LOCKED] * 2 + [Fate.PUT_BACK] * 2
    assert world.statuses(theirs) == [QUEUED] * 2


@pytest.mark.parametrize("administrative", [Administrative.UNLOCKED, Administrative.LOCKING])
def test_what_drains_takes_more_as_long_as_it_does(world: World, administrative: Administrative) -> None:
    world.fails()
    world.change(administrative=administrative)
    assert world.replay() == [Fate.PUT_BACK]


def test_events_of_a_locked_configuration_are_projected_all_the_same(world: World) -> None:
    world.parks_an_event()
    world.change(administrative=Administrative.LOCKED)
    assert world.replay() == [Fate.PUT_BACK]


# --- slices and rings --------------------------------------------------------------------------


def test_a_slice_is_one_transaction_and_rings_once_for_a_configuration_after_it(world: World) -> None:
    jobs = world.fails(120)
    seen: list[tuple[int, int]] = []

    class Looking(RecordingDoorbell):
        def ring(self, *messages: Any) -> bool:
            seen.append((len(messages), world.statuses(jobs).count(QUEUED)))
            return super().ring(*messages)

    replay = world.ask(per_second=1000.0)
    world.doorbell = Looking()
    breaker = Breaker()
    world.work(replay, BreakingStore(world.store, breaker))
    assert seen == [(1, 50), (1, 100), (1, 120)]
    # Taken, and three slices.
    assert breaker.moments.count("after commit") == 4


def test_a_lost_ring_is_no_failure(world: World) -> None:
    (e_id,) = world.fails()
    world.doorbell.down = True
    assert world.replay() == [Fate.PUT_BACK]
    assert world.statuses([e_id]) == [QUEUED]


def test_what_fails_again_while_it_runs_is_not_its_own_to_put_back(world: World) -> None:
    """Full slices, so that it looks for more when each of its jobs is a new dead letter already."""
    world.fails(100)
    world.meanwhile = [world.refuse] * 20
    replay = to_its_end(world, world.ask(per_second=10.0))
    assert (replay.state, replay.fates) == (ReplayState.DONE, {Fate.PUT_BACK: 100})
    assert world.open() == 100


# --- pace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per_second", "count", "pauses"),
    [
        (10.0, 35, [1.0, 1.0, 1.0]),
        (2.5, 6, [0.8, 0.8, 0.8]),
        (0.5, 2, [1.0, 1.0] * 2),
        (1000.0, 120, [0.05, 0.05]),
    ],
)
def test_after_each_slice_there_is_the_pause_of_the_rate_a_second_at_a_time(
    world: World, per_second: float, count: int, pauses: list[float]
) -> None:
    world.fails(count)
    world.work(world.ask(per_second=per_second))
    assert world.pauses == pytest.approx(pauses, abs=1e-3)


def test_a_slice_that_took_its_time_is_paused_after_for_the_rest_only(world: World) -> None:
    world.fails(20)

    class Slow(Breaker):
        def moment(self, name: str) -> None:
            super().moment(name)
            if name == "after commit":
                world.store.advance(seconds=0.4)

    replay = world.ask(per_second=10.0)
    begun_at = world.store.clock.now()
    world.work(replay, BreakingStore(world.store, Slow()))
    assert (world.store.clock.now() - begun_at).total_seconds() >= 2.0


def test_it_never_goes_faster_than_it_was_asked_to_whoever_carries_it_out(world: World) -> None:
    jobs = world.fails(200)
    replay = world.ask(per_second=4.0)
    begun_at = world.store.clock.now()

    def look() -> None:
        seconds = (world.store.clock.now() - begun_at).total_seconds()
        # The slice that is due, and no other ahead of its time.
        assert world.statuses(jobs).count(QUEUED) <= 4.0 * seconds + 4

    world.meanwhile = [look] * 500
    while world.work(replay).finished_at is None:
        look()
    assert world.statuses(jobs) == [QUEUED] * 200
    assert (world.store.clock.now() - begun_at).total_seconds() == pytest.approx(50.0, abs=0.5)


def test_a_message_gives_others_their_turn_and_rings_for_itself(world: World) -> None:
    jobs = world.fails(400)
    replay = world.ask(per_second=10.0)
    begun_at = world.store.clock.now()
    world.work(replay)
    assert (world.store.clock.now() - begun_at).total_seconds() == pytest.approx(
        POLICY.replay_turn_seconds, abs=1.1
    )
    assert world.doorbell.rung[-1] == RunReplay(replay.e_id)
    assert 0 < world.statuses(jobs).count(QUEUED) < 400
    with world.store.begin() as tx:
        assert tx.replays.due(1) == [replay.e_id], "the ring would be in vain"
    assert world.work(replay).state is ReplayState.DONE
    assert fates(world, replay) == [Fate.PUT_BACK] * 400


def test_what_is_due_much_later_is_left_to_the_sweep(world: World) -> None:
    jobs = world.fails(2)
    replay = world.ask(per_second=0.05)
    scheduler = SchedulerDeps(
        world.store, RecordingDoorbell(), limit=10, look_in_seconds=0, keys=FakeCipher()
    )
    world.work(replay)
    assert world.statuses(jobs).count(QUEUED) == 1
    assert world.pauses == []
    assert world.doorbell.rung[-1] != RunReplay(replay.e_id)
    scheduled.due_replays(scheduler)
    assert not scheduler.doorbell.rung  # type: ignore[attr-defined]
    world.store.advance(seconds=21)
    scheduled.due_replays(scheduler)
    assert scheduler.doorbell.rung == [RunReplay(replay.e_id)]  # type: ignore[attr-defined]
    world.work(replay)
    assert world.statuses(jobs) == [QUEUED] * 2


def test_what_would_outlast_the_lease_is_left_to_the_sweep_as_well(world: World) -> None:
    world.fails(2)
    world.work(world.ask(per_second=0.5), replay_lease_seconds=3.0)
    assert world.pauses == []


def test_each_slice_is_told_of_with_what_became_of_its_letters(world: World) -> None:
    other = world.tenant(factories.OTHER_TENANT)
    world.fails(10)
    world.fails(2, configuration=other)
    world.change(administrative=Administrative.LOCKED)
    replay = world.ask(per_second=10.0)
    with capture_logs() as told:
        world.work(replay)
    nothing = {"moved_on": 0, "retired": 0, "replay": str(replay.e_id), "event": "email.dead_letter.replay"}
    assert told == [
        {**nothing, "state": "running", "locked": 10, "put_back": 0, "log_level": "info"},
        {**nothing, "state": "done", "locked": 0, "put_back": 2, "log_level": "info"},
    ]


# --- stopped ---------------------------------------------------------------------------------------


def test_stopped_between_two_slices_nothing_more_is_put_back_and_what_was_stays(world: World) -> None:
    jobs = world.fails(30)
    replay = world.ask(per_second=10.0)

    def stop() -> None:
        assert replaying.stop(world.ports(), replay.e_id, author="piet", reason="not mended") is not None

    world.meanwhile = [lambda: None, stop]
    stopped = world.work(replay)
    assert (stopped.state, stopped.fates, stopped.stopped_by) == (
        ReplayState.STOPPED,
        {Fate.PUT_BACK: 20},
        "piet",
    )
    assert world.statuses(jobs).count(QUEUED) == 20
    assert len(acted_on(world)) == len(world.results(replay)) == 20
    assert world.doorbell.rung.count(SendJobs(world.configuration.e_id)) == 2
    world.work(replay)
    assert world.statuses(jobs).count(QUEUED) == 20
    assert world.replay() == [Fate.PUT_BACK] * 10
    assert acted_on(world) == sorted(jobs)


def test_stopped_before_its_time_it_is_as_if_it_had_never_been(world: World) -> None:
    jobs = world.fails(3)
    replay = world.ask(begins_in_seconds=60.0)
    replaying.stop(world.ports(), replay.e_id, author="olga", reason="a typing error")
    world.store.advance(seconds=61)
    world.work(replay)
    assert world.statuses(jobs) == [FAILED] * 3
    assert world.results(replay) == []


# --- once, whoever dies when -------------------------------------------------------------------------


def test_killed_at_any_moment_each_is_put_back_once_and_accounted_for_once() -> None:
    counting = Breaker()
    run = World()
    run.fails(12)
    run.work(run.ask(per_second=4.0), BreakingStore(run.store, counting))
    assert len(counting.moments) > 6
    for dies_at in range(len(counting.moments)):
        world = World()
        jobs = world.fails(12)
        replay = world.ask(per_second=4.0)
        with pytest.raises(Death):
            world.work(replay, BreakingStore(world.store, Breaker(dies_at)))
        done = world.held(replay).done
        assert done == world.statuses(jobs).count(QUEUED) == len(acted_on(world)), dies_at
        ended = to_its_end(world, replay)
        assert (ended.state, ended.fates) == (ReplayState.DONE, {Fate.PUT_BACK: 12}), dies_at
        assert fates(world, replay) == [Fate.PUT_BACK] * 12, dies_at
        assert acted_on(world) == sorted(jobs), dies_at


def test_after_a_death_the_next_one_waits_for_the_lease_and_no_longer(world: World) -> None:
    world.fails(12)
    replay = world.ask(per_second=4.0)
    with pytest.raises(Death):
        # Behind the first slice.
        world.work(replay, BreakingStore(world.store, Breaker(3)))
    assert world.work(replay).done == 4
    world.store.advance(seconds=LEASE_SECONDS)
    assert world.work(replay).state is ReplayState.DONE


def test_two_at_the_same_time_put_each_back_once(world: World) -> None:
    jobs = world.fails(25)
    one, other = world.ask(per_second=10.0), world.ask(per_second=10.0)
    world.meanwhile = [lambda: world.work(other) and None]
    world.work(one)
    put_back = [found.letter.e_id for found in (*world.results(one), *world.results(other))]
    assert len(put_back) == len(set(put_back)) == 25
    assert acted_on(world) == sorted(jobs)


def test_whoever_slept_through_the_lease_puts_nothing_more_back(world: World) -> None:
    jobs = world.fails(30)
    replay = world.ask(per_second=10.0)
    asleep = world.deps()
    begun: list[int] = []

    def sleep() -> None:
        world.store.advance(seconds=LEASE_SECONDS)
        world.meanwhile = []
        world.work(replay)
        begun.append(world.statuses(jobs).count(QUEUED))

    world.meanwhile = [sleep]
    run_replay(replay.e_id, asleep)
    assert begun == [30], "the other one went on to its end"
    assert fates(world, replay) == [Fate.PUT_BACK] * 30
    assert acted_on(world) == sorted(jobs)
    assert world.doorbell.rung.count(SendJobs(world.configuration.e_id)) == 3


def test_while_somebody_has_it_or_it_is_not_due_or_done_or_unknown_nothing_happens(world: World) -> None:
    jobs = world.fails(2)
    later = world.ask(begins_in_seconds=60.0)
    world.work(later)
    held = world.ask()
    with world.store.begin() as tx:
        assert tx.replays.take(held.e_id, lease_seconds=60) is not None
    world.work(held)
    run_replay(world.new_id(), world.deps())
    assert world.statuses(jobs) == [FAILED] * 2
    assert world.pauses == []


def test_a_database_that_goes_away_is_told_and_the_rest_is_put_back_later(world: World) -> None:
    jobs = world.fails(25)
    replay = world.ask(per_second=10.0)

    def away() -> None:
        world.store.down = True

    world.meanwhile = [away]
    with pytest.raises(StoreUnavailable):
        world.work(replay)
    world.store.down = False
    assert world.held(replay).done == 10
    assert to_its_end(world, replay).state is ReplayState.DONE
    assert acted_on(world) == sorted(jobs)


def test_one_that_was_begun_goes_on_with_what_it_was_asked_for(world: World) -> None:
    """Words and rate of its row, not of whoever carries it out."""
    world.fails(2, code="300")
    expired = world.fails(2, code="expired")
    replay = world.ask(DeadLetterFilter(error_class="expired"), per_second=1.0)
    with pytest.raises(Death):
        world.work(replay, BreakingStore(world.store, Breaker(3)))
    ended = to_its_end(world, replay)
    assert replace(ended, fates={}, state=replay.state, finished_at=None) == replay
    assert acted_on(world) == sorted(expired)
