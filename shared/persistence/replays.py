"""Replays of dead letters: who carries one out, how far it came, and what became of each letter."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, Text, Uuid, and_, false, func, insert, null, select, update

from shared.domain.dead_letter import DeadLetterFilter, Subject
from shared.domain.errors import Conflict
from shared.domain.replay import Fate, Replay, ReplayState
from shared.persistence.dead_letters import letter_of
from shared.persistence.sets import (
    after,
    as_arrays,
    constant,
    first_of,
    given_rows,
    ids_of,
    parameter,
    rows_of,
    run,
)
from shared.persistence.tables import dead_letter, replay, replay_result
from shared.ports.clock import NewId
from shared.ports.replays import ReplayResult, ReplayWork

_column = replay.c
_result = replay_result.c
_letter = dead_letter.c

# Only what is open can be put back: `rest` is no column.
_WANTED = tuple(field.name for field in fields(DeadLetterFilter) if field.name != "rest")
_OWN = tuple(field.name for field in fields(Replay) if field.name not in {"wanted", "fates"})
_SELECTED = [_column[name] for name in (*_OWN, *_WANTED, *Fate)]

_ID = parameter("replay_id")
_RUNNING = _column.state == constant(ReplayState.RUNNING)
_HELD = func.coalesce(_column.lease_until > func.now(), false())
_FREE = and_(_column.due_at <= func.now(), ~_HELD)
# Whose lease ran out may go on as long as nobody else has begun.
_OF_MINE = update(replay).where(_column.e_id == _ID, _column.lease_token == parameter("token"), _RUNNING)
_LET_GO = {"lease_token": null(), "lease_until": null()}
_AT_END = {**_LET_GO, "due_at": null(), "finished_at": func.now()}

_GET = select(*_SELECTED).where(_column.e_id == _ID)
_NEWEST = select(*_SELECTED).order_by(_column.e_id.desc()).limit(parameter("limit", Integer))
_DUE = select(_column.e_id).where(_FREE).order_by(_column.due_at, _column.e_id)
_TAKE = (
    update(replay)
    .where(_column.e_id == _ID, _FREE)
    .values(state=constant(ReplayState.RUNNING), lease_token=parameter("token"), lease_until=after("lease"))
    .returning(*_SELECTED, _column.cursor)
)
_MOVE = (
    # Compared with where the slice began: a slice is noted once, whatever its holder believes.
    _OF_MINE.where(_column.cursor.is_not_distinct_from(parameter("cursor")))
    .values(
        {_column[fate]: _column[fate] + parameter(fate, Integer) for fate in Fate}
        | {_column.cursor: parameter("last"), _column.due_at: after("pause")}
        | {_column.lease_until: after("lease")}
    )
    .returning(*_SELECTED, _column.cursor)
)
_NOTED = {"letter_id": Uuid, "fate": Text}
_NOTE = insert(replay_result).from_select(
    ["replay_id", *_NOTED, "at"], select(_ID, given_rows(**_NOTED), func.now())
)
_FINISH = _OF_MINE.values(**_AT_END, state=constant(ReplayState.DONE))
_RELEASE = _OF_MINE.values(**_LET_GO)
_STOP = (
    update(replay)
    .where(_column.e_id == _ID, _column.due_at.is_not(None))
    .values(**_AT_END, state=constant(ReplayState.STOPPED), stopped_by=parameter("author", Text))
    .returning(*_SELECTED)
)
_RESULTS = (
    select(_result.fate, _result.at, *dead_letter.c)
    .join_from(replay_result, dead_letter, _letter.e_id == _result.letter_id)
    .where(_result.replay_id == _ID)
    .order_by(_result.letter_id)
    .limit(parameter("limit", Integer))
)


class PostgresReplays:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def add(self, replay_: Replay) -> None:
        own = {name: getattr(replay_, name) for name in _OWN}
        wanted = {name: getattr(replay_.wanted, name) for name in _WANTED}
        counts = {fate.value: replay_.fates.get(fate, 0) for fate in Fate}
        row = {**own, **wanted, **counts, "due_at": replay_.begins_at}
        self._connection.execute(insert(replay).values(row))

    def get(self, e_id: UUID) -> Replay | None:
        return _replay_or_none(first_of(self._connection, _GET, {"replay_id": e_id}))

    def newest(self, *, before: UUID | None, limit: int) -> list[Replay]:
        wanted = _NEWEST if before is None else _NEWEST.where(_column.e_id < before)
        return [_replay_of(row) for row in rows_of(self._connection, wanted, {"limit": limit})]

    def due(self, limit: int) -> list[UUID]:
        return ids_of(self._connection, _DUE.limit(limit))

    def take(self, e_id: UUID, *, lease_seconds: float) -> ReplayWork | None:
        token, lease = self._new_id(), timedelta(seconds=lease_seconds)
        row = first_of(self._connection, _TAKE, {"replay_id": e_id, "token": token, "lease": lease})
        return None if row is None else ReplayWork(_replay_of(row), token, row["cursor"])

    def note(
        self,
        work: ReplayWork,
        fates: Sequence[tuple[UUID, Fate]],
        *,
        next_in_seconds: float,
        lease_seconds: float,
    ) -> ReplayWork:
        counts = Counter(fate for _, fate in fates)
        row = first_of(
            self._connection,
            _MOVE,
            {
                **_of(work),
                **{fate.value: counts[fate] for fate in Fate},
                "cursor": work.cursor,
                "last": fates[-1][0] if fates else work.cursor,
                "pause": timedelta(seconds=next_in_seconds),
                "lease": timedelta(seconds=lease_seconds),
            },
        )
        if row is None:
            raise _overtaken()
        noted = as_arrays(_NOTED, ({"letter_id": e_id, "fate": fate.value} for e_id, fate in fates))
        run(self._connection, _NOTE, {"replay_id": work.replay.e_id, **noted})
        return replace(work, replay=_replay_of(row), cursor=row["cursor"])

    def finish(self, work: ReplayWork) -> None:
        if run(self._connection, _FINISH, _of(work)).rowcount == 0:
            raise _overtaken()

    def release(self, work: ReplayWork) -> None:
        run(self._connection, _RELEASE, _of(work))

    def stop(self, e_id: UUID, *, author: str) -> Replay | None:
        return _replay_or_none(first_of(self._connection, _STOP, {"replay_id": e_id, "author": author}))

    def results(
        self, e_id: UUID, *, fate: Fate | None = None, after: UUID | None, limit: int
    ) -> list[ReplayResult]:
        wanted = _RESULTS
        if fate is not None:
            wanted = wanted.where(_result.fate == constant(fate))
        if after is not None:
            wanted = wanted.where(_result.letter_id > after)
        return [
            ReplayResult(fate=Fate(row.pop("fate")), at=row.pop("at"), letter=letter_of(row))
            for row in rows_of(self._connection, wanted, {"replay_id": e_id, "limit": limit})
        ]


def _of(work: ReplayWork) -> dict[str, object]:
    return {"replay_id": work.replay.e_id, "token": work.token}


def _overtaken() -> Conflict:
    return Conflict("the replay was stopped, or another worker carries it out by now")


def _replay_or_none(row: Mapping[str, Any] | None) -> Replay | None:
    return None if row is None else _replay_of(row)


def _replay_of(row: Mapping[str, Any]) -> Replay:
    wanted = DeadLetterFilter(**{name: row[name] for name in _WANTED})
    if wanted.subject is not None:
        wanted = replace(wanted, subject=Subject(wanted.subject))
    own = {name: row[name] for name in _OWN}
    counts = {fate: row[fate] for fate in Fate if row[fate]}
    return Replay(**{**own, "state": ReplayState(own["state"])}, wanted=wanted, fates=counts)
