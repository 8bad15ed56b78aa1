"""A job that is offered passes every gate, or leaves no row."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import EmailJob
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.mail import Attachment
from shared.ports.jobs import OfferedJob
from shared.ports.store import Store
from tests.contract.store.test_arrivals import arrivals
from tests.contract.store.test_recoveries import begun
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    content,
    new_job,
    sendable,
    suppression,
)

__all__ = ["arrivals"]

WRITTEN = content(
    subject="Grüße",
    html_body="<p>50 %</p>",
    text_body="line\nline",
    reply_to_email="desk@example.com",
    tag="receipts",
    metadata={"order": "7"},
    attachments=(Attachment("a.pdf", "application/pdf", "JVBERi0="),),
)


def an_offer(of: EmailConfiguration, **changes: Any) -> OfferedJob:
    values: dict[str, Any] = {
        "e_id": uuid4(),
        "configuration_id": of.e_id,
        "recipient": "person@example.com",
        "idempotency_key": f"key-{uuid4()}",
        "body_hash": b"\x09" * 32,
        "author": "caller",
        "trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
        "content": WRITTEN,
    }
    return OfferedJob(**(values | changes))


def offer(store: Store, *jobs: OfferedJob, tenant_id: UUID = TENANT) -> list[bool]:
    with store.begin() as tx:
        accepted = tx.jobs.offer(tenant_id, jobs)
    return [one.e_id in accepted for one in jobs]


def kept(store: Store, e_id: UUID) -> EmailJob | None:
    with store.begin() as tx:
        return tx.jobs.get(TENANT, e_id)


def test_what_passes_is_a_job_that_is_due_and_claimed_with_all_it_contains(
    store: Store, acme: EmailConfiguration
) -> None:
    offered = an_offer(acme)
    with store.begin() as tx:
        accepted_at = tx.jobs.offer(TENANT, [offered])[offered.e_id]
        assert accepted_at == tx.now()
    assert kept(store, offered.e_id) == offered.accepted(TENANT, accepted_at)
    with store.begin() as tx:
        (claimed,) = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=9, lease_seconds=60).jobs
    assert (claimed.e_id, claimed.recipient, claimed.content) == (offered.e_id, offered.recipient, WRITTEN)


REFUSING: dict[str, dict[str, Any]] = {
    "locked": {"administrative": Administrative.LOCKED},
    "draining": {"administrative": Administrative.LOCKING},
    "retired": {"retired_at": LONG_AGO},
    "of another tenant": {"tenant_id": OTHER_TENANT},
    **{
        state.value: {"operational": state}
        for state in Operational
        if state not in (Operational.OK, Operational.DEGRADED)
    },
}


@pytest.mark.parametrize("why", REFUSING)
def test_a_configuration_that_cannot_send_lets_none_through(store: Store, why: str) -> None:
    closed = replace(sendable(), **REFUSING[why])
    with store.begin() as tx:
        tx.configurations.add(closed, CREATED)
    assert offer(store, an_offer(closed)) == [False]


def test_a_degraded_configuration_sends(store: Store) -> None:
    degraded = replace(sendable(), operational=Operational.DEGRADED)
    with store.begin() as tx:
        tx.configurations.add(degraded, CREATED)
    assert offer(store, an_offer(degraded)) == [True]


def test_a_configuration_that_nobody_has_lets_none_through(store: Store) -> None:
    assert offer(store, an_offer(configuration())) == [False]


def test_each_job_of_many_is_decided_by_itself(store: Store, acme: EmailConfiguration) -> None:
    known = new_job(acme)
    with store.begin() as tx:
        tx.jobs.accept([known])
        tx.suppressions.add(suppression(address="listed@example.com"))
    jobs = [
        an_offer(acme),
        an_offer(acme, idempotency_key=known.job.idempotency_key),
        an_offer(acme, recipient="listed@example.com"),
        an_offer(configuration()),
        an_offer(acme, content=content()),
    ]
    assert offer(store, *jobs) == [True, False, False, False, True]
    assert [kept(store, one.e_id) is not None for one in jobs] == [True, False, False, False, True]


def test_nothing_is_offered_without_harm(store: Store) -> None:
    assert offer(store) == []


def test_while_a_recovery_is_open_none_passes(store: Store, acme: EmailConfiguration) -> None:
    begun(store)
    assert offer(store, an_offer(acme)) == [False]


def test_one_alone_passes_as_in_a_transaction(store: Store, acme: EmailConfiguration, arrivals: Any) -> None:
    offered = an_offer(acme)
    accepted_at = arrivals.job(TENANT, offered)
    assert kept(store, offered.e_id) == offered.accepted(TENANT, accepted_at)
    assert arrivals.job(TENANT, replace(offered, e_id=uuid4())) is None
