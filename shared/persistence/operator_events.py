"""Events as operators look for them: a page looks through so many at the most, whatever is wanted of them."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, select

from shared.persistence.events import event_of
from shared.persistence.sets import constant, rows_of
from shared.persistence.tables import EventStatus, email_event
from shared.ports.operators import EventOutcome, EventPage, EventSearch, SeenEvent

_event = email_event.c
_OUTCOMES: Final = {EventStatus.PENDING: EventOutcome.WAITS, EventStatus.PARKED: EventOutcome.PARKED}

Condition = ColumnElement[bool]


def events_asked(
    connection: Connection, wanted: EventSearch, *, before: UUID | None, limit: int, looked_through: int
) -> EventPage:
    within = [_event.configuration_id == wanted.configuration_id]
    if wanted.job_id is not None:
        # Few, and an index has them.
        within.append(_event.job_id == wanted.job_id)
    if before is not None:
        within.append(_event.e_id < before)
    window = select(_event.e_id).where(*within).order_by(_event.e_id.desc())
    looked_at = window.limit(looked_through).subquery()
    found = select(email_event).join(looked_at, _event.e_id == looked_at.c.e_id).where(*_conditions(wanted))
    rows = list(rows_of(connection, found.order_by(_event.e_id.desc()).limit(limit + 1)))
    events = [_seen(row) for row in rows[:limit]]
    if len(rows) > limit:
        return EventPage(events, events[-1].event.e_id)
    return EventPage(events, _end(connection, window, looked_through))


def _conditions(wanted: EventSearch) -> list[Condition]:
    kind = [] if wanted.kind is None else [_event.kind == wanted.kind.value]
    return kind if wanted.outcome is None else [*kind, *_came_to(wanted.outcome)]


def _came_to(outcome: EventOutcome) -> list[Condition]:
    match outcome:
        case EventOutcome.WAITS:
            return [_event.status == constant(EventStatus.PENDING)]
        case EventOutcome.PARKED:
            return [_event.status == constant(EventStatus.PARKED)]
    joined = _event.job_id.is_not(None) if outcome is EventOutcome.JOINED else _event.job_id.is_(None)
    return [_event.status == constant(EventStatus.PROJECTED), joined]


def _end(connection: Connection, window: Select[tuple[UUID]], looked_through: int) -> UUID | None:
    """The last that was looked at, unless there was none behind it."""
    last = connection.execute(window.offset(looked_through - 1).limit(2)).all()
    return last[0].e_id if len(last) > 1 else None


def _seen(row: Any) -> SeenEvent:
    plain = EventOutcome.ALONE if row["job_id"] is None else EventOutcome.JOINED
    return SeenEvent(event_of(row), _OUTCOMES.get(EventStatus(row["status"]), plain))
