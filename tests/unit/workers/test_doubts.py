"""Asking the provider what became of jobs in doubt."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.audit import OperatorAction
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.mail import Unknown
from shared.messaging.messages import SendJobs
from tests import factories
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.send_world import POLICY, World

UNKNOWN = Unknown("read_timeout", "no whole answer")
GRACE_SECONDS = POLICY.index_lag_grace.total_seconds()
LOOK_SECONDS = POLICY.look_interval_seconds


def in_doubt(*, taken: bool, recipients: int = 1) -> tuple[World, list[UUID]]:
    world = World()
    jobs = world.accept(*(f"p{number}@example.com" for number in range(recipients)))
    world.postmark.answer_next_send(UNKNOWN, taken=taken)
    world.send()
    assert world.statuses() == {JobStatus.IN_DOUBT: recipients}
    return world, jobs


def look_at(world: World, *, seconds: float) -> None:
    """So long after the doubt began."""
    (since,) = {job.in_doubt_since for job in world.store._state.jobs.values()} - {None}
    assert since is not None
    world.store.advance(since + timedelta(seconds=seconds) - world.store.clock.now())
    world.resolve()


def test_what_is_found_is_sent_under_its_message_id() -> None:
    world, jobs = in_doubt(taken=True, recipients=3)
    look_at(world, seconds=LOOK_SECONDS)
    by_job = {taken.message.job_id: taken.message_id for taken in world.postmark.taken}
    assert [world.job(e_id).provider_message_id for e_id in jobs] == [by_job[e_id] for e_id in jobs]
    assert world.statuses() == {JobStatus.SENT: 3}
    assert world.postmark.calls["find_by_claim"] == 1


def test_a_look_is_not_made_before_it_is_due() -> None:
    world, _ = in_doubt(taken=True)
    look_at(world, seconds=LOOK_SECONDS - 1)
    assert world.postmark.calls["find_by_claim"] == 0


def test_absence_before_the_grace_is_over_proves_nothing() -> None:
    world, (e_id,) = in_doubt(taken=False)
    for look in range(1, 8):
        look_at(world, seconds=look * LOOK_SECONDS)
    assert world.job(e_id).status is JobStatus.IN_DOUBT
    assert world.job(e_id).late_looks == 0


def test_why_there_is_a_doubt_can_be_read_as_long_as_there_is_one() -> None:
    world, (e_id,) = in_doubt(taken=True)
    world.postmark.search_sees_new = False
    look_at(world, seconds=LOOK_SECONDS)
    world.postmark.fail_next("find_by_claim", ProviderUnavailable("timeout", "away"))
    look_at(world, seconds=2 * LOOK_SECONDS)
    job = world.job(e_id)
    assert (job.status, job.error_code, job.error_text) == (JobStatus.IN_DOUBT, UNKNOWN.code, UNKNOWN.text)
    world.postmark.search_sees_new = True
    look_at(world, seconds=3 * LOOK_SECONDS)
    job = world.job(e_id)
    assert (job.status, job.error_code, job.error_text) == (JobStatus.SENT, None, None)


def test_absence_after_the_grace_twice_is_queued_again_and_sent() -> None:
    world, (e_id,) = in_doubt(taken=False)
    look_at(world, seconds=GRACE_SECONDS)
    assert (world.job(e_id).status, world.job(e_id).late_looks) == (JobStatus.IN_DOUBT, 1)
    look_at(world, seconds=GRACE_SECONDS + LOOK_SECONDS)
    job = world.job(e_id)
    assert (job.status, job.late_looks, job.in_doubt_since) == (JobStatus.QUEUED, 0, None)
    assert world.rung(SendJobs) == [world.e_id]
    world.send()
    assert world.job(e_id).status is JobStatus.SENT
    assert world.taken() == [e_id]


def test_an_index_that_lags_within_the_grace_never_makes_a_second_mail() -> None:
    world, (e_id,) = in_doubt(taken=True)
    world.postmark.search_sees_new = False
    look_at(world, seconds=GRACE_SECONDS - 1)
    world.postmark.search_sees_new = True
    look_at(world, seconds=GRACE_SECONDS + LOOK_SECONDS)
    assert world.job(e_id).status is JobStatus.SENT
    assert world.taken() == [e_id]


def test_a_search_begun_before_the_end_of_the_grace_is_not_a_late_look_however_long_it_takes() -> None:
    world, (e_id,) = in_doubt(taken=False)

    world.at_moment("after find_by_claim", lambda: world.store.advance(seconds=60))
    look_at(world, seconds=GRACE_SECONDS - 1)
    assert world.job(e_id).late_looks == 0


@pytest.mark.parametrize(
    "fault", [ProviderUnavailable("timeout", "away"), ProviderRefused("10", "bad token")]
)
def test_a_search_that_failed_is_no_look(fault: ProviderUnavailable | ProviderRefused) -> None:
    world, (e_id,) = in_doubt(taken=False)
    for look in range(5):
        world.postmark.fail_next("find_by_claim", fault)
        look_at(world, seconds=GRACE_SECONDS + look * LOOK_SECONDS)
    assert (world.job(e_id).status, world.job(e_id).late_looks) == (JobStatus.IN_DOUBT, 0)


def search_fails(world: World, e_id: UUID, *, doubt_age: timedelta) -> float:
    """The wait until the next look, after one at that age of the doubt that failed."""
    since = world.job(e_id).in_doubt_since
    assert since is not None
    world.postmark.fail_next("find_by_claim", ProviderUnavailable("timeout", "away"))
    world.store.advance(since + doubt_age - world.store.clock.now())
    world.resolve()
    due_at = world.job(e_id).due_at
    assert due_at is not None
    return (due_at - world.store.clock.now()).total_seconds()


def test_what_cannot_be_asked_about_is_looked_for_less_often_once_an_operator_may_decide() -> None:
    world, (e_id,) = in_doubt(taken=True)
    limit, moment = POLICY.doubt_limit, timedelta(seconds=1)
    assert search_fails(world, e_id, doubt_age=limit - moment) == LOOK_SECONDS
    assert search_fails(world, e_id, doubt_age=limit + moment * LOOK_SECONDS) == POLICY.slow_look_seconds
    assert world.job(e_id).status is JobStatus.IN_DOUBT


@pytest.mark.parametrize("taken", [True, False])
def test_a_provider_that_answers_at_last_still_settles_what_nobody_has_decided(taken: bool) -> None:
    world, (e_id,) = in_doubt(taken=taken)
    search_fails(world, e_id, doubt_age=POLICY.doubt_limit)
    for _ in range(3):
        world.store.advance(seconds=POLICY.slow_look_seconds)
        world.resolve()
    world.send()
    assert world.job(e_id).status is JobStatus.SENT
    assert world.taken() == [e_id]


def decide(world: World, e_id: UUID, settlement: Settlement) -> None:
    """As an operator does, while the search is under way."""
    action = OperatorAction(
        e_id=world.new_id(),
        tenant_id=world.tenant,
        action="job.decide.sent",
        subject_id=e_id,
        author="olga",
        reason="seen at the provider",
        at=world.store.clock.now(),
    )
    with world.store.begin() as tx:
        job = tx.jobs.get(world.tenant, e_id)
        assert job is not None
        assert tx.jobs.decide(job, settlement, action)


def test_what_an_operator_decided_during_a_search_is_not_undone_by_its_result() -> None:
    world, (e_id,) = in_doubt(taken=False)
    decided = Settlement(e_id, JobStatus.SENT, provider_message_id="m-1")
    world.at_moment("after find_by_claim", lambda: decide(world, e_id, decided))
    look_at(world, seconds=GRACE_SECONDS)
    job = world.job(e_id)
    assert (job.status, job.provider_message_id, job.late_looks) == (JobStatus.SENT, "m-1", 0)


def test_of_one_claim_each_job_is_resolved_by_itself() -> None:
    world = World()
    lost, found = world.accept("lost@example.com", "found@example.com")
    world.postmark.answer_next_send(UNKNOWN, taken=True)
    world.send()
    world.postmark.taken = [taken for taken in world.postmark.taken if taken.message.job_id == found]
    look_at(world, seconds=GRACE_SECONDS)
    assert (world.job(lost).status, world.job(found).status) == (JobStatus.IN_DOUBT, JobStatus.SENT)


def test_what_would_be_queued_again_is_cancelled_after_a_force_lock() -> None:
    world, (e_id,) = in_doubt(taken=False)
    world.signal(Trigger.FORCE_LOCK)
    look_at(world, seconds=GRACE_SECONDS)
    look_at(world, seconds=GRACE_SECONDS + LOOK_SECONDS)
    assert world.job(e_id).status is JobStatus.CANCELLED
    assert not world.rung(SendJobs)


def test_what_was_taken_before_a_force_lock_is_still_recorded() -> None:
    world, (e_id,) = in_doubt(taken=True)
    world.signal(Trigger.FORCE_LOCK)
    look_at(world, seconds=LOOK_SECONDS)
    assert world.job(e_id).status is JobStatus.SENT


def test_a_doubt_that_ends_in_the_queue_keeps_a_drain_open_until_it_is_sent() -> None:
    world, _ = in_doubt(taken=False)
    world.signal(Trigger.LOCK)
    look_at(world, seconds=GRACE_SECONDS)
    look_at(world, seconds=GRACE_SECONDS + LOOK_SECONDS)
    assert world.is_in(Operational.OK, Administrative.LOCKING)
    world.send()
    assert world.is_in(Operational.OK, Administrative.LOCKED)


def test_an_event_that_came_during_the_search_is_not_overwritten() -> None:
    world, (e_id,) = in_doubt(taken=False)

    def delivered() -> None:
        with world.store.begin() as tx:
            (job,) = tx.jobs.for_events(world.e_id, job_ids={e_id}, message_ids=set())
            tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="m-1")

    world.at_moment("after find_by_claim", delivered)
    look_at(world, seconds=GRACE_SECONDS)
    assert world.job(e_id).status is JobStatus.DELIVERED


def test_doubts_whose_server_was_removed_fail_and_are_not_asked_about() -> None:
    world, (e_id,) = in_doubt(taken=True)
    world.signal(Trigger.FORCE_LOCK)
    world.change(
        retired_at=world.store.clock.now(),
        provisioned=factories.provisioned(server_id=None, server_token=None),
    )
    look_at(world, seconds=LOOK_SECONDS)
    assert (world.job(e_id).status, world.job(e_id).error_code) == (JobStatus.FAILED, "unresolved")
    assert world.postmark.calls["find_by_claim"] == 0


def live_on(world: World) -> bool:
    """Looks, sends and sweeps until everything is settled. True when a worker died on the way."""
    died = False
    for _ in range(6):
        world.store.advance(seconds=GRACE_SECONDS)
        try:
            world.resolve()
            world.send()
        except Death:
            died = True
            world.breaker = Breaker()
        world.sweep()
    return died


@pytest.mark.parametrize("taken", [True, False])
def test_a_worker_that_dies_while_resolving_neither_loses_nor_doubles(taken: bool) -> None:
    world, _ = in_doubt(taken=taken)
    world.breaker = Breaker()
    live_on(world)
    for dies_at in range(len(world.breaker.moments)):
        world, (e_id,) = in_doubt(taken=taken)
        world.breaker = Breaker(dies_at)
        assert live_on(world)
        assert world.job(e_id).status is JobStatus.SENT, dies_at
        assert world.taken() == [e_id], dies_at


def test_a_claim_whose_worker_is_gone_is_in_doubt_from_the_moment_it_was_missed() -> None:
    world = World()
    world.dies("before send")
    (e_id,) = world.accept()
    with pytest.raises(Death):
        world.send()
    assert world.job(e_id).status is JobStatus.SENDING
    world.store.advance(seconds=POLICY.lease_seconds - 1)
    world.sweep()
    assert world.job(e_id).status is JobStatus.SENDING
    missed: datetime = world.store.advance(seconds=1)
    world.sweep()
    assert (world.job(e_id).status, world.job(e_id).in_doubt_since) == (JobStatus.IN_DOUBT, missed)
