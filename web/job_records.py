"""Jobs as we answer them."""

import json
from datetime import timedelta
from math import isfinite
from typing import Any
from uuid import UUID, uuid5

from shared.config.settings import Settings
from shared.domain.event import EmailEvent, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.ports.clock import Clock
from web import BASE
from web.intake.decision import decidable_from
from web.moments import milliseconds, milliseconds_or_none
from web.records import AsOf, Metadata, Moment, Output, Record


class JobError(Output):
    """The last thing that went wrong, as the provider said it or as we call it."""

    code: str
    text: str | None


class JobPayload(Output):
    """`awaitsDecision`: it has been in doubt for so long that an operator may decide it."""

    e_id: UUID
    configuration_e_id: UUID
    recipient: str
    status: JobStatus
    tag: str | None
    idempotency_key: str
    accepted_at: Moment
    updated_at: Moment
    due_at: Moment | None
    attempts: int
    worker_deaths: int
    in_doubt_since: Moment | None
    awaits_decision: bool
    provider_message_id: str | None
    error: JobError | None


class Event(Output):
    """`payload` as the provider sent it."""

    e_id: UUID
    kind: EventKind
    occurred_at: Moment | None
    received_at: Moment
    payload: Any


def place_of(job: EmailJob) -> str:
    return f"{BASE}/job/{job.e_id}"


class Jobs:
    """A job keeps no records of its past: ids are made from its version, so that each state has its own."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._clock = clock
        self.doubt_limit = timedelta(hours=settings.send.doubt_limit_hours)

    def record(self, job: EmailJob) -> Record[JobPayload]:
        updated_at = milliseconds(job.updated_at)
        return Record(
            r_id=uuid5(job.e_id, str(job.version)),
            as_of=AsOf(effective=updated_at, recorded=updated_at),
            payload=self._payload(job),
            metadata=Metadata(tenant_id=job.tenant_id),
            author=job.author,
            previous=uuid5(job.e_id, str(job.version - 1)) if job.version else None,
            retired=False,
        )

    def _payload(self, job: EmailJob) -> JobPayload:
        return JobPayload(
            e_id=job.e_id,
            configuration_e_id=job.configuration_id,
            recipient=job.recipient,
            status=job.status,
            tag=job.tag,
            idempotency_key=job.idempotency_key,
            accepted_at=milliseconds(job.accepted_at),
            updated_at=milliseconds(job.updated_at),
            due_at=milliseconds_or_none(job.due_at),
            attempts=job.attempts,
            worker_deaths=job.worker_deaths,
            in_doubt_since=milliseconds_or_none(job.in_doubt_since),
            awaits_decision=self._awaits_decision(job),
            provider_message_id=job.provider_message_id,
            error=JobError(code=job.error_code, text=job.error_text) if job.error_code else None,
        )

    def _awaits_decision(self, job: EmailJob) -> bool:
        """By this process's clock: for people to look at. Whether a decision is taken is by the database's."""
        decidable = decidable_from(job, self.doubt_limit)
        return decidable is not None and decidable <= self._clock.now()


def _number(text: str) -> float | str:
    """What no float can hold stays as it was written: JSON has no word for infinity."""
    number = float(text)
    return number if isfinite(number) else text


def event_of(event: EmailEvent) -> Event:
    return Event(
        e_id=event.e_id,
        kind=event.facts.kind,
        occurred_at=milliseconds_or_none(event.facts.occurred_at),
        received_at=milliseconds(event.received_at),
        payload=json.loads(event.raw, parse_float=_number),
    )
