"""Claims: whose job it is, until when, and that nobody else writes its result."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence.faults import DatabaseFault
from shared.ports.jobs import Claim, NewJob
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    later,
    new_job,
    sendable,
    suppression,
)


def accept(store: Store, *jobs: NewJob) -> list[UUID]:
    with store.begin() as tx:
        tx.jobs.accept(jobs)
    return [new.job.e_id for new in jobs]


def claim(store: Store, one: EmailConfiguration, *, limit: int = 50, lease_seconds: float = 60) -> Claim:
    with store.begin() as tx:
        return tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=limit, lease_seconds=lease_seconds)


def ids(claimed: Claim) -> list[UUID]:
    return [job.e_id for job in claimed.jobs]


def held(store: Store, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        found = tx.jobs.get(TENANT, e_id)
    assert found is not None
    return found


def record(store: Store, claimed: Claim, *settlements: Settlement) -> set[UUID]:
    with store.begin() as tx:
        return tx.jobs.record(claimed.claim_id, settlements)


def sent(job_id: UUID, message_id: str = "message-1") -> Settlement:
    return Settlement(job_id, JobStatus.SENT, provider_message_id=message_id)


def test_a_claim_takes_the_longest_due_first_and_no_more_than_its_limit(
    store: Store, acme: EmailConfiguration
) -> None:
    third, first, second = accept(
        store, *(new_job(acme, due_at=later(minutes=minutes)) for minutes in (3, 1, 2))
    )
    assert ids(claim(store, acme, limit=2)) == [first, second]
    assert ids(claim(store, acme, limit=2)) == [third]
    assert ids(claim(store, acme, limit=2)) == []


def test_a_claim_tells_its_transactions_moment_and_none_when_nothing_was_due(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        early = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=50, lease_seconds=60)
    accept(store, new_job(acme))
    with store.begin() as tx:
        claimed = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=50, lease_seconds=60)
        now = tx.now()
    assert early.at is None
    assert claimed.at == now


def test_jobs_due_at_once_are_claimed_in_the_order_of_their_ids(
    store: Store, acme: EmailConfiguration
) -> None:
    accepted = accept(store, *(new_job(acme) for _ in range(5)))
    assert ids(claim(store, acme)) == sorted(accepted)


def test_a_job_that_is_not_due_is_not_claimed(store: Store, acme: EmailConfiguration) -> None:
    accept(store, new_job(acme, due_at=later(days=4000)))
    assert ids(claim(store, acme)) == []


def test_a_claim_takes_jobs_of_its_configuration_only(store: Store, acme: EmailConfiguration) -> None:
    other = configuration()
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    mine, _ = accept(store, new_job(acme), new_job(other))
    assert ids(claim(store, acme)) == [mine]


def test_a_claimed_job_is_sending_leased_and_counted(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    claimed = claim(store, acme, lease_seconds=60)
    job = held(store, e_id)
    assert (job.status, job.claim_id, job.attempts, job.due_at) == (
        JobStatus.SENDING,
        claimed.claim_id,
        1,
        None,
    )
    assert job.version == 1
    assert job.lease_until is not None
    with store.begin() as tx:
        assert timedelta(seconds=50) < job.lease_until - tx.now() <= timedelta(seconds=60)


def test_a_claim_carries_what_is_needed_to_send(store: Store, acme: EmailConfiguration) -> None:
    new = new_job(acme, recipient="someone@example.com", attempts=3, tag="receipts")
    accept(store, new)
    (job,) = claim(store, acme).jobs
    assert (job.recipient, job.attempts, job.accepted_at) == ("someone@example.com", 4, LONG_AGO)
    assert job.content == new.content


def test_a_suppressed_recipients_job_is_taken_off_the_queue_and_not_sent(
    store: Store, acme: EmailConfiguration
) -> None:
    good, bad = accept(
        store, new_job(acme), new_job(acme, recipient="gone@example.com", error_code="429", error_text="slow")
    )
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="gone@example.com"))
    claimed = claim(store, acme)
    assert (ids(claimed), claimed.suppressed) == ([good], 1)
    job = held(store, bad)
    assert (job.status, job.error_code, job.error_text) == (JobStatus.SUPPRESSED, "suppressed", None)
    assert (job.due_at, job.lease_until, job.claim_id, job.attempts) == (None, None, None, 0)


def test_a_lifted_suppression_and_another_tenants_stop_nothing(
    store: Store, acme: EmailConfiguration
) -> None:
    accepted = accept(store, new_job(acme, recipient="back@example.com"))
    with store.begin() as tx:
        lifted = tx.suppressions.add(suppression(address="back@example.com"))
        tx.suppressions.lift(lifted, author="operator@example.com", note=None)
        tx.suppressions.add(suppression(address="back@example.com", tenant_id=OTHER_TENANT))
    assert ids(claim(store, acme)) == accepted


def test_a_suppressed_job_counts_toward_the_limit(store: Store, acme: EmailConfiguration) -> None:
    _, good = accept(
        store,
        new_job(acme, recipient="gone@example.com", due_at=LONG_AGO),
        new_job(acme, due_at=later(minutes=1)),
    )
    with store.begin() as tx:
        tx.suppressions.add(suppression(address="gone@example.com"))
    first = claim(store, acme, limit=1)
    assert (ids(first), first.suppressed) == ([], 1)
    assert ids(claim(store, acme, limit=1)) == [good]


def test_the_result_of_a_claimed_job_is_written(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    assert record(store, claim(store, acme), sent(e_id, "message-7")) == {e_id}
    job = held(store, e_id)
    assert (job.status, job.provider_message_id, job.lease_until) == (JobStatus.SENT, "message-7", None)
    assert job.version == 2


def test_a_claim_brings_the_trace_of_each_job(store: Store, acme: EmailConfiguration) -> None:
    accept(store, new_job(acme, trace="0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"), new_job(acme))
    traces = {job.trace for job in claim(store, acme).jobs}
    assert traces == {"0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", None}


def test_each_job_of_a_batch_gets_its_own_result(store: Store, acme: EmailConfiguration) -> None:
    a, b, c, d = accept(store, *(new_job(acme) for _ in range(4)))
    claimed = claim(store, acme)
    written = record(
        store,
        claimed,
        Settlement(a, JobStatus.FAILED, error_code="300", error_text="invalid 'from'"),
        sent(b),
        Settlement(c, JobStatus.QUEUED, due_at=later(days=1), error_code="429"),
        Settlement(d, JobStatus.IN_DOUBT, due_at=later(days=2), error_code="timeout"),
    )
    assert written == {a, b, c, d}
    failed, _, queued, doubtful = (held(store, e_id) for e_id in (a, b, c, d))
    assert (failed.status, failed.error_code, failed.error_text) == (
        JobStatus.FAILED,
        "300",
        "invalid 'from'",
    )
    assert (queued.status, queued.due_at, queued.error_code) == (JobStatus.QUEUED, later(days=1), "429")
    assert (doubtful.status, doubtful.due_at) == (JobStatus.IN_DOUBT, later(days=2))
    assert doubtful.in_doubt_since is not None
    assert doubtful.claim_id == claimed.claim_id


def test_a_queued_again_job_that_is_due_is_claimed_again_and_counted_again(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = accept(store, new_job(acme))
    record(store, claim(store, acme), Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO))
    (job,) = claim(store, acme).jobs
    assert job.attempts == 2


def test_another_claims_result_is_fenced_off(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    claimed = claim(store, acme)
    stranger = replace(claimed, claim_id=uuid4())
    assert record(store, stranger, sent(e_id)) == set()
    assert held(store, e_id).status is JobStatus.SENDING


def test_a_result_that_comes_after_its_lease_was_doubted_is_fenced_off(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = accept(store, new_job(acme))
    late = claim(store, acme, lease_seconds=0)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=60, limit=10)
    assert record(store, late, sent(e_id)) == set()
    assert held(store, e_id).status is JobStatus.IN_DOUBT


def test_an_expired_lease_that_nobody_noticed_does_not_lose_the_result(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = accept(store, new_job(acme))
    late = claim(store, acme, lease_seconds=0)
    assert record(store, late, sent(e_id)) == {e_id}


def test_a_first_claims_result_is_fenced_off_once_a_second_claim_holds_the_job(
    store: Store, acme: EmailConfiguration
) -> None:
    (e_id,) = accept(store, new_job(acme))
    first = claim(store, acme)
    record(store, first, Settlement(e_id, JobStatus.QUEUED, due_at=LONG_AGO))
    second = claim(store, acme)
    assert record(store, first, sent(e_id, "from the first")) == set()
    assert record(store, second, sent(e_id, "from the second")) == {e_id}
    assert held(store, e_id).provider_message_id == "from the second"


def test_a_result_is_written_once(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    claimed = claim(store, acme)
    assert record(store, claimed, sent(e_id)) == {e_id}
    assert record(store, claimed, sent(e_id, "again")) == set()


def test_part_of_a_batch_may_be_fenced_off(store: Store, acme: EmailConfiguration) -> None:
    mine, taken = accept(store, new_job(acme), new_job(acme))
    claimed = claim(store, acme)
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[taken], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id="from the event")
    assert record(store, claimed, sent(mine), sent(taken)) == {mine}
    assert held(store, taken).status is JobStatus.DELIVERED


def test_recording_nothing_is_no_error(store: Store) -> None:
    with store.begin() as tx:
        assert tx.jobs.record(uuid4(), []) == set()


def test_a_result_that_would_forget_the_job_is_refused(store: Store, acme: EmailConfiguration) -> None:
    (e_id,) = accept(store, new_job(acme))
    claimed = claim(store, acme)
    with pytest.raises(DatabaseFault, match="waiting_is_due"):
        record(store, claimed, Settlement(e_id, JobStatus.QUEUED))


def test_cancelling_takes_what_is_queued_and_leaves_what_is_on_its_way(
    store: Store, acme: EmailConfiguration
) -> None:
    on_its_way, queued, not_due = accept(
        store,
        new_job(acme),
        new_job(acme, due_at=later(minutes=1)),
        new_job(acme, due_at=later(days=4000)),
    )
    assert ids(claim(store, acme, limit=1)) == [on_its_way]
    with store.begin() as tx:
        assert tx.jobs.cancel_queued(acme.e_id) == 2
        assert tx.jobs.in_flight(acme.e_id) == 1
    assert [held(store, e_id).status for e_id in (on_its_way, queued, not_due)] == [
        JobStatus.SENDING,
        JobStatus.CANCELLED,
        JobStatus.CANCELLED,
    ]


@pytest.mark.parametrize("status", list(JobStatus))
def test_in_flight_are_the_queued_the_sending_and_the_doubtful(
    store: Store, acme: EmailConfiguration, status: JobStatus
) -> None:
    accept(
        store,
        new_job(acme, status=status, claim_id=uuid4(), lease_until=LONG_AGO, in_doubt_since=LONG_AGO),
    )
    with store.begin() as tx:
        expected = int(status in (JobStatus.QUEUED, JobStatus.SENDING, JobStatus.IN_DOUBT))
        assert tx.jobs.in_flight(acme.e_id) == expected
        assert tx.jobs.in_flight(uuid4()) == 0


@pytest.mark.parametrize(
    ("state", "may"),
    [
        ({}, True),
        ({"operational": Operational.DEGRADED}, True),
        ({"administrative": Administrative.LOCKING}, True),
        ({"administrative": Administrative.LOCKED}, False),
        ({"operational": Operational.FAILURE}, False),
        ({"retired_at": LONG_AGO}, False),
    ],
    ids=["ok", "degraded", "draining", "locked", "failure", "retired"],
)
def test_due_jobs_are_looked_for_where_they_may_be_claimed(
    store: Store, state: dict[str, object], may: bool
) -> None:
    one = sendable(**state)
    with store.begin() as tx:
        tx.configurations.add(one, CREATED)
        tx.jobs.accept([new_job(one), new_job(one)])
        assert tx.jobs.configurations_with_due_jobs(10) == ([one.e_id] if may else [])
        assert one.may_claim is may


def test_configurations_with_due_jobs_come_longest_waiting_first_and_no_more_than_asked_for(
    store: Store,
) -> None:
    waiting = [sendable(tenant_id=uuid4()) for _ in range(4)]
    with store.begin() as tx:
        for one, minutes in zip(waiting, (3, 1, 2, None), strict=True):
            tx.configurations.add(one, CREATED)
            due_at = later(days=4000) if minutes is None else later(minutes=minutes)
            tx.jobs.accept([new_job(one, due_at=due_at), new_job(one, due_at=later(days=4000))])
        assert tx.jobs.configurations_with_due_jobs(2) == [waiting[1].e_id, waiting[2].e_id]
        assert tx.jobs.configurations_with_due_jobs(9)[2:] == [waiting[0].e_id]


def test_a_queue_has_something_due_exactly_when_a_claim_would_find_it(
    store: Store, acme: EmailConfiguration
) -> None:
    def has_due() -> bool:
        with store.begin() as tx:
            return tx.jobs.has_due(acme.e_id)

    other = sendable(tenant_id=uuid4())
    with store.begin() as tx:
        tx.configurations.add(other, CREATED)
    accept(store, new_job(acme, due_at=later(days=36_500)), new_job(other))
    assert not has_due()
    accept(store, new_job(acme))
    assert has_due()
    claim(store, acme)
    assert not has_due()
