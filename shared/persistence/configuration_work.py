"""Work on configurations: who holds it, and what is waiting for somebody."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Interval, and_, case, func, or_, select, update

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence.configuration_rows import configuration_of
from shared.persistence.sets import after, constant, first_of, ids_of, parameter, run
from shared.persistence.tables import email_configuration

_column = email_configuration.c

_THERE = _column.retired_at.is_(None)
_FREE = or_(_column.lease_until.is_(None), _column.lease_until <= func.now())
_AWAITING = and_(_THERE, _column.operational == constant(Operational.AWAITING_VERIFICATION))
_VERIFICATION_DUE = and_(_AWAITING, _column.verification_due_at <= func.now())
_WINDOW_END = _column.verification_started_at + parameter("window", Interval)
# At the end of the window at the latest; when that is over, the check that closes it may yet have to be repeated.
_NEXT_CHECK = case(
    (func.now() < _WINDOW_END, func.least(after("pause"), _WINDOW_END)),
    else_=after("pause"),
)


class ConfigurationWork:
    _connection: Connection

    def take_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        mine_or_free = or_(_FREE, _column.lease_token == token)
        statement = update(email_configuration).where(_column.e_id == e_id, mine_or_free)
        leased = statement.values(lease_token=token, lease_until=after("lease"))
        return run(self._connection, leased, {"lease": timedelta(seconds=lease_seconds)}).rowcount == 1

    def renew_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        statement = update(email_configuration).where(_column.e_id == e_id, _column.lease_token == token)
        renewed = statement.values(lease_until=after("lease"))
        return run(self._connection, renewed, {"lease": timedelta(seconds=lease_seconds)}).rowcount == 1

    def drop_lease(self, e_id: UUID, *, token: UUID) -> None:
        statement = update(email_configuration).where(_column.e_id == e_id, _column.lease_token == token)
        self._connection.execute(statement.values(lease_token=None, lease_until=None))

    def take_verification(
        self, e_id: UUID, *, next_due_seconds: float, window_seconds: float
    ) -> EmailConfiguration | None:
        statement = update(email_configuration).where(_column.e_id == e_id, _VERIFICATION_DUE)
        taken = statement.values(verification_due_at=_NEXT_CHECK).returning(email_configuration)
        seconds = {
            "pause": timedelta(seconds=next_due_seconds),
            "window": timedelta(seconds=window_seconds),
        }
        row = first_of(self._connection, taken, seconds)
        return None if row is None else configuration_of(row)

    def put_back_verification(self, e_id: UUID, *, due_in_seconds: float) -> None:
        statement = update(email_configuration).where(_column.e_id == e_id, _AWAITING)
        due = statement.values(verification_due_at=after("pause"))
        run(self._connection, due, {"pause": timedelta(seconds=due_in_seconds)})

    def count_send_fault(self, e_id: UUID) -> int:
        statement = update(email_configuration).where(_column.e_id == e_id)
        counted = statement.values(send_faults_in_a_row=_column.send_faults_in_a_row + 1)
        count: int | None = self._connection.scalar(counted.returning(_column.send_faults_in_a_row))
        if count is None:
            raise NotFound("no such configuration")
        return count

    def clear_send_faults(self, e_id: UUID) -> None:
        # Asked after every batch that went well: the second condition makes that a read.
        statement = update(email_configuration).where(_column.e_id == e_id, _column.send_faults_in_a_row > 0)
        self._connection.execute(statement.values(send_faults_in_a_row=0))

    def due_for_verification(self, limit: int) -> list[UUID]:
        return self._waiting(_VERIFICATION_DUE, since=_column.verification_due_at, limit=limit)

    def provisioning_without_lease(self, limit: int) -> list[UUID]:
        provisioning = and_(_THERE, _column.operational == constant(Operational.PROVISIONING), _FREE)
        return self._waiting(provisioning, since=_column.updated_at, limit=limit)

    def removal_without_lease(self, limit: int) -> list[UUID]:
        removal = and_(_column.retired_at.is_not(None), _column.cleaned_up_at.is_(None), _FREE)
        return self._waiting(removal, since=_column.retired_at, limit=limit)

    def locking(self, limit: int) -> list[UUID]:
        draining = and_(_THERE, _column.administrative == constant(Administrative.LOCKING))
        return self._waiting(draining, since=_column.updated_at, limit=limit)

    def count_by_state(self) -> Mapping[tuple[str, str], int]:
        states = (_column.operational, _column.administrative)
        rows = self._connection.execute(select(*states, func.count()).where(_THERE).group_by(*states))
        return {(operational, administrative): count for operational, administrative, count in rows}

    def _waiting(self, condition: ColumnElement[bool], *, since: Column[Any], limit: int) -> list[UUID]:
        """The longest waiting first."""
        wanted = select(_column.e_id).where(condition).order_by(since).limit(limit)
        return ids_of(self._connection, wanted)
