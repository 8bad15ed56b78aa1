"""Dead letters: counted, found, and put to rest by somebody."""

from collections.abc import Callable, Mapping, Sequence
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
    case,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.audit import OperatorAction
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.persistence import actions
from shared.persistence.letters_again import hold_open, lay_to_rest, put_back
from shared.persistence.sets import constant, parameter, rows_of, run
from shared.persistence.tables import dead_letter, email_configuration, handler_fault
from shared.ports.clock import NewId
from shared.ports.dead_letters import HandlerFault

_letter = dead_letter.c
_fault = handler_fault.c
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
        return bool(self.replay_all([(letter, action)]))

    def replay_all(self, letters: Sequence[tuple[DeadLetter, OperatorAction]]) -> set[UUID]:
        again = put_back(self._connection, [letter for letter, _ in letters])
        self._rest(again, Rest.REPLAYED, letters)
        return {letter.e_id for letter in again}

    def discard(self, letter: DeadLetter, action: OperatorAction) -> bool:
        still = hold_open(self._connection, [letter])
        self._rest(still, Rest.DISCARDED, [(letter, action)])
        return bool(still)

    def _rest(
        self,
        letters: Sequence[DeadLetter],
        rest: Rest,
        reasons: Sequence[tuple[DeadLetter, OperatorAction]],
    ) -> None:
        lay_to_rest(self._connection, letters, rest)
        resting = {letter.e_id for letter in letters}
        actions.keep_all(self._connection, [action for letter, action in reasons if letter.e_id in resting])


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
