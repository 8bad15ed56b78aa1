"""Jobs are accepted once per key of a tenant, whole, with their contents."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob, JobStatus
from shared.domain.mail import Attachment
from shared.persistence.faults import DatabaseFault
from shared.ports.jobs import NewJob
from shared.ports.store import Store
from tests.factories import OTHER_TENANT, TENANT, content, job, later, new_job


def accept(store: Store, *jobs: NewJob) -> list[bool]:
    with store.begin() as tx:
        accepted = tx.jobs.accept(jobs)
    return [new.job.e_id in accepted for new in jobs]


def every_field(acme: EmailConfiguration) -> EmailJob:
    return job(
        acme,
        recipient="person+tag@example.com",
        body_hash=b"\x09" * 32,
        status=JobStatus.IN_DOUBT,
        tag="receipts",
        due_at=later(seconds=1),
        attempts=2,
        claim_id=uuid4(),
        lease_until=later(seconds=2),
        in_doubt_since=later(seconds=3),
        late_looks=1,
        provider_message_id="message-1",
        error_code="500",
        error_text="the provider said: 100 % unknown",
        trace="0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        version=5,
    )


def test_a_job_is_read_as_it_was_accepted(store: Store, acme: EmailConfiguration) -> None:
    plain, full = new_job(acme), NewJob(every_field(acme), content(tag="receipts"))
    assert accept(store, plain, full) == [True, True]
    with store.begin() as tx:
        assert tx.jobs.get(TENANT, plain.job.e_id) == plain.job
        assert tx.jobs.get(TENANT, full.job.e_id) == full.job


def test_another_tenants_job_is_none(store: Store, acme: EmailConfiguration) -> None:
    new = new_job(acme)
    accept(store, new)
    with store.begin() as tx:
        assert tx.jobs.get(OTHER_TENANT, new.job.e_id) is None


def test_a_contents_every_part_comes_back_with_the_claim(store: Store, acme: EmailConfiguration) -> None:
    written = content(
        subject="Grüße ✉ 'quoted' \"doubly\" {braces} \\back",
        html_body="<p>50 % off, {} and %s</p>",
        text_body="line\nline\ttab",
        reply_to_email="desk@example.com",
        tag="receipts",
        metadata={"order": "7", "": "empty key", "a,b": "{}"},
        attachments=(
            Attachment("a.pdf", "application/pdf", "JVBERi0="),
            Attachment("ü.txt", "text/plain", ""),
        ),
    )
    accept(store, NewJob(job(acme, tag="receipts"), written))
    with store.begin() as tx:
        (claimed,) = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=1, lease_seconds=60).jobs
    assert claimed.content == written


def test_a_content_with_nothing_optional_comes_back_so(store: Store, acme: EmailConfiguration) -> None:
    accept(store, NewJob(job(acme), content()))
    with store.begin() as tx:
        (claimed,) = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=1, lease_seconds=60).jobs
    assert claimed.content == content()


def test_a_key_of_the_tenant_is_accepted_once(store: Store, acme: EmailConfiguration) -> None:
    first, second = (new_job(acme, idempotency_key="order-7") for _ in range(2))
    assert accept(store, first) == [True]
    assert accept(store, second, new_job(acme)) == [False, True]
    with store.begin() as tx:
        assert tx.jobs.get(TENANT, second.job.e_id) is None
        assert tx.jobs.find_by_keys(TENANT, ["order-7"]) == {"order-7": first.job}
        assert tx.jobs.in_flight(acme.e_id) == 2


def test_a_key_that_is_twice_in_one_batch_is_accepted_once(store: Store, acme: EmailConfiguration) -> None:
    batch = [new_job(acme, idempotency_key="order-7") for _ in range(3)]
    assert sum(accept(store, *batch)) == 1


def test_another_tenant_may_use_the_same_key(store: Store, acme: EmailConfiguration) -> None:
    mine = new_job(acme, idempotency_key="order-7")
    theirs = NewJob(replace(mine.job, e_id=uuid4(), tenant_id=OTHER_TENANT), mine.content)
    assert accept(store, mine, theirs) == [True, True]
    with store.begin() as tx:
        assert tx.jobs.find_by_keys(OTHER_TENANT, ["order-7"]) == {"order-7": theirs.job}


def test_keys_that_nobody_used_are_not_found(store: Store, acme: EmailConfiguration) -> None:
    accept(store, new_job(acme, idempotency_key="used"))
    with store.begin() as tx:
        assert set(tx.jobs.find_by_keys(TENANT, ["used", "unused", "USED"])) == {"used"}
        assert tx.jobs.find_by_keys(TENANT, []) == {}


def test_five_hundred_jobs_are_accepted_at_once(store: Store, acme: EmailConfiguration) -> None:
    assert all(accept(store, *(new_job(acme) for _ in range(500))))
    with store.begin() as tx:
        assert tx.jobs.in_flight(acme.e_id) == 500


def test_accepting_nothing_is_no_error(store: Store) -> None:
    assert accept(store) == []


def test_a_job_of_a_configuration_that_does_not_exist_is_refused(store: Store) -> None:
    with pytest.raises(DatabaseFault, match="fk_email_job_configuration_id"):
        accept(store, new_job())


@pytest.mark.parametrize(
    ("status", "rule"),
    [
        (JobStatus.QUEUED, "waiting_is_due"),
        (JobStatus.SENDING, "sending_is_leased"),
    ],
)
def test_a_job_that_nobody_would_ever_look_at_is_refused(
    store: Store, acme: EmailConfiguration, status: JobStatus, rule: str
) -> None:
    with pytest.raises(DatabaseFault, match=rule):
        accept(store, new_job(acme, status=status, due_at=None))
