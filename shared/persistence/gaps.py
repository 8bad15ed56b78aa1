"""Gaps: times whose events may be missing, one row for each configuration concerned."""

from collections.abc import Collection
from dataclasses import fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    Connection,
    Integer,
    Text,
    Uuid,
    and_,
    func,
    insert,
    null,
    or_,
    select,
    tuple_,
    update,
)

from shared.domain.gap import SLOWEST_DELIVERY, Gap
from shared.domain.job import JobStatus
from shared.persistence.locks import hold_gaps
from shared.persistence.sets import (
    after,
    any_of,
    as_arrays,
    constant,
    first_of,
    given_rows,
    ids_of,
    parameter,
    rows_of,
    run,
)
from shared.persistence.tables import MOMENT, email_configuration, email_job, event_gap
from shared.ports.clock import NewId

_column = event_gap.c
_configuration = email_configuration.c
_job = email_job.c

_GAP = tuple(field.name for field in fields(Gap))
_SELECTED = [_column[name] for name in _GAP]
_OPEN = _column.finished_at.is_(None)
_FREE = and_(_OPEN, _column.due_at <= func.now())
_FROM, _UNTIL = parameter("from_at", MOMENT), parameter("until_at", MOMENT)

_covered = select(_column.e_id).where(
    _column.configuration_id == _configuration.e_id,
    _OPEN,
    _column.from_at <= _FROM,
    _column.until_at >= _UNTIL,
)
# Retired ones too, as long as they have their webhook: their last events may be among the missing.
_CONCERNED = select(_configuration.e_id).where(
    _configuration.webhook_id.is_not(None),
    _configuration.cleaned_up_at.is_(None),
    or_(parameter("configuration_id").is_(None), _configuration.e_id == parameter("configuration_id")),
    ~_covered.exists(),
)
_OPENED = {"e_id": Uuid, "configuration_id": Uuid}
_given = given_rows(**_OPENED)
_INSERT = insert(event_gap).from_select(
    [*_OPENED, "from_at", "until_at", "cause", "author", "opened_at", "due_at"],
    select(
        _given, _FROM, _UNTIL, parameter("cause", Text), parameter("author", Text), func.now(), func.now()
    ),
)
_DUE = (
    select(_column.configuration_id)
    .where(_FREE)
    .group_by(_column.configuration_id)
    .order_by(func.min(_column.due_at), _column.configuration_id)
    .limit(parameter("limit", Integer))
)
_oldest = (
    select(_column.e_id)
    .where(_column.configuration_id == parameter("configuration_id"), _FREE)
    .order_by(_column.opened_at, _column.e_id)
    .limit(1)
    .with_for_update(skip_locked=True, key_share=True)
)
_TAKE = (
    update(event_gap)
    .where(_column.e_id == _oldest.scalar_subquery())
    .values(due_at=after("lease"))
    .returning(*_SELECTED)
)


_PROGRESS = ("found", "cursor", "tries", "fault", "finished_at")
_last = email_job.alias("last").c
_cursor_at = select(_last.accepted_at).where(_last.e_id == parameter("cursor")).scalar_subquery()
# From the beginning where the job of the cursor is gone: asked twice is better than never.
_resumed_at = func.coalesce(_cursor_at, _FROM)
_tenant_id = select(_configuration.tenant_id).where(_configuration.e_id == parameter("configuration_id"))
_MESSAGES = (
    select(_job.e_id, _job.provider_message_id)
    .where(
        # The index is by tenant, who has hardly any other configuration.
        _job.tenant_id == _tenant_id.scalar_subquery(),
        _job.configuration_id == parameter("configuration_id"),
        _job.accepted_at >= _FROM,
        _job.accepted_at <= _UNTIL,
        _job.status == constant(JobStatus.SENT),
        _job.provider_message_id.is_not(None),
    )
    .order_by(_job.accepted_at, _job.e_id)
    .limit(parameter("limit", Integer))
)
_LATER_MESSAGES = _MESSAGES.where(
    tuple_(_job.accepted_at, _job.e_id) > tuple_(_resumed_at, parameter("cursor"))
)


_NEWEST = select(*_SELECTED).order_by(_column.opened_at.desc(), _column.e_id.desc())
_SOME = select(*_SELECTED).where(any_of(_column.e_id, "ids"))


class PostgresGaps:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def open(
        self,
        from_at: datetime,
        until_at: datetime,
        *,
        cause: str,
        author: str,
        configuration_id: UUID | None = None,
    ) -> int:
        hold_gaps(self._connection)
        times = {"from_at": from_at, "until_at": until_at}
        found = ids_of(self._connection, _CONCERNED, {**times, "configuration_id": configuration_id})
        rows = as_arrays(_OPENED, ({"e_id": self._new_id(), "configuration_id": e_id} for e_id in found))
        run(self._connection, _INSERT, {**rows, **times, "cause": cause, "author": author})
        return len(found)

    def due(self, limit: int) -> list[UUID]:
        return ids_of(self._connection, _DUE, {"limit": limit})

    def take(self, configuration_id: UUID, *, lease_seconds: float) -> Gap | None:
        wanted = {"configuration_id": configuration_id, "lease": timedelta(seconds=lease_seconds)}
        row = first_of(self._connection, _TAKE, wanted)
        return None if row is None else Gap(**row)

    def messages(self, gap: Gap, *, limit: int) -> list[tuple[UUID, str]]:
        """In the order of acceptance, which an index gives: that of the ids, as those are made at acceptance."""
        given = {
            "configuration_id": gap.configuration_id,
            "from_at": gap.from_at - SLOWEST_DELIVERY,
            "until_at": gap.until_at,
            "limit": limit,
        }
        statement, cursor = (
            (_MESSAGES, {}) if gap.cursor is None else (_LATER_MESSAGES, {"cursor": gap.cursor})
        )
        rows = run(self._connection, statement, {**given, **cursor})
        return [(row.e_id, row.provider_message_id) for row in rows]

    def save(self, gap: Gap, *, due_in_seconds: float = 0.0) -> None:
        """One that is closed stays closed."""
        values = {name: getattr(gap, name) for name in _PROGRESS}
        due_at = after("pause") if gap.finished_at is None else null()
        statement = update(event_gap).where(_column.e_id == gap.e_id, _OPEN).values(**values, due_at=due_at)
        pause = {"pause": timedelta(seconds=due_in_seconds)} if gap.finished_at is None else {}
        run(self._connection, statement, pause)

    def covering(self, from_at: datetime, until_at: datetime, *, configuration_id: UUID | None) -> list[Gap]:
        wanted = _NEWEST.where(_OPEN, _column.from_at <= from_at, _column.until_at >= until_at)
        if configuration_id is not None:
            wanted = wanted.where(_column.configuration_id == configuration_id)
        return [Gap(**row) for row in rows_of(self._connection, wanted)]

    def some(self, ids: Collection[UUID]) -> list[Gap]:
        return [Gap(**row) for row in rows_of(self._connection, _SOME, {"ids": list(ids)})]

    def latest(self, limit: int, *, configuration_id: UUID | None = None) -> list[Gap]:
        wanted = _NEWEST.limit(limit)
        if configuration_id is not None:
            wanted = wanted.where(_column.configuration_id == configuration_id)
        return [Gap(**row) for row in rows_of(self._connection, wanted)]
