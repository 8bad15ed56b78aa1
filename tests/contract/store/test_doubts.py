"""Doubts: a job whose fate is unknown is looked for, by one at a time, and never sent again blindly."""

from dataclasses import replace
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.lifecycle import Administrative
from shared.ports.jobs import Doubt
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, TENANT, later, new_job, sendable


def sending(store: Store, one: EmailConfiguration, *, lease_seconds: float = 0, jobs: int = 1) -> list[UUID]:
    with store.begin() as tx:
        tx.jobs.accept([new_job(one) for _ in range(jobs)])
    with store.begin() as tx:
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=jobs, lease_seconds=lease_seconds)
    return [job.e_id for job in claim.jobs]


def doubt(store: Store, *, look_in_seconds: float = 0, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.jobs.doubt_expired_leases(look_in_seconds=look_in_seconds, limit=limit)


def take(store: Store, one: EmailConfiguration, *, lease_seconds: float = 60, limit: int = 10) -> list[Doubt]:
    with store.begin() as tx:
        return tx.jobs.take_doubts(one.e_id, limit=limit, lease_seconds=lease_seconds)


def resolve(store: Store, looked_at: Doubt, settlement: Settlement, late_looks: int = 0) -> set[UUID]:
    with store.begin() as tx:
        wanted = {looked_at.job_id: (looked_at.version, settlement, late_looks)}
        return tx.jobs.resolve_doubts(wanted)


def held(store: Store, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(TENANT, e_id)
    assert found is not None
    return found


def test_a_lease_that_ran_out_puts_its_jobs_in_doubt_and_names_the_configuration_once(
    store: Store, acme: EmailConfiguration
) -> None:
    stuck = sending(store, acme, jobs=3)
    assert doubt(store, look_in_seconds=60) == [acme.e_id]
    for e_id in stuck:
        job = held(store, e_id)
        assert (job.status, job.lease_until) == (JobStatus.IN_DOUBT, None)
        assert job.claim_id is not None
        assert job.in_doubt_since is not None
        assert job.due_at is not None
        assert job.due_at > job.in_doubt_since


def test_a_lease_that_still_runs_is_left_alone(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = sending(store, acme, lease_seconds=60)
    assert doubt(store) == []
    assert held(store, e_id).status is JobStatus.SENDING


def test_no_more_leases_are_doubted_than_asked_for(store: Store, acme: EmailConfiguration) -> None:
    stuck = sending(store, acme, jobs=3)
    doubt(store, limit=2)
    assert sum(held(store, e_id).status is JobStatus.IN_DOUBT for e_id in stuck) == 2


def test_a_doubt_says_what_to_look_for(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (found,) = take(store, acme)
    job = held(store, e_id)
    assert found == Doubt(
        job_id=e_id,
        claim_id=job.claim_id or uuid4(),
        in_doubt_since=job.in_doubt_since or later(),
        late_looks=0,
        worker_deaths=1,
        accepted_at=LONG_AGO,
        version=job.version,
    )


def test_a_doubt_is_looked_into_by_one_at_a_time(store: Store, acme: EmailConfiguration) -> None:
    sending(store, acme)
    doubt(store)
    assert len(take(store, acme)) == 1
    assert take(store, acme) == []


def test_a_doubt_that_is_not_due_is_neither_listed_nor_taken(store: Store, acme: EmailConfiguration) -> None:
    sending(store, acme)
    doubt(store, look_in_seconds=60)
    with store.begin() as tx:
        assert tx.jobs.configurations_with_due_doubts(10) == []
    assert take(store, acme) == []


def test_a_doubt_whose_look_was_never_finished_is_due_again_and_fences_the_first_look(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (first,) = take(store, acme, lease_seconds=0)
    (second,) = take(store, acme)
    requeue = Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO)
    assert resolve(store, first, requeue) == set()
    assert resolve(store, second, requeue) == {e_id}


def test_a_found_message_settles_the_doubt(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (found,) = take(store, acme)
    assert resolve(store, found, Settlement(e_id, JobStatus.SENT, provider_message_id="message-1")) == {e_id}
    job = held(store, e_id)
    assert (job.status, job.provider_message_id) == (JobStatus.SENT, "message-1")
    assert (job.due_at, job.in_doubt_since) == (None, None)


def test_a_doubt_that_stays_keeps_its_beginning_and_counts_its_late_looks(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (found,) = take(store, acme)
    resolve(store, found, Settlement(e_id, JobStatus.IN_DOUBT, due_at=LONG_AGO), late_looks=1)
    job = held(store, e_id)
    assert (job.status, job.in_doubt_since) == (JobStatus.IN_DOUBT, found.in_doubt_since)
    assert job.due_at == LONG_AGO
    (again,) = take(store, acme)
    assert again.late_looks == 1


TIMED_OUT = Settlement(
    UUID(int=0), JobStatus.IN_DOUBT, due_at=LONG_AGO, error_code="read_timeout", error_text="no whole answer"
)


def in_doubt_with_reason(store: Store, one: EmailConfiguration) -> Doubt:
    with store.begin() as tx:
        tx.jobs.accept([new_job(one)])
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=1, lease_seconds=60)
        tx.jobs.record(claim.claim_id, [replace(TIMED_OUT, job_id=claim.jobs[0].e_id)])
    (found,) = take(store, one)
    return found


def error_of(job: EmailJob) -> tuple[str | None, str | None]:
    return job.error_code, job.error_text


def test_why_there_is_a_doubt_stands_there_until_it_is_resolved(
    store: Store, acme: EmailConfiguration
) -> None:
    found = in_doubt_with_reason(store, acme)
    for _ in range(2):
        resolve(store, found, Settlement(found.job_id, JobStatus.IN_DOUBT, due_at=LONG_AGO))
        assert error_of(held(store, found.job_id)) == ("read_timeout", "no whole answer")
        (found,) = take(store, acme)
    resolve(store, found, Settlement(found.job_id, JobStatus.SENT, provider_message_id="message-1"))
    assert error_of(held(store, found.job_id)) == (None, None)


def test_an_error_that_a_look_brings_takes_the_place_of_the_first(
    store: Store, acme: EmailConfiguration
) -> None:
    found = in_doubt_with_reason(store, acme)
    resolve(store, found, Settlement(found.job_id, JobStatus.IN_DOUBT, due_at=LONG_AGO, error_code="gone"))
    assert error_of(held(store, found.job_id)) == ("gone", None)


def test_an_event_that_ends_a_doubt_ends_what_was_said_of_it(store: Store, acme: EmailConfiguration) -> None:
    found = in_doubt_with_reason(store, acme)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[found.job_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="message-1")
    assert error_of(held(store, found.job_id)) == (None, None)


def test_an_event_about_a_job_that_failed_leaves_its_error(store: Store, acme: EmailConfiguration) -> None:
    failed = new_job(acme, status=JobStatus.FAILED, due_at=None, error_code="300", error_text="invalid")
    with store.begin() as tx:
        tx.jobs.accept([failed])
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[failed.job.e_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id="message-1")
    assert error_of(held(store, failed.job.e_id)) == ("300", "invalid")


def test_a_lease_that_ran_out_says_nothing_of_an_earlier_attempts_error(
    store: Store, acme: EmailConfiguration
) -> None:
    throttled = new_job(acme, error_code="429", error_text="slow down")
    with store.begin() as tx:
        tx.jobs.accept([throttled])
        tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=1, lease_seconds=0)
    doubt(store)
    assert error_of(held(store, throttled.job.e_id)) == (None, None)


def test_a_job_queued_again_is_claimed_again(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (found,) = take(store, acme)
    resolve(store, found, Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO))
    assert held(store, e_id).in_doubt_since is None
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=1, lease_seconds=60)
    assert [(job.e_id, job.attempts) for job in claim.jobs] == [(e_id, 2)]


def test_an_event_that_settled_the_job_meanwhile_fences_the_look_off(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = sending(store, acme)
    doubt(store)
    (found,) = take(store, acme)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[e_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="message-1")
    assert resolve(store, found, Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO)) == set()
    job = held(store, e_id)
    assert (job.status, job.due_at, job.in_doubt_since) == (JobStatus.DELIVERED, None, None)


def test_resolving_nothing_is_no_error(store: Store) -> None:
    with store.begin() as tx:
        assert tx.jobs.resolve_doubts({}) == set()


def test_doubts_are_taken_longest_due_first_and_no_more_than_asked_for(
    store: Store, acme: EmailConfiguration
) -> None:
    doubtful = {"status": JobStatus.IN_DOUBT, "claim_id": uuid4(), "in_doubt_since": LONG_AGO}
    second, first = (new_job(acme, due_at=later(minutes=minutes), **doubtful) for minutes in (2, 1))
    with store.begin() as tx:
        tx.jobs.accept([second, first])
    assert [found.job_id for found in take(store, acme, limit=1)] == [first.job.e_id]


def test_configurations_with_due_doubts_are_listed_longest_waiting_first_also_when_locked(
    store: Store,
) -> None:
    locked, open_ = (
        sendable(tenant_id=uuid4(), administrative=Administrative.LOCKED),
        sendable(tenant_id=uuid4()),
    )
    doubtful = {"status": JobStatus.IN_DOUBT, "claim_id": uuid4(), "in_doubt_since": LONG_AGO}
    with store.begin() as tx:
        for one, minutes in ((open_, 2), (locked, 1)):
            tx.configurations.add(one, CREATED)
            tx.jobs.accept([new_job(one, due_at=later(minutes=minutes), **doubtful)])
        assert tx.jobs.configurations_with_due_doubts(10) == [locked.e_id, open_.e_id]
        assert tx.jobs.configurations_with_due_doubts(1) == [locked.e_id]
