"""Jobs as workers and the provider leave them behind, without any of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent, EventKind
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.ports.events import EventHeaders
from tests import factories
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION

CLAIM = UUID(int=0xC1A1)
# Hours, as the settings have it by default.
LIMIT = timedelta(hours=4)


def job_of(store: MemoryStore, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        job = tx.views.job(e_id)
    assert job is not None
    return job


def held(store: MemoryStore, e_id: UUID = CONFIGURATION) -> EmailConfiguration:
    with store.begin() as tx:
        configuration = tx.configurations.get(e_id)
    assert configuration is not None
    return configuration


def accepted(store: MemoryStore, **given: Any) -> UUID:
    """Just now."""
    now = store.clock.now()
    times = {"accepted_at": now, "updated_at": now, "due_at": now}
    new = factories.new_job(held(store), **{**times, **given})
    with store.begin() as tx:
        assert tx.jobs.accept([new])
    return new.job.e_id


def of_status(store: MemoryStore, status: JobStatus, **given: Any) -> UUID:
    """With what a job of this status has to have besides."""
    now = store.clock.now()
    besides: dict[JobStatus, dict[str, Any]] = {
        JobStatus.SENDING: {"claim_id": CLAIM, "lease_until": now + timedelta(seconds=60)},
        JobStatus.IN_DOUBT: {"claim_id": CLAIM, "in_doubt_since": now},
    }
    waits = status in (JobStatus.QUEUED, JobStatus.IN_DOUBT)
    due = {} if waits else {"due_at": None}
    return accepted(store, status=status, **{**due, **besides.get(status, {}), **given})


def claimed(store: MemoryStore, claim_id: UUID = CLAIM, **given: Any) -> UUID:
    e_id = accepted(store, **given)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=claim_id, limit=10, lease_seconds=60)
    return e_id


def settled(store: MemoryStore, e_id: UUID, status: JobStatus, claim_id: UUID = CLAIM, **given: Any) -> None:
    with store.begin() as tx:
        tx.jobs.record(claim_id, [Settlement(e_id, status, **given)])


def sent(store: MemoryStore, **given: Any) -> UUID:
    e_id = claimed(store, **given)
    settled(store, e_id, JobStatus.SENT, provider_message_id="m-1")
    return e_id


def doubted(store: MemoryStore, e_id: UUID, claim_id: UUID = CLAIM) -> None:
    due_at = store.clock.now() + timedelta(seconds=15)
    told = {"due_at": due_at, "error_code": "read_timeout", "error_text": "lost"}
    settled(store, e_id, JobStatus.IN_DOUBT, claim_id, **told)


def in_doubt(store: MemoryStore, *, age: timedelta = LIMIT, **given: Any) -> UUID:
    """In doubt for `age`, by now."""
    e_id = claimed(store, **given)
    doubted(store, e_id)
    store.advance(age)
    return e_id


def told(store: MemoryStore, e_id: UUID, kind: EventKind, *, raw: str = "{}", **facts: Any) -> EmailEvent:
    """The provider has told something of a job, two seconds after it happened, and it was joined to it."""
    now = store.clock.now()
    happened = {"occurred_at": now - timedelta(seconds=2), **facts}
    event = factories.event(
        held(store, job_of(store, e_id).configuration_id),
        factories.facts(kind, **happened),
        received_at=now,
        raw=raw,
    )
    with store.begin() as tx:
        assert tx.events.add(event, EventHeaders())
        tx.events.mark_projected({event.e_id: e_id})
    return event


def inconsistent(store: MemoryStore) -> UUID:
    """Bounced, and delivered after that."""
    e_id = sent(store)
    told(store, e_id, EventKind.BOUNCE, hard_bounce=True)
    told(store, e_id, EventKind.DELIVERY)
    become(store, e_id, JobStatus.INCONSISTENT)
    return e_id


def become(store: MemoryStore, e_id: UUID, status: JobStatus) -> None:
    job = job_of(store, e_id)
    with store.begin() as tx:
        tx.jobs.set_status(job, status, provider_message_id=None)
