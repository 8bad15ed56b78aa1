"""Passes over rows that have been kept long enough: one row a kind, with its lease and how far it came."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Interval,
    Text,
    and_,
    case,
    false,
    func,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.errors import Conflict
from shared.domain.retention import Kind, Pass
from shared.persistence.ids import first_id_at, made_at
from shared.persistence.retention_rows import REMOVE_RESULTS, WALKS, Walk, given
from shared.persistence.sets import after, first_of, ids_of, parameter, rows_of, run
from shared.persistence.tables import MOMENT, retention, traffic
from shared.persistence.traffic import PostgresTraffic
from shared.ports.clock import NewId
from shared.ports.retention import RetentionReport, Slice

_column = retention.c
_ID = parameter("e_id")
_OF_MINE = (_column.e_id == _ID, _column.lease_token == parameter("token"))
_RUNNING = func.coalesce(_column.lease_until > func.now(), false())
_DUE = and_(_column.due_at <= func.now(), ~_RUNNING)
_NEW_END = func.now() - parameter("keep", Interval)
_GOES_ON = _column.until_at.is_not(None)
_LET_GO = {"lease_token": null(), "lease_until": null()}
_NO_PASS = {"until_at": null(), "cursor": null()}

# Apart from what makes it due again: with two unique indexes, ON CONFLICT DO UPDATE watches over one of them only.
_ENTER = (
    insert(retention)
    .values(e_id=_ID, kind=parameter("kind", Text), due_at=func.now())
    .on_conflict_do_nothing()
    .returning(_column.e_id)
)
# What has a lease is due, so that this never moves a pass that runs.
_ARM = (
    update(retention)
    .where(_column.e_id == _ID, _column.due_at.is_(None))
    .values(due_at=func.coalesce(_column.begun_at + parameter("every", Interval), func.now()))
)
_ASK = update(retention).where(_column.e_id == _ID).values(due_at=func.now())
_DISARM = (
    update(retention)
    .where(_column.e_id == _ID, _column.due_at.is_not(None), ~_RUNNING)
    .values(**_LET_GO, **_NO_PASS, due_at=null())
)
_DUE_IDS = select(_column.e_id).where(_DUE).order_by(_column.due_at, _column.e_id)
_BEGIN = (
    update(retention)
    .where(_column.e_id == _ID, _DUE)
    .values(
        lease_token=parameter("token"),
        lease_until=after("lease"),
        begun_at=case((_GOES_ON, _column.begun_at), else_=func.now()),
        # Whoever keeps rows for longer now does not want the rest of a pass that was to take more.
        until_at=case((_GOES_ON, func.least(_column.until_at, _NEW_END)), else_=_NEW_END),
        looked=case((_GOES_ON, _column.looked), else_=0),
        removed=case((_GOES_ON, _column.removed), else_=0),
    )
    .returning(_column.until_at, _column.cursor)
)
_DONE = parameter("done", Boolean)
_NOTE = (
    update(retention)
    .where(*_OF_MINE)
    .values(
        looked=_column.looked + parameter("looked", BigInteger),
        removed=_column.removed + parameter("removed", BigInteger),
        removed_in_all=_column.removed_in_all + parameter("removed", BigInteger),
        reached_at=func.greatest(_column.reached_at, parameter("reached_at", MOMENT)),
        cursor=case((_DONE, null()), else_=parameter("cursor")),
        until_at=case((~_DONE, _column.until_at)),
        finished_at=case((_DONE, func.now()), else_=_column.finished_at),
        # Asked for since it was begun: whoever asked means what has become old by then.
        due_at=case((~_DONE | (_column.due_at > _column.begun_at), _column.due_at)),
        lease_token=case((~_DONE, _column.lease_token)),
        lease_until=case((~_DONE, after("lease"))),
    )
)
_RELEASE = update(retention).where(*_OF_MINE).values(**_LET_GO)
_REPORTED = ("due_at", "begun_at", "finished_at", "looked", "removed", "removed_in_all", "reached_at")
_REPORTS = select(_column.kind, _RUNNING.label("running"), *(_column[name] for name in _REPORTED))
# Nobody is to wait behind a removal that waits: what it cannot have at once it leaves for later.
_BE_SHORT = text("SET LOCAL lock_timeout = '1s'")
_OLD_MINUTES = select(func.count()).where(traffic.c.minute < parameter("until", MOMENT))


class PostgresRetention:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def arm(self, kind: Kind, *, every_seconds: float) -> None:
        self._due_at_once_or(_ARM, kind, every=timedelta(seconds=every_seconds))

    def ask(self, kind: Kind) -> None:
        self._due_at_once_or(_ASK, kind)

    def _due_at_once_or(self, again: Any, kind: Kind, **more: object) -> None:
        if run(self._connection, _ENTER, {"e_id": kind.e_id, "kind": kind.value}).first() is None:
            run(self._connection, again, {"e_id": kind.e_id, **more})

    def disarm(self, kind: Kind) -> None:
        run(self._connection, _DISARM, {"e_id": kind.e_id})

    def due(self) -> list[UUID]:
        return ids_of(self._connection, _DUE_IDS)

    def begin(self, kind: Kind, *, keep_days: float, lease_seconds: float) -> Pass | None:
        token = self._new_id()
        wanted = {"e_id": kind.e_id, "token": token, "keep": timedelta(days=keep_days)}
        row = first_of(self._connection, _BEGIN, {**wanted, "lease": timedelta(seconds=lease_seconds)})
        return None if row is None else Pass(kind, token, row["until_at"], row["cursor"])

    def remove(self, pass_: Pass, *, rows: int, lease_seconds: float) -> Slice:
        self._connection.execute(_BE_SHORT)
        slice_ = self._slice(pass_, rows, removes=True)
        noted = {
            **_of(pass_),
            "looked": slice_.looked,
            "removed": slice_.removed,
            "cursor": slice_.cursor,
            "done": slice_.done,
            "reached_at": _reached(pass_, slice_),
            "lease": timedelta(seconds=lease_seconds),
        }
        if run(self._connection, _NOTE, noted).rowcount == 0:
            raise Conflict("the pass's lease is another's by now")
        return slice_

    def would_remove(self, pass_: Pass, *, rows: int) -> Slice:
        return self._slice(pass_, rows, removes=False)

    def _slice(self, pass_: Pass, rows: int, *, removes: bool) -> Slice:
        if pass_.kind is Kind.TRAFFIC:
            return self._minutes(pass_, rows, removes=removes)
        walk = WALKS[pass_.kind]
        behind = given(pass_.until, pass_.cursor, first_id_at(pass_.until), rows)
        ids = ids_of(self._connection, walk.next, behind)
        wanted = {"ids": ids, "until": pass_.until}
        going = ids_of(self._connection, walk.taken if removes else walk.may_go, wanted) if ids else []
        cursor, done = (ids[-1] if ids else pass_.cursor), len(ids) < rows
        if not removes:
            return Slice(len(ids), len(going), cursor, done)
        if pass_.kind is Kind.REPLAYS and (results := self._remove_results(going, rows)) == rows:
            return Slice(0, results, pass_.cursor, done=False)
        return Slice(len(ids), self._remove(walk, going), cursor, done)

    def _remove(self, walk: Walk, going: Sequence[UUID]) -> int:
        if not going:
            return 0
        # The rows themselves are the last of them.
        return [run(self._connection, one, {"ids": going}).rowcount for one in walk.removals][-1]

    def _remove_results(self, going: Sequence[UUID], rows: int) -> int:
        return run(self._connection, REMOVE_RESULTS, {"ids": list(going), "rows": rows}).rowcount

    def _minutes(self, pass_: Pass, rows: int, *, removes: bool) -> Slice:
        """Counted minutes are no rows with ids: the oldest go, and there is no cursor."""
        if not removes:
            count = run(self._connection, _OLD_MINUTES, {"until": pass_.until}).scalar_one()
            return Slice(count, count, None, done=True)
        count = PostgresTraffic(self._connection).forget(until=pass_.until, limit=rows)
        return Slice(count, count, None, done=count < rows)

    def release(self, pass_: Pass) -> None:
        run(self._connection, _RELEASE, _of(pass_))

    def reports(self) -> Sequence[RetentionReport]:
        found = {row["kind"]: row for row in rows_of(self._connection, _REPORTS)}
        return [_report_of(kind, found.get(kind)) for kind in Kind]


def _reached(pass_: Pass, slice_: Slice) -> datetime | None:
    """None where nothing was gone past: `greatest` leaves what was reached before."""
    if slice_.done:
        return pass_.until
    return None if slice_.cursor is None else made_at(slice_.cursor)


def _of(pass_: Pass) -> dict[str, object]:
    return {"e_id": pass_.kind.e_id, "token": pass_.token}


def _report_of(kind: Kind, row: Mapping[str, Any] | None) -> RetentionReport:
    return RetentionReport(kind=kind) if row is None else RetentionReport(**{**row, "kind": kind})
