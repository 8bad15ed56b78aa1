"""Statements that bury: what ends for good becomes a dead letter in the transaction that ends it."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, Uuid, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.dead_letter import Rest, Subject
from shared.persistence.sets import as_arrays, constant, given_rows, run
from shared.persistence.tables import EventStatus, dead_letter, email_event, email_job
from shared.ports.clock import NewId

# The class of events whose job never came.
UNJOINED = "unjoined"
UNJOINED_REASON = "no job came that this event could be about"

_job = email_job.c
_event = email_event.c

_LETTER = (
    "e_id",
    "subject",
    "subject_id",
    "tenant_id",
    "configuration_id",
    "error_class",
    "reason",
    "attempts",
    "raised_at",
    "rest",
)
_KINDS = {"letter_id": Uuid, "subject_id": Uuid}
_given = given_rows(**_KINDS)

_BURY_JOBS = (
    insert(dead_letter)
    .from_select(
        _LETTER,
        select(
            _given.c.letter_id,
            constant(Subject.JOB),
            _job.e_id,
            _job.tenant_id,
            _job.configuration_id,
            func.coalesce(_job.error_code, ""),
            func.coalesce(_job.error_text, ""),
            _job.attempts,
            func.now(),
            constant(Rest.OPEN),
        ).join_from(_given, email_job, _job.e_id == _given.c.subject_id),
    )
    .on_conflict_do_nothing()
)
_parked = (
    update(email_event)
    .where(_event.e_id == _given.c.subject_id, _event.status == constant(EventStatus.PENDING))
    .values(status=constant(EventStatus.PARKED), due_at=null())
    .returning(_given.c.letter_id, _event.e_id, _event.tenant_id, _event.configuration_id, _event.kind)
    .cte("parked")
)
_PARK_EVENTS = (
    insert(dead_letter)
    .from_select(
        _LETTER,
        select(
            _parked.c.letter_id,
            constant(Subject.EVENT),
            _parked.c.e_id,
            _parked.c.tenant_id,
            _parked.c.configuration_id,
            literal_column(f"'{UNJOINED}'"),
            literal_column(f"'{UNJOINED_REASON}: '") + _parked.c.kind,
            # Events do not count how often they were looked at.
            literal_column("0"),
            func.now(),
            constant(Rest.OPEN),
        ),
    )
    .on_conflict_do_nothing()
)


def bury_jobs(connection: Connection, new_id: NewId, job_ids: Sequence[UUID]) -> None:
    """Of jobs that are FAILED by now."""
    if job_ids:
        run(connection, _BURY_JOBS, _with_ids(new_id, job_ids))


def park_events(connection: Connection, new_id: NewId, event_ids: Collection[UUID]) -> None:
    if event_ids:
        run(connection, _PARK_EVENTS, _with_ids(new_id, event_ids))


def _with_ids(new_id: NewId, subject_ids: Collection[UUID]) -> dict[str, object]:
    rows = [{"letter_id": new_id(), "subject_id": subject_id} for subject_id in subject_ids]
    return as_arrays(_KINDS, rows)
