"""Dead letters: made by what ends for good, found by filter, put to rest once."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.ports.events import EventHeaders
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    action,
    event,
    facts,
    handler_fault,
    later,
    new_job,
    sendable,
)

TimePasses = Callable[[float], object]


def failed(
    store: Store, one: EmailConfiguration, *, code: str | None = "300", text: str | None = "invalid 'to'"
) -> UUID:
    new = new_job(one)
    with store.begin() as tx:
        tx.jobs.accept([new])
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)
        told = Settlement(new.job.e_id, JobStatus.FAILED, error_code=code, error_text=text)
        assert tx.jobs.record(claim.claim_id, [told]) == {new.job.e_id}
    return new.job.e_id


def parked(store: Store, one: EmailConfiguration) -> UUID:
    told = event(one, facts(EventKind.BOUNCE))
    with store.begin() as tx:
        tx.events.add(told, EventHeaders())
        tx.events.park([told.e_id])
    return told.e_id


def fault(
    store: Store, row_id: UUID, *, dead_after: int = 3, forget_after_seconds: float = 60, **given: str
) -> int:
    with store.begin() as tx:
        return tx.dead_letters.count_fault(
            handler_fault(row_id, **given), dead_after=dead_after, forget_after_seconds=forget_after_seconds
        )


def letters(store: Store, limit: int = 100, after: UUID | None = None, **wanted: Any) -> list[DeadLetter]:
    with store.begin() as tx:
        return tx.dead_letters.find(DeadLetterFilter(**wanted), limit=limit, after=after)


def replay(store: Store, letter: DeadLetter) -> bool:
    with store.begin() as tx:
        return tx.dead_letters.replay(letter, action(letter.subject_id))


def discard(store: Store, letter: DeadLetter) -> bool:
    with store.begin() as tx:
        return tx.dead_letters.discard(letter, action(letter.subject_id))


def held(store: Store, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(TENANT, e_id)
    assert found is not None
    return found


def due_events(store: Store, one: EmailConfiguration) -> list[UUID]:
    with store.begin() as tx:
        return [found.e_id for found in tx.events.unprojected(one.e_id, limit=10)]


def test_a_failed_job_becomes_a_dead_letter_that_says_why(store: Store, acme: EmailConfiguration) -> None:
    job_id = failed(store, acme)
    (letter,) = letters(store)
    assert letter == DeadLetter(
        e_id=letter.e_id,
        subject=Subject.JOB,
        subject_id=job_id,
        tenant_id=TENANT,
        configuration_id=acme.e_id,
        error_class="300",
        reason="invalid 'to'",
        attempts=1,
        raised_at=letter.raised_at,
    )


def test_a_job_that_failed_without_a_word_is_a_dead_letter_as_well(
    store: Store, acme: EmailConfiguration
) -> None:
    failed(store, acme, code=None, text=None)
    assert [(one.error_class, one.reason) for one in letters(store)] == [("", "")]


def test_of_a_batch_only_what_failed_and_was_written_is_a_dead_letter(
    store: Store, acme: EmailConfiguration
) -> None:
    a, b, c = (new_job(acme) for _ in range(3))
    with store.begin() as tx:
        tx.jobs.accept([a, b, c])
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)
        (lost,) = tx.jobs.for_events(acme.e_id, job_ids=[c.job.e_id], message_ids=[])
        tx.jobs.set_status(lost, JobStatus.DELIVERED, provider_message_id="m")
        told = [
            Settlement(a.job.e_id, JobStatus.FAILED, error_code="300"),
            Settlement(b.job.e_id, JobStatus.SENT, provider_message_id="n"),
            Settlement(c.job.e_id, JobStatus.FAILED, error_code="300"),
        ]
        tx.jobs.record(claim.claim_id, told)
    assert [one.subject_id for one in letters(store)] == [a.job.e_id]


def test_a_doubt_that_ends_in_failure_becomes_a_dead_letter(store: Store, acme: EmailConfiguration) -> None:
    new = new_job(acme, status=JobStatus.IN_DOUBT, claim_id=uuid4(), in_doubt_since=LONG_AGO, attempts=4)
    with store.begin() as tx:
        tx.jobs.accept([new])
    with store.begin() as tx:
        (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=9, lease_seconds=60)
        poison = Settlement(doubt.job_id, JobStatus.FAILED, error_code="poison", error_text="3 workers died")
        tx.jobs.resolve_doubts({doubt.job_id: (doubt.version, poison, 0)})
    (letter,) = letters(store)
    assert (letter.subject_id, letter.error_class, letter.attempts) == (new.job.e_id, "poison", 4)


def test_a_failure_whose_transaction_is_undone_leaves_no_dead_letter(
    store: Store, acme: EmailConfiguration
) -> None:
    class Interrupted(Exception):
        pass

    new = new_job(acme)
    with store.begin() as tx:
        tx.jobs.accept([new])
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)

    def interrupted() -> None:
        with store.begin() as tx:
            tx.jobs.record(claim.claim_id, [Settlement(new.job.e_id, JobStatus.FAILED, error_code="300")])
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    assert letters(store) == []
    assert held(store, new.job.e_id).status is JobStatus.SENDING


def test_a_parked_event_becomes_a_dead_letter_once(store: Store, acme: EmailConfiguration) -> None:
    event_id = parked(store, acme)
    with store.begin() as tx:
        tx.events.park([event_id])
    (letter,) = letters(store)
    assert (letter.subject, letter.subject_id, letter.configuration_id) == (
        Subject.EVENT,
        event_id,
        acme.e_id,
    )
    assert (letter.tenant_id, letter.error_class) == (TENANT, "unjoined")
    assert "Bounce" in letter.reason


def test_a_projected_event_cannot_be_parked_and_leaves_no_dead_letter(
    store: Store, acme: EmailConfiguration
) -> None:
    one = event(acme)
    with store.begin() as tx:
        tx.events.add(one, EventHeaders())
        tx.events.mark_projected({one.e_id: uuid4()})
        tx.events.park([one.e_id])
    assert letters(store) == []


def test_faults_in_a_row_are_counted_and_become_a_dead_letter_when_there_are_enough(
    store: Store, acme: EmailConfiguration
) -> None:
    assert [fault(store, acme.e_id) for _ in range(2)] == [1, 2]
    assert letters(store) == []
    assert fault(store, acme.e_id) == 3
    (letter,) = letters(store)
    assert letter == DeadLetter(
        e_id=letter.e_id,
        subject=Subject.MESSAGE,
        subject_id=acme.e_id,
        actor="send_jobs",
        tenant_id=TENANT,
        configuration_id=acme.e_id,
        error_class="ZeroDivisionError",
        reason="division by zero",
        attempts=3,
        traceback="workers/send/handler.py:7 in send_jobs",
        raised_at=letter.raised_at,
    )


def test_a_fault_after_it_is_dead_renews_the_one_letter(store: Store, acme: EmailConfiguration) -> None:
    for _ in range(3):
        fault(store, acme.e_id)
    (before,) = letters(store)
    assert fault(store, acme.e_id, error_class="KeyError", reason="'to'") == 4
    (letter,) = letters(store)
    assert (letter.e_id, letter.error_class, letter.attempts) == (before.e_id, "KeyError", 4)


def test_actors_and_rows_are_counted_apart(store: Store, acme: EmailConfiguration) -> None:
    assert fault(store, acme.e_id) == 1
    assert fault(store, acme.e_id, actor="project_events") == 1
    assert fault(store, uuid4()) == 1
    assert fault(store, acme.e_id) == 2


def test_a_long_pause_begins_a_new_row_and_a_short_one_does_not(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    fault(store, acme.e_id)
    time_passes(30)
    assert fault(store, acme.e_id) == 2
    time_passes(61)
    assert fault(store, acme.e_id) == 1


def test_an_open_letter_stays_open_when_a_new_row_begins(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    fault(store, acme.e_id, dead_after=1)
    time_passes(61)
    assert fault(store, acme.e_id, dead_after=2) == 1
    assert [one.attempts for one in letters(store)] == [1]


def test_a_message_about_something_else_than_a_configuration_has_no_tenant(store: Store) -> None:
    fault(store, uuid4(), dead_after=1)
    assert [(one.tenant_id, one.configuration_id) for one in letters(store)] == [(None, None)]


def test_letters_come_in_the_order_of_their_ids_and_a_walk_goes_on_where_it_stopped(
    store: Store, acme: EmailConfiguration
) -> None:
    for _ in range(5):
        failed(store, acme)
    everything = letters(store)
    assert [one.e_id for one in everything] == sorted(one.e_id for one in everything)
    assert letters(store, limit=2) == everything[:2]
    assert letters(store, limit=2, after=everything[1].e_id) == everything[2:4]
    assert letters(store, after=everything[-1].e_id) == []


def test_letters_are_found_by_everything_the_filter_gives(store: Store, acme: EmailConfiguration) -> None:
    other = sendable(tenant_id=OTHER_TENANT)
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    job, _, event_id = failed(store, acme), fault(store, other.e_id, dead_after=1), parked(store, acme)

    def found(**wanted: Any) -> set[UUID]:
        return {one.subject_id for one in letters(store, **wanted)}

    assert found(subject=Subject.JOB) == {job}
    assert found(error_class="ZeroDivisionError") == {other.e_id}
    assert found(tenant_id=TENANT) == {job, event_id}
    assert found(configuration_id=other.e_id) == {other.e_id}
    assert found(actor="send_jobs") == {other.e_id}
    assert found(actor="project_events") == found(actor="send_jobs", subject=Subject.JOB) == set()
    assert found(tenant_id=TENANT, subject=Subject.EVENT) == {event_id}
    assert found(tenant_id=OTHER_TENANT, subject=Subject.EVENT) == set()


def test_letters_are_found_from_a_moment_on_and_until_before_another(
    store: Store, acme: EmailConfiguration
) -> None:
    failed(store, acme)
    (letter,) = letters(store)
    assert letters(store, raised_from=letter.raised_at) == [letter]
    assert letters(store, raised_until=letter.raised_at) == []
    assert letters(store, raised_from=LONG_AGO, raised_until=later(days=4000)) == [letter]


def test_letters_are_counted_by_subject_and_class(store: Store, acme: EmailConfiguration) -> None:
    for code in ("300", "expired", "300"):
        failed(store, acme, code=code)
    parked(store, acme)
    with store.begin() as tx:
        assert tx.dead_letters.count_by_class(DeadLetterFilter()) == {
            ("job", "300"): 2,
            ("job", "expired"): 1,
            ("event", "unjoined"): 1,
        }
        assert tx.dead_letters.count_by_class(DeadLetterFilter(error_class="expired")) == {
            ("job", "expired"): 1
        }
        assert tx.dead_letters.count_by_class(DeadLetterFilter(rest=Rest.REPLAYED)) == {}


def test_a_replayed_job_is_due_now_and_begins_anew(store: Store, acme: EmailConfiguration) -> None:
    new = new_job(acme, status=JobStatus.IN_DOUBT, claim_id=uuid4(), in_doubt_since=LONG_AGO)
    killer = replace(new, job=replace(new.job, attempts=7, worker_deaths=3))
    with store.begin() as tx:
        tx.jobs.accept([killer])
    with store.begin() as tx:
        (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=9, lease_seconds=60)
        poison = Settlement(doubt.job_id, JobStatus.FAILED, error_code="poison")
        tx.jobs.resolve_doubts({doubt.job_id: (doubt.version, poison, 2)})
    (letter,) = letters(store)
    with store.begin() as tx:
        replayed_at = tx.now()
        assert tx.dead_letters.replay(letter, action(letter.subject_id))
    job = held(store, letter.subject_id)
    assert (job.status, job.due_at, job.replayed_at) == (JobStatus.QUEUED, replayed_at, replayed_at)
    assert (job.attempts, job.worker_deaths, job.late_looks) == (0, 0, 0)
    with store.begin() as tx:
        (claimed,) = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60).jobs
    assert (claimed.accepted_at, claimed.attempts) == (replayed_at, 1)


def test_a_replay_is_kept_with_who_and_why_and_its_letter_is_no_longer_open(
    store: Store, acme: EmailConfiguration
) -> None:
    job_id = failed(store, acme)
    (letter,) = letters(store)
    done = action(job_id, action="dead_letter.replay")
    with store.begin() as tx:
        assert tx.dead_letters.replay(letter, done)
        assert tx.jobs.actions(TENANT, job_id) == [done]
        assert tx.dead_letters.find(DeadLetterFilter(), limit=9) == []
        (rested,) = tx.dead_letters.find(DeadLetterFilter(rest=Rest.REPLAYED), limit=9)
    assert rested == replace(letter, rest=Rest.REPLAYED, rested_at=rested.rested_at)
    assert rested.rested_at is not None


def test_a_letter_is_replayed_once(store: Store, acme: EmailConfiguration) -> None:
    job_id = failed(store, acme)
    (letter,) = letters(store)
    assert replay(store, letter)
    queued = held(store, job_id)
    assert not replay(store, letter)
    assert not discard(store, letter)
    assert held(store, job_id) == queued
    with store.begin() as tx:
        assert len(tx.jobs.actions(TENANT, job_id)) == 1


def test_many_are_replayed_at_once_those_that_still_wait_for_it_and_only_those(
    store: Store, acme: EmailConfiguration
) -> None:
    gone = sendable(tenant_id=OTHER_TENANT, retired_at=LONG_AGO)
    with store.begin() as tx:
        tx.configurations.add(gone, CREATED)
    again, moved, discarded = failed(store, acme), failed(store, acme), failed(store, acme)
    theirs, event_id, projected = failed(store, gone), parked(store, acme), parked(store, acme)
    fault(store, acme.e_id, dead_after=1)
    everything = letters(store)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[moved], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id="m")
        tx.events.mark_projected({projected: uuid4()})
    discard(store, next(one for one in everything if one.subject_id == discarded))
    stranger = replace(everything[0], e_id=uuid4())
    told = [(one, action(one.subject_id)) for one in [*everything, stranger]]
    with store.begin() as tx:
        replayed = tx.dead_letters.replay_all(told)
        kept = [tx.audit.of(one.subject_id) for one in everything]
    put_back = {one.e_id: one.subject_id for one in everything if one.e_id in replayed}
    assert set(put_back) == replayed
    assert set(put_back.values()) == {again, event_id, acme.e_id}
    assert [one.subject_id for one in letters(store)] == [moved, theirs, projected]
    assert held(store, again).status is JobStatus.QUEUED
    assert due_events(store, acme) == [event_id]
    assert fault(store, acme.e_id) == 1
    acted = {one.subject_id for one, found in zip(everything, kept, strict=True) if found}
    assert acted == {again, event_id, acme.e_id, discarded}


def test_none_are_replayed_at_once_without_a_word(store: Store) -> None:
    with store.begin() as tx:
        assert tx.dead_letters.replay_all([]) == set()


def test_a_job_that_fails_again_after_its_replay_is_another_letter(
    store: Store, acme: EmailConfiguration
) -> None:
    job_id = failed(store, acme)
    (first,) = letters(store)
    replay(store, first)
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)
        tx.jobs.record(claim.claim_id, [Settlement(job_id, JobStatus.FAILED, error_code="406")])
    (second,) = letters(store)
    assert (second.subject_id, second.error_class) == (job_id, "406")
    assert second.e_id != first.e_id


def test_a_job_that_has_moved_on_is_not_replayed(store: Store, acme: EmailConfiguration) -> None:
    job_id = failed(store, acme)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[job_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id="m")
    (letter,) = letters(store)
    assert not replay(store, letter)
    assert held(store, job_id).status is JobStatus.INCONSISTENT
    assert letters(store) == [letter]


def test_a_job_of_a_retired_configuration_is_not_replayed(store: Store, acme: EmailConfiguration) -> None:
    """Nobody would ever send it."""
    job_id = failed(store, acme)
    with store.begin() as tx:
        tx.configurations.save(replace(acme, retired_at=LONG_AGO), CREATED)
    (letter,) = letters(store)
    assert not replay(store, letter)
    assert held(store, job_id).status is JobStatus.FAILED


def test_a_replayed_event_is_due_again_and_may_be_parked_again(
    store: Store, acme: EmailConfiguration
) -> None:
    event_id = parked(store, acme)
    assert due_events(store, acme) == []
    (letter,) = letters(store)
    assert replay(store, letter)
    assert due_events(store, acme) == [event_id]
    with store.begin() as tx:
        assert tx.events.configurations_with_due_events(9) == [acme.e_id]
        tx.events.park([event_id])
    assert [one.subject_id for one in letters(store)] == [event_id]


def test_an_event_that_was_projected_after_all_is_not_replayed(
    store: Store, acme: EmailConfiguration
) -> None:
    event_id = parked(store, acme)
    with store.begin() as tx:
        tx.events.mark_projected({event_id: uuid4()})
    (letter,) = letters(store)
    assert not replay(store, letter)
    assert due_events(store, acme) == []


@pytest.mark.parametrize("put_to_rest", [replay, discard])
def test_a_message_put_to_rest_is_counted_from_the_beginning(
    store: Store, acme: EmailConfiguration, put_to_rest: Callable[[Store, DeadLetter], bool]
) -> None:
    for _ in range(3):
        fault(store, acme.e_id)
    (letter,) = letters(store)
    assert put_to_rest(store, letter)
    assert fault(store, acme.e_id) == 1
    assert letters(store) == []


def test_a_discarded_letter_leaves_its_subject_as_it_is(store: Store, acme: EmailConfiguration) -> None:
    job_id, event_id = failed(store, acme), parked(store, acme)
    assert [discard(store, letter) for letter in letters(store)] == [True, True]
    assert letters(store) == []
    assert len(letters(store, rest=Rest.DISCARDED)) == 2
    assert held(store, job_id).status is JobStatus.FAILED
    assert due_events(store, acme) == []
    with store.begin() as tx:
        assert len(tx.jobs.actions(TENANT, job_id)) == 1
    assert event_id


def test_a_discarded_letter_cannot_be_replayed(store: Store, acme: EmailConfiguration) -> None:
    job_id = failed(store, acme)
    (letter,) = letters(store)
    discard(store, letter)
    assert not replay(store, letter)
    assert held(store, job_id).status is JobStatus.FAILED


def test_a_letter_that_never_was_is_neither_replayed_nor_discarded(
    store: Store, acme: EmailConfiguration
) -> None:
    failed(store, acme)
    stranger = replace(letters(store)[0], e_id=uuid4())
    assert not replay(store, stranger)
    assert not discard(store, stranger)
