"""Which jobs operators find, and what they are refused because no index answers it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import Subject
from shared.domain.errors import InvalidValue
from shared.domain.job import IN_FLIGHT, EmailJob, JobStatus, Settlement
from shared.persistence.ids import new_id
from shared.persistence.searches import FEW
from shared.ports.operators import JobSearch
from shared.ports.store import Store
from tests.contract.store.test_operator_views import add, walk
from tests.factories import LONG_AGO, OTHER_TENANT, TENANT, action, later, new_job, sendable

# What a job of this status has to have besides.
OF_STATUS: dict[JobStatus, dict[str, Any]] = {
    JobStatus.SENDING: {"claim_id": UUID(int=1), "lease_until": LONG_AGO},
    JobStatus.IN_DOUBT: {"claim_id": UUID(int=1), "in_doubt_since": LONG_AGO},
}


@pytest.fixture
def other(store: Store) -> EmailConfiguration:
    configuration = sendable(tenant_id=OTHER_TENANT)
    add(store, configuration)
    return configuration


def accept(store: Store, configuration: EmailConfiguration, **given: Any) -> EmailJob:
    new = new_job(configuration, **{**OF_STATUS.get(given.get("status", JobStatus.QUEUED), {}), **given})
    with store.begin() as tx:
        assert tx.jobs.accept([new])
    return new.job


def ids(store: Store, **wanted: Any) -> list[UUID]:
    with store.begin() as tx:
        return [job.e_id for job in tx.views.jobs(JobSearch(**wanted), before=None, limit=100)]


def pages(store: Store, wanted: JobSearch, limit: int) -> list[UUID]:
    def page(before: UUID | None, limit: int) -> list[EmailJob]:
        with store.begin() as tx:
            return tx.views.jobs(wanted, before=before, limit=limit)

    return walk(page, limit)


def test_a_job_is_read_whole_whosever_it_is(store: Store, other: EmailConfiguration) -> None:
    job = accept(store, other)
    with store.begin() as tx:
        assert tx.views.job(job.e_id) == job
        assert tx.views.jobs(JobSearch(text=str(job.e_id)), before=None, limit=1) == [job]
        assert tx.views.job(uuid4()) is None


def test_a_job_is_found_by_its_id_and_by_the_providers(store: Store, acme: EmailConfiguration) -> None:
    job = accept(
        store, acme, status=JobStatus.SENT, provider_message_id="0a129aee-e1cd-480d-b08d-4f48548ff48d"
    )
    accept(store, acme, status=JobStatus.SENT, provider_message_id="another")
    for text in (str(job.e_id), str(job.e_id).upper(), "0a129aee-e1cd-480d-b08d-4f48548ff48d"):
        assert ids(store, text=text) == [job.e_id]
        assert ids(store, text=text, tenant_id=TENANT, status=JobStatus.SENT) == [job.e_id]
        assert ids(store, text=text, tenant_id=OTHER_TENANT) == []
        assert ids(store, text=text, status=JobStatus.DELIVERED) == []


def test_an_idempotency_key_is_found_within_its_tenant(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration
) -> None:
    mine = accept(store, acme, idempotency_key="order 4711")
    theirs = accept(store, other, idempotency_key="order 4711")
    assert ids(store, text="order 4711", tenant_id=TENANT) == [mine.e_id]
    assert ids(store, text="order 4711", configuration_id=other.e_id) == [theirs.e_id]
    assert ids(store, text="order 4711") == []


@pytest.mark.parametrize("text", ["ORDER%4711", "order_4711", "order%", "%", "_", "order%471", " order%4711"])
def test_what_is_searched_for_is_taken_literally(store: Store, acme: EmailConfiguration, text: str) -> None:
    accept(store, acme, idempotency_key="order%4711", provider_message_id="order%4711")
    assert ids(store, text=text, tenant_id=TENANT) == []
    assert len(ids(store, text="order%4711", tenant_id=TENANT)) == 1


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "tenantId"),
        ({"status": JobStatus.DELIVERED}, "tenantId"),
        ({"status": JobStatus.FAILED}, "tenantId"),
        ({"accepted_from": LONG_AGO}, "tenantId"),
        ({"recipient": "person@example.com"}, "recipient"),
        ({"recipient": "person@example.com", "status": JobStatus.SENT}, "recipient"),
        ({"text": "a\x00"}, "text"),
        ({"recipient": "a\x00", "tenant_id": TENANT}, "recipient"),
    ],
)
def test_what_no_index_answers_is_refused_with_advice(
    store: Store, wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        ids(store, **wanted)
    assert refused.value.field == field
    assert len(refused.value.advice) > 10


def test_jobs_in_a_status_that_few_have_are_found_across_tenants(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration
) -> None:
    added = {}
    for status in JobStatus:
        added[status] = [accept(store, one, status=status).e_id for one in (acme, other)]
    assert {status: ids(store, status=status) for status in FEW} == {
        status: added[status][::-1] for status in FEW
    }


@pytest.mark.parametrize("status", JobStatus)
def test_jobs_of_a_tenant_are_found_by_any_status(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration, status: JobStatus
) -> None:
    for one in JobStatus:
        accept(store, other, status=one)
    mine = {one: accept(store, acme, status=one).e_id for one in JobStatus}
    assert ids(store, tenant_id=TENANT, status=status) == [mine[status]]
    assert ids(store, configuration_id=acme.e_id, status=status) == [mine[status]]


def test_of_a_tenant_and_a_configuration_that_are_given_both_have_to_hold(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration
) -> None:
    before = sendable(retired_at=LONG_AGO)
    add(store, before)
    old, new, theirs = (accept(store, one).e_id for one in (before, acme, other))
    assert ids(store, tenant_id=TENANT) == [new, old]
    assert ids(store, configuration_id=before.e_id) == [old]
    assert ids(store, tenant_id=TENANT, configuration_id=acme.e_id) == [new]
    assert ids(store, tenant_id=TENANT, configuration_id=other.e_id) == []
    assert ids(store, configuration_id=other.e_id) == [theirs]
    assert ids(store, configuration_id=uuid4()) == []


def test_a_recipient_is_found_however_it_is_written(store: Store, acme: EmailConfiguration) -> None:
    job = accept(store, acme, recipient="person@example.com")
    accept(store, acme, recipient="person2@example.com")
    assert ids(store, tenant_id=TENANT, recipient=" Person@Example.COM ") == [job.e_id]
    assert ids(store, configuration_id=acme.e_id, recipient="person@example.com") == [job.e_id]
    assert ids(store, status=JobStatus.QUEUED, recipient="person@example.com") == [job.e_id]
    assert ids(store, tenant_id=TENANT, recipient="person%") == []
    assert len(ids(store, tenant_id=TENANT, recipient="  ")) == 2


def test_a_time_of_acceptance_has_its_beginning_and_not_its_end(
    store: Store, acme: EmailConfiguration
) -> None:
    first, second, third = (accept(store, acme, accepted_at=later(minutes=n)).e_id for n in range(3))
    assert ids(store, tenant_id=TENANT, accepted_from=later(minutes=1)) == [third, second]
    assert ids(store, tenant_id=TENANT, accepted_until=later(minutes=1)) == [first]
    between = {"accepted_from": later(minutes=1), "accepted_until": later(minutes=2)}
    assert ids(store, tenant_id=TENANT, **between) == [second]
    assert ids(store, status=JobStatus.QUEUED, **between) == [second]
    assert ids(store, text=str(first), **between) == []


def test_a_tenants_jobs_come_newest_accepted_first_and_those_of_all_by_their_ids(
    store: Store, acme: EmailConfiguration
) -> None:
    first, second = sorted((new_id(), new_id()))
    accept(store, acme, e_id=first, accepted_at=later(minutes=2))
    accept(store, acme, e_id=second, accepted_at=later(minutes=1))
    assert ids(store, tenant_id=TENANT) == [first, second]
    assert ids(store, tenant_id=TENANT, status=JobStatus.QUEUED) == [first, second]
    assert ids(store, status=JobStatus.QUEUED) == [second, first]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 50])
@pytest.mark.parametrize(
    "wanted",
    [
        {"tenant_id": TENANT},
        {"tenant_id": TENANT, "status": JobStatus.FAILED},
        {"tenant_id": TENANT, "status": JobStatus.QUEUED},
        {"tenant_id": TENANT, "recipient": "person@example.com"},
        {"status": JobStatus.QUEUED},
        {"status": JobStatus.INCONSISTENT},
    ],
    ids=str,
)
def test_pages_have_each_job_once_also_of_one_moment(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration, wanted: dict[str, Any], limit: int
) -> None:
    for minutes in (0, 1, 1, 1, 0, 2):
        for one in (acme, other):
            for status in (JobStatus.QUEUED, JobStatus.FAILED, JobStatus.INCONSISTENT):
                accept(store, one, status=status, accepted_at=later(minutes=minutes))
    everything = ids(store, **wanted)
    assert len(everything) >= 6
    assert len(everything) == len(set(everything))
    assert pages(store, JobSearch(**wanted), limit) == everything


# --- what is in flight, and what ended for good ------------------------------------


def test_what_is_in_flight_is_counted_by_its_status(
    store: Store, acme: EmailConfiguration, other: EmailConfiguration
) -> None:
    for status in (*JobStatus, JobStatus.QUEUED, JobStatus.IN_DOUBT, JobStatus.QUEUED):
        accept(store, acme, status=status)
    accept(store, other)
    with store.begin() as tx:
        counts = tx.views.in_flight(acme.e_id)
        assert counts == {JobStatus.QUEUED: 3, JobStatus.SENDING: 1, JobStatus.IN_DOUBT: 2}
        assert sum(counts.values()) == tx.jobs.in_flight(acme.e_id)
        assert tx.views.in_flight(uuid4()) == dict.fromkeys(IN_FLIGHT, 0)


def test_the_open_dead_letter_of_a_job_is_found_until_somebody_puts_it_to_rest(
    store: Store, acme: EmailConfiguration
) -> None:
    failed, fine = accept(store, acme), accept(store, acme)
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=10, lease_seconds=60)
        told = Settlement(failed.e_id, JobStatus.FAILED, error_code="300", error_text="not this one")
        tx.jobs.record(claim.claim_id, [told, Settlement(fine.e_id, JobStatus.SENT)])
    with store.begin() as tx:
        letter = tx.views.letter_of_job(failed.e_id)
        assert letter is not None
        assert (letter.subject, letter.subject_id, letter.error_class) == (Subject.JOB, failed.e_id, "300")
        assert tx.views.letter_of_job(fine.e_id) is None
        assert tx.views.letter_of_job(uuid4()) is None
        assert tx.dead_letters.discard(letter, action(failed.e_id))
    with store.begin() as tx:
        assert tx.views.letter_of_job(failed.e_id) is None
