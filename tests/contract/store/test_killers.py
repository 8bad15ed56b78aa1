"""Jobs that workers die with: counted, and claimed alone, so that nobody is taken along."""

from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus, Settlement
from shared.ports.jobs import Claim, NewJob
from shared.ports.store import Store
from tests.factories import LONG_AGO, TENANT, later, new_job, suppression


def accept(store: Store, *jobs: NewJob) -> list[UUID]:
    with store.begin() as tx:
        tx.jobs.accept(jobs)
    return [new.job.e_id for new in jobs]


def claim(store: Store, one: EmailConfiguration, *, limit: int = 50, lease_seconds: float = 60) -> Claim:
    with store.begin() as tx:
        return tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=limit, lease_seconds=lease_seconds)


def ids(claimed: Claim) -> list[UUID]:
    return [job.e_id for job in claimed.jobs]


def test_each_worker_that_dies_with_a_job_is_counted_and_whoever_claims_or_looks_is_told(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = accept(store, new_job(acme))
    for deaths in (1, 2):
        claimed = claim(store, acme, lease_seconds=0)
        assert [job.worker_deaths for job in claimed.jobs] == [deaths - 1]
        with store.begin() as tx:
            tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10)
        with store.begin() as tx:
            (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=10, lease_seconds=60)
            assert (doubt.worker_deaths, doubt.deaths_alone) == (deaths, deaths - 1)
            again = Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO)
            tx.jobs.resolve_doubts({e_id: (doubt.version, again, 0)})
    with store.begin() as tx:
        job = tx.jobs.get(TENANT, e_id)
        assert job is not None
        assert (job.worker_deaths, job.attempts) == (2, 2)


def test_a_result_is_no_death(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    claimed = claim(store, acme, lease_seconds=0)
    with store.begin() as tx:
        unknown = Settlement(e_id, JobStatus.IN_DOUBT, due_at=LONG_AGO, error_code="timeout")
        tx.jobs.record(claimed.claim_id, [unknown])
        assert tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10) == []
        (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=10, lease_seconds=60)
    assert doubt.worker_deaths == 0


def test_a_killer_whose_turn_it_is_is_claimed_alone_and_the_rest_by_the_next(
    store: Store, acme: EmailConfiguration
) -> None:
    killer, *others = accept(
        store,
        new_job(acme, worker_deaths=1, due_at=LONG_AGO),
        *(new_job(acme, due_at=later(minutes=minutes)) for minutes in (1, 2)),
    )
    alone = claim(store, acme)
    assert (ids(alone), alone.left_out) == ([killer], 2)
    rest = claim(store, acme)
    assert (ids(rest), rest.left_out) == (others, 0)


def test_killers_are_left_out_of_a_batch_until_it_is_their_turn(
    store: Store, acme: EmailConfiguration
) -> None:
    first, killer, third, second_killer = accept(
        store,
        *(
            new_job(acme, worker_deaths=deaths, due_at=later(minutes=minutes))
            for minutes, deaths in enumerate((0, 2, 0, 1))
        ),
    )
    late = accept(store, new_job(acme, due_at=later(minutes=9)))
    claims = [claim(store, acme) for _ in range(4)]
    assert [ids(one) for one in claims] == [[first, third, *late], [killer], [second_killer], []]
    assert [one.left_out for one in claims] == [2, 1, 0, 0]


def test_of_jobs_due_at_once_the_first_id_decides_whether_it_is_the_killers_turn(
    store: Store, acme: EmailConfiguration
) -> None:
    first, second = sorted((new_job(acme), new_job(acme, worker_deaths=1)), key=lambda new: new.job.e_id)
    accept(store, second, first)
    assert ids(claim(store, acme)) == [first.job.e_id]
    assert ids(claim(store, acme)) == [second.job.e_id]


def test_a_suppressed_killer_is_taken_off_the_queue_alone(store: Store, acme: EmailConfiguration) -> None:
    accept(store, new_job(acme, worker_deaths=1, recipient="gone@example.com"))
    (other,) = accept(store, new_job(acme, due_at=later(minutes=1)))
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="gone@example.com"))
    alone = claim(store, acme)
    assert (ids(alone), alone.suppressed, alone.left_out) == ([], 1, 1)
    assert ids(claim(store, acme)) == [other]
