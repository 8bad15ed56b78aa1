"""Jobs whose provider's answer was lost, as workers leave them behind."""

from datetime import timedelta
from uuid import UUID

from shared.domain.job import EmailJob, JobStatus, Settlement
from tests.fakes.store import MemoryStore
from tests.unit.web.api import CONFIGURATION, TENANT, Api, a_configuration, a_job

CLAIM = UUID(int=0xC1A1)
# Hours, as the settings have it by default.
LIMIT = timedelta(hours=4)


def job_of(store: MemoryStore, e_id: UUID) -> EmailJob:
    with store.begin() as tx:
        job = tx.jobs.get(TENANT, e_id)
    assert job is not None
    return job


def accepted(api: Api, store: MemoryStore, key: str = "k1") -> UUID:
    if key == "k1":
        a_configuration(store)
    return UUID(api.send(a_job(), key=key).get_json()["payload"]["eId"])


def claimed(api: Api, store: MemoryStore, claim_id: UUID = CLAIM) -> UUID:
    e_id = accepted(api, store)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=claim_id, limit=10, lease_seconds=60)
    return e_id


def in_doubt(api: Api, store: MemoryStore, *, age: timedelta = LIMIT) -> UUID:
    """In doubt for `age`, by now."""
    e_id = claimed(api, store)
    due_at = store.clock.now() + timedelta(seconds=15)
    doubt = Settlement(e_id, JobStatus.IN_DOUBT, due_at=due_at, error_code="read_timeout", error_text="lost")
    with store.begin() as tx:
        tx.jobs.record(CLAIM, [doubt])
    store.advance(age)
    return e_id
