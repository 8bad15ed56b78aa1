"""What operators did by hand, and why: appended only, in the transaction of the deed."""

from dataclasses import asdict

from sqlalchemy import Connection, insert, select

from shared.domain.audit import OperatorAction
from shared.persistence.sets import parameter
from shared.persistence.tables import operator_action

_action = operator_action.c

OF_SUBJECT = (
    select(operator_action)
    .where(_action.subject_id == parameter("subject_id"), _action.tenant_id == parameter("tenant_id"))
    .order_by(_action.at, _action.e_id)
)


def keep(connection: Connection, action: OperatorAction) -> None:
    connection.execute(insert(operator_action).values(asdict(action)))
