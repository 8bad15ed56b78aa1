"""Statements that put dead letters back to work: each is one round trip, whatever the number of letters.

Configurations are locked first, then letters, then what they are about, each in the order of their ids: two that want
some of the same letters queue up instead of ending in a deadlock.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Text, Uuid, delete, func, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from shared.domain.dead_letter import DeadLetter, Rest, Subject
from shared.domain.job import JobStatus
from shared.persistence.claims import AGAIN, CHANGED
from shared.persistence.sets import any_of, as_arrays, constant, given_rows, ids_of, parameter, run
from shared.persistence.tables import (
    EventStatus,
    dead_letter,
    email_configuration,
    email_event,
    email_job,
    handler_fault,
)

_letter = dead_letter.c
_fault = handler_fault.c
_job = email_job.c
_event = email_event.c
_configuration = email_configuration.c

# Held so that nobody retires the configuration meanwhile: a job put back there would wait for ever.
_STILL_THERE = (
    select(_configuration.e_id)
    .where(any_of(_configuration.e_id, "ids"), _configuration.retired_at.is_(None))
    .order_by(_configuration.e_id)
    .with_for_update(read=True)
)


def _locked(wanted: Select[tuple[UUID]]) -> Select[tuple[UUID]]:
    return wanted.with_for_update(key_share=True)


_HOLD_OPEN = _locked(
    select(_letter.e_id)
    .where(any_of(_letter.e_id, "ids"), _letter.rest == constant(Rest.OPEN))
    .order_by(_letter.e_id)
)
_failed = _locked(
    select(_job.e_id)
    .where(any_of(_job.e_id, "ids"), _job.status == constant(JobStatus.FAILED))
    .order_by(_job.e_id)
).cte("failed")
_JOBS_AGAIN = (
    update(email_job)
    .where(_job.e_id == _failed.c.e_id)
    .values(status=constant(JobStatus.QUEUED), attempts=0, **AGAIN, **CHANGED)
    .returning(_job.e_id)
)
_parked = _locked(
    select(_event.e_id)
    .where(any_of(_event.e_id, "ids"), _event.status == constant(EventStatus.PARKED))
    .order_by(_event.e_id)
).cte("parked")
_EVENTS_AGAIN = (
    update(email_event)
    .where(_event.e_id == _parked.c.e_id)
    .values(status=constant(EventStatus.PENDING), due_at=func.now())
    .returning(_event.e_id)
)
_REST = (
    update(dead_letter)
    .where(any_of(_letter.e_id, "ids"))
    .values(rest=parameter("rest", Text), rested_at=func.now())
)
_COUNTED = {"actor": Text, "row_id": Uuid}
_counted = given_rows(**_COUNTED)
_FORGET = delete(handler_fault).where(_fault.actor == _counted.c.actor, _fault.row_id == _counted.c.row_id)


def hold_open(connection: Connection, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Those that are open, held until the transaction ends."""
    still = set(ids_of(connection, _HOLD_OPEN, {"ids": [letter.e_id for letter in letters]}))
    return [letter for letter in letters if letter.e_id in still]


def put_back(connection: Connection, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Those that were open and whose subjects waited for it; the letters themselves are left as they are."""
    there = _still_there(connection, letters)
    waiting = hold_open(
        connection,
        [one for one in letters if one.subject is not Subject.JOB or one.configuration_id in there],
    )
    moved = {
        Subject.JOB: _move(connection, _JOBS_AGAIN, waiting, Subject.JOB),
        Subject.EVENT: _move(connection, _EVENTS_AGAIN, waiting, Subject.EVENT),
    }
    return [one for one in waiting if one.subject is Subject.MESSAGE or one.subject_id in moved[one.subject]]


def _still_there(connection: Connection, letters: Sequence[DeadLetter]) -> set[UUID | None]:
    """The jobs' configurations that are not retired."""
    ids = {letter.configuration_id for letter in letters if letter.subject is Subject.JOB}
    return set(ids_of(connection, _STILL_THERE, {"ids": list(ids)})) if ids else set()


def _move(
    connection: Connection, again: ReturningUpdate[Any], letters: Sequence[DeadLetter], kind: Subject
) -> set[UUID]:
    ids = [letter.subject_id for letter in letters if letter.subject is kind]
    return set(ids_of(connection, again, {"ids": ids})) if ids else set()


def lay_to_rest(connection: Connection, letters: Sequence[DeadLetter], rest: Rest) -> None:
    if not letters:
        return
    run(connection, _REST, {"ids": [letter.e_id for letter in letters], "rest": rest.value})
    counted = [
        {"actor": letter.actor, "row_id": letter.subject_id}
        for letter in letters
        if letter.subject is Subject.MESSAGE
    ]
    if counted:
        run(connection, _FORGET, as_arrays(_COUNTED, counted))
