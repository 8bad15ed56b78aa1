"""Dead letters: counted, found, and put to rest by somebody."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Interval,
    ScalarSelect,
    Text,
    Update,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.job import JobStatus
from shared.persistence import actions
from shared.persistence.claims import AGAIN, CHANGED
from shared.persistence.sets import constant, parameter, rows_of, run
from shared.persistence.tables import (
    EventStatus,
    dead_letter,
    email_configuration,
    email_event,
    email_job,
    handler_fault,
)
from shared.ports.clock import NewId
from shared.ports.dead_letters import HandlerFault

_letter = dead_letter.c
_fault = handler_fault.c
_job = email_job.c
_event = email_event.c
_configuration = email_configuration.c


def _count() -> Any:
    first = insert(handler_fault).values(
        actor=parameter("actor", Text),
        row_id=parameter("row_id"),
        in_a_row=1,
        raised_at=func.clock_timestamp(),
    )
    forgotten = _fault.raised_at < first.excluded.raised_at - parameter("forget_after", Interval)
    return first.on_conflict_do_update(
        index_elements=[_fault.actor, _fault.row_id],
        set_={
            "in_a_row": case((forgotten, 1), else_=_fault.in_a_row + 1),
            "raised_at": first.excluded.raised_at,
        },
    ).returning(_fault.in_a_row)


_COUNT_FAULT = _count()


def _of_configuration(column: Column[UUID]) -> ScalarSelect[UUID]:
    """None for a row that is no configuration."""
    return select(column).where(_configuration.e_id == parameter("row_id")).scalar_subquery()


def _bury() -> Any:
    values = {
        "e_id": parameter("letter_id"),
        "subject": constant(Subject.MESSAGE),
        "subject_id": parameter("row_id"),
        "actor": parameter("actor", Text),
        "tenant_id": _of_configuration(_configuration.tenant_id),
        "configuration_id": _of_configuration(_configuration.e_id),
        "error_class": parameter("error_class", Text),
        "reason": parameter("reason", Text),
        "attempts": parameter("attempts", Integer),
        "traceback": parameter("traceback", Text),
        "raised_at": func.now(),
        "rest": constant(Rest.OPEN),
    }
    first = insert(dead_letter).values(values)
    newest = ("error_class", "reason", "attempts", "traceback", "raised_at")
    return first.on_conflict_do_update(
        index_elements=[_letter.subject, _letter.subject_id, _letter.actor],
        index_where=_letter.rest == constant(Rest.OPEN),
        set_={name: first.excluded[name] for name in newest},
    )


_BURY_MESSAGE = _bury()

_HOLD_OPEN = (
    select(_letter.e_id)
    .where(_letter.e_id == parameter("e_id"), _letter.rest == constant(Rest.OPEN))
    .with_for_update(key_share=True)
)
_REST = (
    update(dead_letter)
    .where(_letter.e_id == parameter("e_id"))
    .values(rest=parameter("rest", Text), rested_at=func.now())
)
_FORGET = delete(handler_fault).where(
    _fault.actor == parameter("actor", Text), _fault.row_id == parameter("row_id")
)
# Held so that nobody retires the configuration meanwhile: a job put back there would wait for ever.
_STILL_THERE = (
    select(_configuration.e_id)
    .where(_configuration.e_id == parameter("configuration_id"), _configuration.retired_at.is_(None))
    .with_for_update(read=True)
)
_JOB_AGAIN = (
    update(email_job)
    .where(_job.e_id == parameter("subject_id"), _job.status == constant(JobStatus.FAILED))
    .values(status=constant(JobStatus.QUEUED), attempts=0, **AGAIN, **CHANGED)
)
_EVENT_AGAIN = (
    update(email_event)
    .where(_event.e_id == parameter("subject_id"), _event.status == constant(EventStatus.PARKED))
    .values(status=constant(EventStatus.PENDING), due_at=func.now())
)


class PostgresDeadLetters:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def count_fault(self, fault: HandlerFault, *, dead_after: int, forget_after_seconds: float) -> int:
        counted = {
            "actor": fault.actor,
            "row_id": fault.row_id,
            "forget_after": timedelta(seconds=forget_after_seconds),
        }
        in_a_row = int(run(self._connection, _COUNT_FAULT, counted).scalar_one())
        if in_a_row >= dead_after:
            told = {**asdict(fault), "letter_id": self._new_id(), "attempts": in_a_row}
            run(self._connection, _BURY_MESSAGE, told)
        return in_a_row

    def find(self, wanted: DeadLetterFilter, *, limit: int, after: UUID | None = None) -> list[DeadLetter]:
        asked = select(dead_letter).where(*_conditions(wanted)).order_by(_letter.e_id).limit(limit)
        if after is not None:
            asked = asked.where(_letter.e_id > after)
        return [letter_of(row) for row in rows_of(self._connection, asked)]

    def count_by_class(self, wanted: DeadLetterFilter) -> Mapping[tuple[str, str], int]:
        by = (_letter.subject, _letter.error_class)
        asked = select(*by, func.count()).where(*_conditions(wanted)).group_by(*by)
        return {
            (subject, error_class): count for subject, error_class, count in self._connection.execute(asked)
        }

    def replay(self, letter: DeadLetter, action: OperatorAction) -> bool:
        if not self._hold_open(letter) or not self._put_back(letter):
            return False
        self._rest(letter, Rest.REPLAYED, action)
        return True

    def discard(self, letter: DeadLetter, action: OperatorAction) -> bool:
        if not self._hold_open(letter):
            return False
        self._rest(letter, Rest.DISCARDED, action)
        return True

    def _hold_open(self, letter: DeadLetter) -> bool:
        return run(self._connection, _HOLD_OPEN, {"e_id": letter.e_id}).first() is not None

    def _put_back(self, letter: DeadLetter) -> bool:
        match letter.subject:
            case Subject.JOB:
                return self._is_there(letter.configuration_id) and self._moves(_JOB_AGAIN, letter)
            case Subject.EVENT:
                return self._moves(_EVENT_AGAIN, letter)
            case Subject.MESSAGE:
                return True

    def _is_there(self, configuration_id: UUID | None) -> bool:
        wanted = {"configuration_id": configuration_id}
        return run(self._connection, _STILL_THERE, wanted).first() is not None

    def _moves(self, again: Update, letter: DeadLetter) -> bool:
        return run(self._connection, again, {"subject_id": letter.subject_id}).rowcount == 1

    def _rest(self, letter: DeadLetter, rest: Rest, action: OperatorAction) -> None:
        run(self._connection, _REST, {"e_id": letter.e_id, "rest": rest.value})
        if letter.subject is Subject.MESSAGE:
            run(self._connection, _FORGET, {"actor": letter.actor, "row_id": letter.subject_id})
        actions.keep(self._connection, action)


def _conditions(wanted: DeadLetterFilter) -> list[ColumnElement[bool]]:
    given: list[tuple[object, Callable[[Any], ColumnElement[bool]]]] = [
        (wanted.subject, _letter.subject.__eq__),
        (wanted.error_class, _letter.error_class.__eq__),
        (wanted.tenant_id, _letter.tenant_id.__eq__),
        (wanted.configuration_id, _letter.configuration_id.__eq__),
        (wanted.actor, _letter.actor.__eq__),
        (wanted.raised_from, _letter.raised_at.__ge__),
        (wanted.raised_until, _letter.raised_at.__lt__),
    ]
    asked = [condition(value) for value, condition in given if value is not None]
    return [_letter.rest == constant(wanted.rest), *asked]


def letter_of(row: Mapping[str, Any]) -> DeadLetter:
    return DeadLetter(**{**row, "subject": Subject(row["subject"]), "rest": Rest(row["rest"])})
