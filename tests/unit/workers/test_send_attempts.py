"""The ledger: an intent before each call, its result after it, and evidence of what came too late."""

from datetime import timedelta

import pytest

from shared.domain.job import JobStatus
from shared.domain.mail import Deferred, Refused, Unknown
from shared.domain.suppression import SuppressionReason
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.send_world import POLICY, World

QUEUED, SENT, IN_DOUBT = JobStatus.QUEUED, JobStatus.SENT, JobStatus.IN_DOUBT
GRACE_SECONDS = POLICY.index_lag_grace.total_seconds()


@pytest.fixture
def world() -> World:
    return World()


def lease_runs_out(world: World) -> None:
    world.store.advance(seconds=POLICY.lease_seconds)
    world.sweep()


def test_an_attempt_is_intended_before_the_call_and_has_its_result_after_it(world: World) -> None:
    (e_id,) = world.accept()
    before = []
    world.at_moment("before send", lambda: before.extend(world.attempts(e_id)))
    world.send()
    (intent,), (attempt,) = before, world.attempts(e_id)
    assert (intent.number, intent.outcome, intent.finished_at) == (1, None, None)
    assert (attempt.claim_id, attempt.claimed_at) == (intent.claim_id, intent.claimed_at)
    assert attempt.claim_id == world.job(e_id).claim_id
    assert (attempt.outcome, attempt.fenced) == ("SENT", False)
    assert attempt.provider_message_id == world.job(e_id).provider_message_id


def test_every_attempt_stays_with_what_came_of_it(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(Deferred("connect_timeout", "no connection"))
    world.postmark.answer_next_send(Deferred("503", "try again"))
    for _ in range(3):
        world.send()
        world.store.advance(seconds=60)
    told = [(one.number, one.outcome, one.code, one.text) for one in world.attempts(e_id)]
    assert told == [
        (1, "QUEUED", "connect_timeout", "no connection"),
        (2, "QUEUED", "503", "try again"),
        (3, "SENT", None, None),
    ]


def test_a_call_that_was_not_made_in_time_is_an_attempt_that_says_so(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.monotonic = lambda: float("inf")
    world.send()
    (attempt,) = world.attempts(e_id)
    assert (attempt.outcome, attempt.code) == ("QUEUED", "late")
    assert not world.taken()


def test_an_attempt_whose_worker_died_has_no_result(world: World) -> None:
    (e_id,) = world.accept()
    world.dies("before send")
    with pytest.raises(Death):
        world.send()
    lease_runs_out(world)
    (attempt,) = world.attempts(e_id)
    assert (attempt.outcome, attempt.finished_at) == (None, None)


def test_what_the_search_finds_completes_the_attempt(world: World) -> None:
    (e_id,) = world.accept()
    world.postmark.answer_next_send(Unknown("read_timeout", "no whole answer"), taken=True)
    world.send()
    (attempt,) = world.attempts(e_id)
    assert (attempt.outcome, attempt.provider_message_id) == ("IN_DOUBT", None)
    world.store.advance(seconds=GRACE_SECONDS)
    world.resolve()
    (attempt,) = world.attempts(e_id)
    assert (attempt.outcome, attempt.provider_message_id) == ("SENT", world.job(e_id).provider_message_id)


# --- results that come too late --------------------------------------------------------


def test_a_result_that_comes_after_its_lease_is_fenced_off_and_kept_as_evidence(world: World) -> None:
    (e_id,) = world.accept()
    world.during_the_call(lambda: lease_runs_out(world))
    world.send()
    job = world.job(e_id)
    assert (job.status, job.provider_message_id) == (IN_DOUBT, None)
    (attempt,) = world.attempts(e_id)
    (taken,) = world.postmark.taken
    assert (attempt.outcome, attempt.fenced) == ("SENT", True)
    assert attempt.provider_message_id == taken.message_id
    world.breaker = Breaker()
    world.resolve()
    assert world.job(e_id).status is SENT
    assert world.taken() == [e_id]


def test_a_fenced_refusal_suppresses_nobody(world: World) -> None:
    (e_id,) = world.accept("gone@example.com")
    world.postmark.suppress(world.token, "gone@example.com")
    world.during_the_call(lambda: lease_runs_out(world))
    world.send()
    assert world.entry("gone@example.com") is None
    (attempt,) = world.attempts(e_id)
    assert (attempt.outcome, attempt.code, attempt.fenced) == ("SUPPRESSED", "406", True)


def test_a_worker_that_was_stopped_before_its_call_sends_nothing_when_it_goes_on(world: World) -> None:
    """Stopped between claim and call, while another one found the job unsent and sent it."""
    (e_id,) = world.accept()

    def stopped() -> None:
        world.breaker = Breaker()
        lease_runs_out(world)
        for _ in range(3):
            world.store.advance(seconds=GRACE_SECONDS)
            world.resolve()
        world.send()
        assert world.job(e_id).status is SENT
        world.postmark.monotonic = lambda: float("inf")

    world.at_moment("before send", stopped)
    world.send()
    assert world.taken() == [e_id]
    assert world.job(e_id).status is SENT
    late, sent = world.attempts(e_id)
    assert (late.outcome, late.code, late.fenced) == ("QUEUED", "late", True)
    assert (sent.outcome, sent.fenced) == ("SENT", False)
    assert world.job(e_id).claim_id == sent.claim_id


@pytest.mark.parametrize("minutes", [1, 60, 24 * 60])
def test_a_zombies_result_changes_nothing_of_what_was_settled_since(world: World, minutes: int) -> None:
    (e_id,) = world.accept("bad@example.com")
    world.postmark.refuse("bad@example.com", Refused("300", "invalid"))

    def stopped() -> None:
        world.breaker = Breaker()
        world.postmark.refuse("bad@example.com", None)
        lease_runs_out(world)
        for _ in range(3):
            world.store.advance(seconds=GRACE_SECONDS)
            world.resolve()
        world.send()
        world.store.advance(timedelta(minutes=minutes))

    world.during_the_call(stopped)
    world.send()
    assert (world.job(e_id).status, world.job(e_id).error_code) == (SENT, None)
    refused, sent = world.attempts(e_id)
    assert (refused.outcome, refused.code, refused.fenced) == ("FAILED", "300", True)
    assert (sent.outcome, sent.fenced) == ("SENT", False)
    assert not world.dead_letters()


# --- what no retry mends -----------------------------------------------------------------


def test_a_job_that_fails_is_a_dead_letter_with_its_class_and_attempts(world: World) -> None:
    (e_id,) = world.accept("bad@example.com", attempts=4)
    world.postmark.refuse("bad@example.com", Refused("1235", "too many"))
    world.send()
    (letter,) = world.dead_letters()
    assert (letter.subject_id, letter.error_class, letter.reason) == (e_id, "1235", "too many")
    assert letter.attempts == 5


def test_what_was_put_off_suppressed_or_sent_is_no_dead_letter(world: World) -> None:
    world.accept("good@example.com", "gone@example.com")
    world.postmark.suppress(world.token, "gone@example.com")
    world.send()
    world.accept("later@example.com")
    world.postmark.answer_next_send(Deferred("503", "try again"))
    world.send()
    entry = world.entry("gone@example.com")
    assert entry is not None
    assert entry.reason is SuppressionReason.PROVIDER_INACTIVE
    assert not world.dead_letters()
