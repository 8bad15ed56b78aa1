"""What checks of tenants' domains found: a row is a run of checks in a row that found the same.

Who records holds the configuration's row, so that two workers at once lengthen one run instead of beginning two.
"""

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Integer, delete, func, insert, select, update

from shared.domain.errors import NotFound
from shared.domain.verification import Check, CheckRun
from shared.persistence.sets import parameter, rows_of, run
from shared.persistence.tables import email_configuration, verification_check
from shared.ports.checks import KEPT

_column = verification_check.c
_FOUND = tuple(field.name for field in fields(Check))
_OF_CONFIGURATION = _column.configuration_id == parameter("configuration_id")


def _newest(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(func.max(column)).where(_OF_CONFIGURATION).scalar_subquery()


_HOLD = (
    select(email_configuration.c.e_id)
    .where(email_configuration.c.e_id == parameter("configuration_id"))
    .with_for_update(key_share=True)
)
_LENGTHEN = (
    update(verification_check)
    .where(
        _OF_CONFIGURATION,
        _column.first_at == _newest(_column.first_at),
        *(_column[name].is_not_distinct_from(parameter(name, _column[name].type)) for name in _FOUND),
    )
    .values(times=_column.times + 1, last_at=func.greatest(_column.last_at, func.now()))
)
# After the one before it, whatever the clock says: this transaction may have begun before that one's.
_BEGINS_AT = func.greatest(func.now(), _newest(_column.last_at) + timedelta(microseconds=1))
_BEGIN = insert(verification_check).values(
    configuration_id=parameter("configuration_id"),
    first_at=_BEGINS_AT,
    last_at=_BEGINS_AT,
    times=1,
    **{name: parameter(name, _column[name].type) for name in _FOUND},
)
_NEWEST_FIRST = select(verification_check).where(_OF_CONFIGURATION).order_by(_column.first_at.desc())
_LAST_KEPT = _NEWEST_FIRST.with_only_columns(_column.first_at).offset(KEPT - 1).limit(1)
_FORGET = delete(verification_check).where(_OF_CONFIGURATION, _column.first_at < _LAST_KEPT.scalar_subquery())
_LATEST = _NEWEST_FIRST.limit(parameter("limit", Integer))


class PostgresChecks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, configuration_id: UUID, check: Check) -> None:
        held = {"configuration_id": configuration_id}
        if run(self._connection, _HOLD, held).first() is None:
            raise NotFound("no such configuration")
        if run(self._connection, _LENGTHEN, {**held, **asdict(check)}).rowcount == 0:
            run(self._connection, _BEGIN, {**held, **asdict(check)})
            run(self._connection, _FORGET, held)

    def latest(self, configuration_id: UUID, limit: int = 20) -> list[CheckRun]:
        wanted = {"configuration_id": configuration_id, "limit": limit}
        return [_run_of(row) for row in rows_of(self._connection, _LATEST, wanted)]


def _run_of(row: dict[str, Any]) -> CheckRun:
    return CheckRun(
        check=Check(**{name: row[name] for name in _FOUND}),
        first_at=row["first_at"],
        last_at=row["last_at"],
        times=row["times"],
    )
