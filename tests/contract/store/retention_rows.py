"""Rows that are old, and their removal as a worker does it."""

from itertools import count
from typing import Any
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventFacts
from shared.domain.job import EmailJob, JobStatus
from shared.domain.retention import Kind, Pass
from shared.persistence.ids import first_id_at
from shared.ports.events import EventHeaders
from shared.ports.retention import Slice
from shared.ports.store import Store
from tests import factories
from tests.factories import LONG_AGO

_number = count(1)
# Whatever is there by now is old enough.
ALL_DAYS = -1.0


def old_id() -> UUID:
    """As it was made long ago; each is later than the ones before."""
    return UUID(int=first_id_at(LONG_AGO).int + next(_number))


def old_job(store: Store, acme: EmailConfiguration, status: JobStatus, **given: Any) -> EmailJob:
    """With its content. It was left in this status long ago."""
    job_id = old_id()
    waits = status in {JobStatus.QUEUED, JobStatus.IN_DOUBT}
    fields: dict[str, Any] = {
        "e_id": job_id,
        "status": status,
        "due_at": LONG_AGO if waits else None,
        "claim_id": uuid4(),
        "lease_until": LONG_AGO,
        "in_doubt_since": LONG_AGO,
        "provider_message_id": f"message-{job_id}",
    }
    new = factories.new_job(acme, **{**fields, **given})
    with store.begin() as tx:
        assert tx.jobs.accept([new]) == {job_id}
    return new.job


def old_event(
    store: Store,
    acme: EmailConfiguration,
    told: EventFacts,
    *,
    of: UUID | None = None,
    projected: bool = True,
) -> UUID:
    """Of the job `of`, if it is projected."""
    event = factories.event(acme, told, e_id=old_id())
    with store.begin() as tx:
        assert tx.events.add(event, EventHeaders())
        if projected:
            tx.events.mark_projected({event.e_id: of})
    return event.e_id


def begin(store: Store, kind: Kind, *, keep_days: float = ALL_DAYS, lease_seconds: float = 60) -> Pass:
    with store.begin() as tx:
        tx.retention.ask(kind)
        pass_ = tx.retention.begin(kind, keep_days=keep_days, lease_seconds=lease_seconds)
    assert pass_ is not None
    return pass_


def remove_slice(store: Store, pass_: Pass, *, rows: int = 100, lease_seconds: float = 60) -> Slice:
    with store.begin() as tx:
        return tx.retention.remove(pass_, rows=rows, lease_seconds=lease_seconds)


def going_on(pass_: Pass, slice_: Slice) -> Pass:
    return Pass(pass_.kind, pass_.token, pass_.until, slice_.cursor)


def removed(store: Store, kind: Kind, *, keep_days: float = ALL_DAYS, rows: int = 100) -> int:
    """How many rows went in a whole pass."""
    pass_, total, done = begin(store, kind, keep_days=keep_days), 0, False
    while not done:
        slice_ = remove_slice(store, pass_, rows=rows)
        total, done, pass_ = total + slice_.removed, slice_.done, going_on(pass_, slice_)
    return total
