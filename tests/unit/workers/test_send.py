"""From QUEUED to whatever the provider made of it."""

from datetime import timedelta

import pytest

from shared.domain.errors import KeyVersionMissing
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.domain.mail import (
    AccountFault,
    Attachment,
    ConfigurationFault,
    Deferred,
    Outcome,
    Refused,
    Unknown,
)
from shared.domain.suppression import SuppressionReason
from shared.messaging.messages import ResealToken, SendJobs
from tests import factories
from tests.unit.workers.breaker import Breaker
from tests.unit.workers.send_world import POLICY, World
from workers.send.claiming import claim_batch

QUEUED, SENT, IN_DOUBT, FAILED, CANCELLED, SUPPRESSED, SENDING = (
    JobStatus.QUEUED,
    JobStatus.SENT,
    JobStatus.IN_DOUBT,
    JobStatus.FAILED,
    JobStatus.CANCELLED,
    JobStatus.SUPPRESSED,
    JobStatus.SENDING,
)
LOCKED, UNLOCKED, LOCKING = Administrative
BAD_TOKEN = ConfigurationFault("10", "no valid token")
NO_CREDITS = AccountFault("405", "no credits")
DEFERRED = Deferred("429", "slow down")
UNKNOWN = Unknown("read_timeout", "no whole answer")


@pytest.fixture
def world() -> World:
    return World()


def test_an_accepted_job_is_sent_once_under_its_message_id(world: World) -> None:
    (e_id,) = world.accept("person@example.com")
    world.send()
    (taken,) = world.postmark.taken
    job = world.job(e_id)
    assert (job.status, job.provider_message_id) == (SENT, taken.message_id)
    assert (job.due_at, job.lease_until, job.attempts) == (None, None, 1)


def test_the_message_carries_job_and_claim_and_a_quoted_sender(world: World) -> None:
    (e_id,) = world.accept("person@example.com")
    world.send()
    (taken,) = world.postmark.taken
    assert (taken.message.job_id, taken.message.claim_id) == (e_id, world.job(e_id).claim_id)
    assert taken.message.sender == '"Acme \\"The\\" Shop" <noreply@acme.dev.ardamails.com>'
    assert taken.message.recipient == "person@example.com"
    assert taken.message.content == factories.content()


def test_one_claim_is_one_call(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(10)))
    world.send()
    assert world.calls() == 1
    assert len({taken.message.claim_id for taken in world.postmark.taken}) == 1


def test_results_are_recorded_by_position(world: World) -> None:
    jobs = world.accept("good@example.com", "bad@example.com", "gone@example.com", "fine@example.com")
    world.postmark.refuse("bad@example.com", Refused("300", "invalid"))
    world.postmark.suppress(world.token, "gone@example.com")
    world.send()
    assert [world.job(e_id).status for e_id in jobs] == [SENT, FAILED, SUPPRESSED, SENT]
    by_job = {taken.message.job_id: taken.message_id for taken in world.postmark.taken}
    assert [world.job(e_id).provider_message_id for e_id in jobs] == [by_job.get(e_id) for e_id in jobs]


def test_a_ring_without_due_work_makes_no_call(world: World) -> None:
    world.accept(due_at=world.store.clock.now() + timedelta(seconds=1))
    world.send()
    assert world.calls() == 0
    assert world.statuses() == {QUEUED: 1}


# --- the outcome table ---------------------------------------------------------


def test_a_refused_item_fails_with_code_and_text(world: World) -> None:
    (e_id,) = world.accept("bad@example.com")
    world.postmark.refuse("bad@example.com", Refused("1235", "too many"))
    world.send()
    job = world.job(e_id)
    assert (job.status, job.error_code, job.error_text) == (FAILED, "1235", "too many")


def test_an_inactive_recipient_is_on_our_list_from_now_on(world: World) -> None:
    world.postmark.suppress(world.token, "gone@example.com")
    world.accept("gone@example.com")
    world.send()
    entry = world.entry("gone@example.com")
    assert entry is not None
    assert entry.reason is SuppressionReason.PROVIDER_INACTIVE
    world.accept("gone@example.com")
    world.send()
    assert world.calls() == 1
    assert world.statuses() == {SUPPRESSED: 2}


@pytest.mark.parametrize("outcome", [DEFERRED, Deferred("connect_timeout", "no connection")])
def test_what_certainly_was_not_taken_is_tried_again_later(world: World, outcome: Deferred) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(outcome)
    world.send()
    job = world.job(e_id)
    assert (job.status, job.error_code) == (QUEUED, outcome.code)
    assert job.due_at == world.store.clock.now() + timedelta(seconds=8)
    world.send()
    assert world.calls() == 1
    world.store.advance(seconds=8)
    world.send()
    assert world.job(e_id).status is SENT
    assert world.taken() == [e_id]


