"""A job that kills its worker ends as FAILED, alone; its batch-mates are delivered."""

from dataclasses import replace

import pytest

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Trigger
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.send_world import POLICY, World

SENT, FAILED, QUEUED = JobStatus.SENT, JobStatus.FAILED, JobStatus.QUEUED
GRACE_SECONDS = POLICY.index_lag_grace.total_seconds()


def live_on(world: World) -> int:
    """New workers until nothing is in flight; returns how many died."""
    died = 0
    for _ in range(30):
        try:
            world.send_all()
        except Death:
            died += 1
            world.breaker = Breaker()
        world.store.advance(seconds=GRACE_SECONDS)
        world.sweep()
        world.resolve()
    return died


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_poison_job_fails_alone_after_its_deaths_and_every_mate_is_sent_once(place: int) -> None:
    world = World()
    fatal = world.fatal_for("poison@example.com")
    recipients = [f"p{number}@example.com" for number in range(9)]
    recipients.insert(place, "poison@example.com")
    jobs = world.accept(*recipients)
    assert live_on(world) == 1 + POLICY.poison_after
    assert fatal.batches == [10, 1, 1, 1]
    poison = jobs.pop(place)
    job = world.job(poison)
    assert (job.status, job.error_code, job.worker_deaths) == (FAILED, "poison", 1 + POLICY.poison_after)
    assert job.error_text == "3 workers died with it alone, and the provider never got it"
    assert sorted(world.taken()) == sorted(jobs)
    assert {world.job(e_id).status for e_id in jobs} == {SENT}
    assert [letter.subject_id for letter in world.dead_letters()] == [poison]


def test_the_attempts_of_a_poison_job_are_claims_without_result() -> None:
    world = World()
    world.fatal_for("poison@example.com")
    (e_id,) = world.accept("poison@example.com")
    live_on(world)
    told = [(one.number, one.outcome) for one in world.attempts(e_id)]
    assert told == [(1, None), (2, None), (3, None), (4, None)]


def test_a_job_that_workers_died_with_often_is_sent_all_the_same_if_the_provider_has_it() -> None:
    world = World()
    (e_id,) = world.accept(worker_deaths=POLICY.poison_after)
    world.dies("after send")
    with pytest.raises(Death):
        world.send()
    world.breaker = Breaker()
    live_on(world)
    assert world.job(e_id).worker_deaths == 1 + POLICY.poison_after
    assert world.job(e_id).status is SENT
    assert world.taken() == [e_id]


def test_deaths_below_the_limit_are_forgiven() -> None:
    world = World()
    (e_id,) = world.accept(worker_deaths=POLICY.poison_after - 1)
    world.dies("before send")
    with pytest.raises(Death):
        world.send()
    world.breaker = Breaker()
    live_on(world)
    assert world.job(e_id).status is SENT


def test_the_death_of_a_batch_makes_suspects_and_counts_against_nobody() -> None:
    world = World(policy=replace(POLICY, poison_after=1))
    jobs = world.accept("a@example.com", "b@example.com")
    world.dies("before send")
    with pytest.raises(Death):
        world.send()
    world.breaker = Breaker()
    live_on(world)
    assert world.statuses() == {SENT: 2}
    assert {world.job(e_id).worker_deaths for e_id in jobs} == {1}


def test_after_a_job_that_went_alone_the_rest_is_rung_for() -> None:
    world = World()
    world.accept("suspect@example.com", worker_deaths=1)
    world.accept("a@example.com", "b@example.com")
    world.send()
    assert world.statuses() == {SENT: 1, QUEUED: 2}
    world.answer_rings()
    assert (world.calls(), world.statuses()) == (2, {SENT: 3})


def test_a_suspect_waits_for_its_own_turn_behind_others() -> None:
    world = World()
    world.accept("a@example.com", "b@example.com")
    (suspect,) = world.accept("suspect@example.com", worker_deaths=1)
    world.send()
    assert (world.job(suspect).status, world.statuses()[SENT]) == (QUEUED, 2)
    assert world.answer_rings() == 1
    assert world.job(suspect).status is SENT


def test_each_of_several_suspects_is_rung_for() -> None:
    world = World()
    world.accept("a@example.com", "b@example.com")
    world.accept("s@example.com", "t@example.com", "u@example.com", worker_deaths=1)
    world.send()
    assert world.answer_rings() == 3
    assert (world.calls(), world.statuses()) == (4, {SENT: 5})


def test_after_a_suspect_that_had_the_queue_for_itself_nobody_is_rung_for() -> None:
    world = World()
    world.accept("suspect@example.com", worker_deaths=1)
    world.send()
    assert not world.doorbell.rung


def test_a_poison_job_of_a_locked_configuration_fails_and_is_not_cancelled() -> None:
    world = World()
    world.fatal_for("poison@example.com")
    (e_id,) = world.accept("poison@example.com", worker_deaths=POLICY.poison_after)
    with pytest.raises(Death):
        world.send()
    world.signal(Trigger.FORCE_LOCK)
    live_on(world)
    assert (world.job(e_id).status, world.job(e_id).error_code) == (FAILED, "poison")
