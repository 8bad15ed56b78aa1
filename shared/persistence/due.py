"""Which configurations have something due: a loose index scan, one probe for each that has anything waiting."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, Column, ColumnElement, Select, func, select


def configurations_waiting(
    configuration_id: Column[UUID], due_at: Column[datetime], waiting: ColumnElement[bool]
) -> CTE:
    """`(configuration_id, due_at)` of every configuration's first waiting row.

    Needs an index on just these columns, partial for `waiting`. A backlog of 100,000 costs as much as one row; a
    DISTINCT or a GROUP BY would read it whole.
    """
    each = select(configuration_id, due_at).where(waiting).order_by(configuration_id, due_at).limit(1)
    found = each.subquery("first").select().cte("waiting", recursive=True)
    following = each.where(configuration_id > found.c.configuration_id).lateral("following")
    return found.union_all(
        select(following.c.configuration_id, following.c.due_at).select_from(found, following)
    )


def due_now(waiting: CTE) -> Select[tuple[UUID]]:
    """The longest waiting first."""
    column = waiting.c
    return select(column.configuration_id).where(column.due_at <= func.now()).order_by(column.due_at)