def test_waits_double_up_to_their_maximum(world: World) -> None:
    (e_id,) = world.accept()
    waits = []
    for _ in range(9):
        world.postmark.answer_next_send(DEFERRED)
        world.send()
        due_at = world.job(e_id).due_at
        assert due_at is not None
        waits.append((due_at - world.store.clock.now()).total_seconds())
        world.store.advance(seconds=waits[-1])
    assert waits == [8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_jitter_is_over_the_upper_half_of_a_wait() -> None:
    now = factories.LONG_AGO
    shortest = POLICY.__class__(
        **{**{name: getattr(POLICY, name) for name in POLICY.__slots__}, "jitter": lambda: 0.0}
    )
    assert shortest.retry_at(now, 1) - now == timedelta(seconds=4)
    assert POLICY.retry_at(now, 1) - now == timedelta(seconds=8)


def test_a_wait_counts_from_the_answer_and_is_never_shorter_than_the_provider_asks(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(Deferred("429", "slow down", retry_after_seconds=50.0))
    world.during_the_call(lambda: world.store.advance(seconds=30))
    world.send()
    assert world.job(e_id).due_at == world.store.clock.now() + timedelta(seconds=50)


def test_a_job_fails_when_its_next_try_would_be_too_late(world: World) -> None:
    now = world.store.clock.now()
    (e_id,) = world.accept(accepted_at=now - timedelta(hours=24) + timedelta(seconds=8))
    world.postmark.answer_next_send(DEFERRED)
    world.send()
    job = world.job(e_id)
    assert (job.status, job.error_code) == (FAILED, "expired")
    assert "429" in (job.error_text or "")


def test_a_job_that_waited_too_long_is_not_sent_any_more(world: World) -> None:
    old, new = (
        *world.accept("old@example.com", accepted_at=world.store.clock.now() - timedelta(hours=24)),
        *world.accept("new@example.com"),
    )
    world.send()
    assert (world.job(old).status, world.job(old).error_code) == (FAILED, "expired")
    assert world.taken() == [new]


def test_a_job_is_as_old_as_its_last_return_by_hand(world: World) -> None:
    now = world.store.clock.now()
    (e_id,) = world.accept(accepted_at=now - timedelta(hours=30), replayed_at=now)
    world.send()
    assert world.job(e_id).status is SENT


def test_however_often_a_job_was_claimed_it_is_sent_while_it_is_young_enough(world: World) -> None:
    (e_id,) = world.accept(attempts=1000)
    world.send()
    assert (world.job(e_id).status, world.job(e_id).attempts) == (SENT, 1001)


@pytest.mark.parametrize("taken", [True, False])
def test_an_unknown_outcome_is_in_doubt_and_never_blindly_sent_again(world: World, taken: bool) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(UNKNOWN, taken=taken)
    world.send()
    job = world.job(e_id)
    assert (job.status, job.due_at) == (IN_DOUBT, world.store.clock.now() + timedelta(seconds=15))
    assert job.in_doubt_since == world.store.clock.now()
    world.store.advance(timedelta(hours=1))
    world.send()
    assert world.calls() == 1


def test_a_token_fault_is_counted_and_the_job_waits(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(BAD_TOKEN)
    world.send()
    assert (world.job(e_id).status, world.configuration.send_faults_in_a_row) == (QUEUED, 1)
    assert world.configuration.operational is Operational.OK


def faulty_turns(world: World, turns: int) -> None:
    for _ in range(turns):
        world.postmark.answer_next_send(BAD_TOKEN)
        world.send()
        world.store.advance(seconds=POLICY.retry_max_seconds)


def test_faults_at_the_soft_threshold_are_failure_and_jobs_wait_there(world: World) -> None:
    world.accept()
    faulty_turns(world, 4)
    assert world.is_in(Operational.OK, UNLOCKED)
    faulty_turns(world, 1)
    assert world.is_in(Operational.FAILURE, UNLOCKED)
    assert world.configuration.send_faults_in_a_row == 5
    world.send()
    assert world.calls() == 5
    assert world.statuses() == {QUEUED: 1}


def test_a_fault_counts_once_for_a_call_however_many_messages_it_has(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(10)))
    faulty_turns(world, 1)
    assert world.configuration.send_faults_in_a_row == 1


def test_an_accepted_send_breaks_the_row(world: World) -> None:
    world.accept()
    faulty_turns(world, 4)
    world.send()
    assert world.configuration.send_faults_in_a_row == 0
    world.accept("next@example.com")
    faulty_turns(world, 4)
    assert world.configuration.operational is Operational.OK


def test_a_refused_item_does_not_break_the_row(world: World) -> None:
    world.accept("bad@example.com")
    faulty_turns(world, 4)
    world.postmark.refuse("bad@example.com", Refused("300", "invalid"))
    world.send()
    assert world.configuration.send_faults_in_a_row == 4


def test_degraded_is_ok_when_a_send_is_accepted_and_starts_a_new_row(world: World) -> None:
    world.change(operational=Operational.DEGRADED, send_faults_in_a_row=3)
    world.accept()
    world.send()
    assert world.configuration.operational is Operational.OK
    assert world.configuration.send_faults_in_a_row == 0


def test_degraded_stays_so_while_nothing_is_accepted(world: World) -> None:
    world.change(operational=Operational.DEGRADED)
    world.accept()
    world.postmark.answer_next_send(DEFERRED)
    world.send()
    assert world.configuration.operational is Operational.DEGRADED


# --- the claim -------------------------------------------------------------------


def test_a_recipient_that_is_suppressed_by_now_is_never_handed_to_the_provider(world: World) -> None:
    bad, good = world.accept("bad@example.com", "good@example.com")
    world.suppress("bad@example.com")
    world.send()
    assert (world.job(bad).status, world.job(good).status) == (SUPPRESSED, SENT)
    assert world.taken() == [good]


def test_a_batch_of_suppressed_recipients_only_makes_no_call_and_rings_for_the_next(world: World) -> None:
    world.suppress("bad@example.com")
    world.accept(*["bad@example.com"] * 10)
    (good,) = world.accept("good@example.com")
    world.send()
    assert world.calls() == 0
    assert world.answer_rings() == 1
    assert world.statuses() == {SUPPRESSED: 10, SENT: 1}
    assert world.taken() == [good]


@pytest.mark.parametrize("operational", list(Operational))
@pytest.mark.parametrize("administrative", [LOCKED, UNLOCKED, LOCKING])
def test_claims_start_from_a_working_configuration_that_is_unlocked_or_draining(
    world: World, operational: Operational, administrative: Administrative
) -> None:
    (e_id,) = world.accept()
    world.change(operational=operational, administrative=administrative)
    world.send()
    sends = operational in {Operational.OK, Operational.DEGRADED} and administrative is not LOCKED
    assert world.job(e_id).status is (SENT if sends else QUEUED)


def test_a_batch_ends_at_its_bytes_and_rings_for_the_rest(world: World) -> None:
    big = factories.content(text_body="x" * 400_000)
    world.accept(*(f"p{number}@example.com" for number in range(5)), content=big)
    world.send()
    assert (world.calls(), world.statuses()) == (1, {SENT: 2, QUEUED: 3})
    world.answer_rings()
    assert (world.calls(), world.statuses()) == (3, {SENT: 5})


def test_what_is_beyond_the_bytes_of_a_batch_was_never_claimed(world: World) -> None:
    big = factories.content(text_body="x" * 400_000)
    jobs = world.accept(*(f"p{number}@example.com" for number in range(3)), content=big)
    batch = claim_batch(world.e_id, world.deps)
    assert batch is not None
    assert (len(batch.jobs), batch.unsent, batch.more) == (2, (), True)
    assert [world.job(e_id).attempts for e_id in jobs] == [1, 1, 0]
    assert [len(world.attempts(e_id)) for e_id in jobs] == [1, 1, 0]
    last = claim_batch(world.e_id, world.deps)
    assert last is not None
    assert (len(last.jobs), last.more) == (1, False)


def test_attachments_that_were_stored_smaller_than_they_are_do_not_make_a_call_larger(world: World) -> None:
    drawing = Attachment("plan.bmp", "image/bmp", "A" * 400_000)
    big = factories.content(attachments=(drawing,))
    world.accept(*(f"p{number}@example.com" for number in range(3)), content=big)
    batch = claim_batch(world.e_id, world.deps)
    assert batch is not None
    assert (len(batch.jobs), [one.status for one in batch.unsent], batch.more) == (2, [QUEUED], True)


def test_a_message_larger_than_a_batch_goes_alone(world: World) -> None:
    huge = factories.content(text_body="x" * 2_000_000)
    (e_id,) = world.accept(content=huge)
    world.accept("next@example.com")
    world.send()
    assert world.taken() == [e_id]
    world.answer_rings()
    assert (world.calls(), world.statuses()) == (2, {SENT: 2})


def test_one_ring_is_one_batch_and_the_next_ring_comes_after_everybody_elses(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(25)))
    world.send()
    assert (world.calls(), world.statuses()) == (1, {SENT: 10, QUEUED: 15})
    assert world.rung(SendJobs) == [world.e_id]
    assert world.answer_rings() == 2
    assert (world.calls(), world.statuses()) == (3, {SENT: 25})


def test_the_ring_for_the_rest_is_before_the_call_and_after_the_claim(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(11)))
    world.send()
    moments = world.breaker.moments
    assert moments.index("after commit") < moments.index("before ring") < moments.index("before send")


