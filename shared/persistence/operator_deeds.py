"""What people and workers did: operators' actions and records of configurations, as one list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Select, Table, select

from shared.domain.audit import OperatorAction
from shared.persistence.configuration_records import record_of
from shared.persistence.locators import storable
from shared.persistence.sets import rows_of
from shared.persistence.tables import email_configuration_record, operator_action
from shared.ports.operators import Deed

_action = operator_action.c
_record = email_configuration_record.c


def newest_deeds(
    connection: Connection, *, author: str, subject_id: UUID | None, before: datetime | None, limit: int
) -> list[Deed]:
    storable("author", author)
    found: list[tuple[UUID, Deed]] = []
    for table, at, subject, deed_of in (
        (operator_action, _action.at, _action.subject_id, _of_action),
        (email_configuration_record, _record.recorded_at, _record.configuration_id, _of_record),
    ):
        asked = _newest(table, at, limit)
        asked = asked.where(table.c.author == author) if author else asked
        asked = asked.where(subject == subject_id) if subject_id is not None else asked
        asked = asked.where(at < before) if before is not None else asked
        found += [deed_of(row) for row in rows_of(connection, asked)]
    return merged(found, limit)


def _newest(table: Table, at: Column[datetime], limit: int) -> Select[Any]:
    """With all of the last moment, so that what follows is before it."""
    return select(table).order_by(at.desc()).fetch(limit, with_ties=True)


def merged(found: list[tuple[UUID, Deed]], limit: int) -> list[Deed]:
    """The newest `limit`, and whatever else is of the last one's moment; of one moment, by their ids."""
    found = sorted(found, key=lambda one: (one[1].at, one[0]), reverse=True)
    if len(found) <= limit:
        return [deed for _, deed in found]
    last_at = found[limit - 1][1].at
    return [deed for _, deed in found if deed.at >= last_at]


def _of_action(row: Mapping[str, Any]) -> tuple[UUID, Deed]:
    action = OperatorAction(**row)
    return action.e_id, Deed(action.at, action.author, action=action)


def _of_record(row: Mapping[str, Any]) -> tuple[UUID, Deed]:
    record = record_of(row)
    return record.r_id, Deed(record.recorded_at, record.author, record=record)
