"""What operators did by hand, and why: appended only, in the transaction of the deed."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import Connection, insert, select

from shared.domain.audit import OperatorAction
from shared.persistence.sets import parameter, rows_of
from shared.persistence.tables import operator_action

_action = operator_action.c

OF_SUBJECT = (
    select(operator_action)
    .where(_action.subject_id == parameter("subject_id"), _action.tenant_id == parameter("tenant_id"))
    .order_by(_action.at, _action.e_id)
)


def keep(connection: Connection, action: OperatorAction) -> None:
    connection.execute(insert(operator_action).values(asdict(action)))


def keep_all(connection: Connection, actions: Sequence[OperatorAction]) -> None:
    if actions:
        connection.execute(insert(operator_action), [asdict(action) for action in actions])


_OF_ANY = select(operator_action).where(_action.subject_id == parameter("subject_id"))


class PostgresAudit:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, action: OperatorAction) -> None:
        keep(self._connection, action)

    def of(self, subject_id: UUID) -> list[OperatorAction]:
        wanted = _OF_ANY.order_by(_action.at, _action.e_id)
        return [
            OperatorAction(**row) for row in rows_of(self._connection, wanted, {"subject_id": subject_id})
        ]