def test_other_workers_take_the_rest_while_the_call_is_under_way(world: World) -> None:
    jobs = world.accept(*(f"p{number}@example.com" for number in range(25)))

    def meanwhile() -> None:
        world.breaker = Breaker()
        world.answer_rings()

    world.at_moment("before send", meanwhile)
    world.send()
    assert world.statuses() == {SENT: 25}
    assert sorted(world.taken()) == sorted(jobs)


@pytest.mark.parametrize("due", [1, 9])
def test_nobody_is_rung_for_when_the_batch_took_all(world: World, due: int) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(due)))
    world.send()
    assert not world.doorbell.rung


def test_a_lost_ring_loses_no_job(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(15)))
    world.doorbell.down = True
    world.send()
    with world.store.begin() as tx:
        assert tx.jobs.configurations_with_due_jobs(10) == [world.e_id]


def test_a_batch_that_went_well_takes_two_transactions(world: World) -> None:
    world.accept()
    world.send()
    assert world.breaker.moments.count("after commit") == 2


def test_a_token_that_cannot_be_decrypted_leaves_the_jobs_where_they_are(world: World) -> None:
    world.accept()
    world.cipher.versions.clear()
    with pytest.raises(KeyVersionMissing):
        world.send()
    assert world.statuses() == {QUEUED: 1}


