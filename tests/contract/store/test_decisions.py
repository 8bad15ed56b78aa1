"""An operator's word on a job in doubt: written once, with who said it and why."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.ports.store import Store
from tests.factories import LONG_AGO, OTHER_TENANT, TENANT, action, later, new_job


def doubtful(store: Store, one: EmailConfiguration, **given: object) -> EmailJob:
    fields = {
        "claim_id": uuid4(),
        "in_doubt_since": LONG_AGO,
        "attempts": 3,
        "worker_deaths": 2,
        "late_looks": 2,
    }
    new = new_job(one, status=JobStatus.IN_DOUBT, **{**fields, **given})
    with store.begin() as tx:
        tx.jobs.accept([new])
    return held(store, new.job.e_id)


def held(store: Store, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(TENANT, e_id)
    assert found is not None
    return found


def decide(store: Store, job: EmailJob, settlement: Settlement) -> bool:
    with store.begin() as tx:
        return tx.jobs.decide(job, settlement, action(job.e_id))


def test_a_job_said_to_be_sent_is_sent(store: Store, acme: EmailConfiguration) -> None:
    job = doubtful(store, acme)
    assert decide(store, job, Settlement(job.e_id, JobStatus.SENT, provider_message_id="message-1"))
    now = held(store, job.e_id)
    assert (now.status, now.provider_message_id) == (JobStatus.SENT, "message-1")
    assert (now.due_at, now.in_doubt_since, now.lease_until) == (None, None, None)
    assert (now.version, now.attempts) == (job.version + 1, 3)


def test_a_job_said_to_have_failed_fails_and_is_nothing_more_to_look_at(
    store: Store, acme: EmailConfiguration
) -> None:
    job = doubtful(store, acme)
    told = Settlement(job.e_id, JobStatus.FAILED, error_code="decided", error_text="given up by an operator")
    assert decide(store, job, told)
    now = held(store, job.e_id)
    assert (now.status, now.error_code, now.due_at) == (JobStatus.FAILED, "decided", None)
    with store.begin() as tx:
        assert tx.dead_letters.find(DeadLetterFilter(), limit=10) == []


def test_a_job_to_be_sent_again_is_due_now_and_only_as_old_as_the_decision(
    store: Store, acme: EmailConfiguration
) -> None:
    job = doubtful(store, acme)
    with store.begin() as tx:
        decided_at = tx.now()
        assert tx.jobs.decide(
            job, Settlement(job.e_id, JobStatus.QUEUED, due_at=later(days=4000)), action(job.e_id)
        )
    now = held(store, job.e_id)
    assert (now.status, now.due_at, now.replayed_at) == (JobStatus.QUEUED, decided_at, decided_at)
    assert (now.worker_deaths, now.late_looks, now.in_doubt_since) == (0, 0, None)
    assert (now.accepted_at, now.attempts) == (LONG_AGO, 3)
    with store.begin() as tx:
        (claimed,) = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=0).jobs
    assert (claimed.accepted_at, claimed.attempts) == (decided_at, 4)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=9)
    with store.begin() as tx:
        (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=9, lease_seconds=60)
    assert doubt.accepted_at == decided_at


def test_what_was_decided_is_kept_with_who_and_why_oldest_first(
    store: Store, acme: EmailConfiguration
) -> None:
    job = doubtful(store, acme)
    first = action(job.e_id, at=later(minutes=1), reason="no answer from the provider")
    second = action(job.e_id, at=later(minutes=2), author="other@example.com")
    with store.begin() as tx:
        assert tx.jobs.decide(job, Settlement(job.e_id, JobStatus.QUEUED), first)
        claimed = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60)
        unknown = Settlement(job.e_id, JobStatus.IN_DOUBT, due_at=LONG_AGO)
        assert tx.jobs.record(claimed.claim_id, [unknown]) == {job.e_id}
    with store.begin() as tx:
        assert tx.jobs.decide(held_in(tx, job.e_id), Settlement(job.e_id, JobStatus.SENT), second)
    with store.begin() as tx:
        assert tx.jobs.actions(TENANT, job.e_id) == [first, second]
        assert tx.jobs.actions(OTHER_TENANT, job.e_id) == []
        assert tx.jobs.actions(TENANT, uuid4()) == []


def held_in(tx: object, e_id: UUID) -> EmailJob:
    found = tx.jobs.get(TENANT, e_id)  # type: ignore[attr-defined]
    assert isinstance(found, EmailJob)
    return found


def test_a_decision_on_a_job_that_has_moved_is_not_taken_and_not_kept(
    store: Store, acme: EmailConfiguration
) -> None:
    job = doubtful(store, acme)
    with store.begin() as tx:
        tx.jobs.take_doubts(acme.e_id, limit=9, lease_seconds=60)
    assert not decide(store, job, Settlement(job.e_id, JobStatus.SENT))
    assert held(store, job.e_id).status is JobStatus.IN_DOUBT
    with store.begin() as tx:
        assert tx.jobs.actions(TENANT, job.e_id) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.SENT, JobStatus.FAILED])
def test_there_is_nothing_to_decide_on_a_job_that_is_not_in_doubt(
    store: Store, acme: EmailConfiguration, status: JobStatus
) -> None:
    new = new_job(acme, status=status)
    with store.begin() as tx:
        tx.jobs.accept([new])
    job = held(store, new.job.e_id)
    assert not decide(store, job, Settlement(job.e_id, JobStatus.SENT))
    assert held(store, job.e_id) == job


def test_of_two_decisions_on_one_version_the_second_is_not_taken(
    store: Store, acme: EmailConfiguration
) -> None:
    job = doubtful(store, acme)
    assert decide(store, job, Settlement(job.e_id, JobStatus.SENT))
    assert not decide(store, replace(job), Settlement(job.e_id, JobStatus.QUEUED))
    assert held(store, job.e_id).status is JobStatus.SENT