# --- what happens meanwhile --------------------------------------------------------


@pytest.mark.parametrize("outcome", [DEFERRED, BAD_TOKEN, NO_CREDITS])
def test_after_a_force_lock_during_the_call_nothing_goes_back_to_the_queue(
    world: World, outcome: Outcome
) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(15)))
    world.postmark.answer_next_send(outcome)
    world.during_the_call(lambda: world.signal(Trigger.FORCE_LOCK))
    world.send()
    assert world.statuses() == {CANCELLED: 15}
    assert world.configuration.administrative is LOCKED


def test_what_the_provider_already_has_is_recorded_after_a_force_lock(world: World) -> None:
    (e_id,) = world.accept()
    world.during_the_call(lambda: world.signal(Trigger.FORCE_LOCK))
    world.send()
    assert world.job(e_id).status is SENT


def test_no_claim_starts_after_a_force_lock(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(20)))
    world.during_the_call(lambda: world.signal(Trigger.FORCE_LOCK))
    world.send_all()
    assert world.statuses() == {SENT: 10, CANCELLED: 10}
    assert world.calls() == 1


def test_what_did_not_fit_into_the_call_is_cancelled_too_by_a_force_lock_during_it(world: World) -> None:
    world.accept("a@example.com", "b@example.com", content=factories.content(text_body="x" * 900_000))
    world.during_the_call(lambda: world.signal(Trigger.FORCE_LOCK))
    world.send()
    assert world.statuses() == {SENT: 1, CANCELLED: 1}


def test_a_drain_ends_with_its_last_job(world: World) -> None:
    world.accept(*(f"p{number}@example.com" for number in range(15)))
    world.signal(Trigger.LOCK)
    assert world.configuration.administrative is LOCKING
    world.send()
    assert world.configuration.administrative is LOCKING
    world.answer_rings()
    assert world.statuses() == {SENT: 15}
    assert world.configuration.administrative is LOCKED


def test_a_drain_does_not_end_while_a_job_is_in_doubt(world: World) -> None:
    (e_id,) = world.accept()
    world.signal(Trigger.LOCK)
    world.postmark.answer_next_send(UNKNOWN, taken=True)
    world.send()
    assert world.configuration.administrative is LOCKING
    world.store.advance(seconds=15)
    world.resolve()
    assert world.job(e_id).status is SENT
    assert world.configuration.administrative is LOCKED


def test_a_token_that_an_older_key_sealed_still_sends_and_is_rung_for_to_be_sealed_anew(world: World) -> None:
    world.cipher.versions.add("v2")
    world.cipher.current = "v2"
    world.accept()
    world.send()
    assert world.statuses() == {SENT: 1}
    assert world.rung(ResealToken) == [world.e_id]
