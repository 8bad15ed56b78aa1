"""Findings: one row a discrepancy, which is found again, resolved and found anew under the same identity.

Rows are locked in the order of tag and subject, by whoever locks several.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    case,
    delete,
    false,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.drift import FINDINGS, Discrepancy, Drift, Finding, FindingState, Problem, Round
from shared.persistence.drift_rounds import fenced, held, of, overtaken, write_in
from shared.persistence.sets import (
    Kind,
    any_of,
    as_arrays,
    constant,
    first_of,
    given_rows,
    parameter,
    rows_of,
    run,
)
from shared.persistence.tables import MOMENT, drift_finding
from shared.ports.clock import NewId

_column = drift_finding.c
_DISCREPANCY = tuple(field.name for field in fields(Discrepancy))
_FINDING = tuple(field.name for field in fields(Finding) if field.name != "discrepancy")
_SELECTED = [_column[name] for name in (*_DISCREPANCY, *_FINDING)]
# As array parameters; plain Text, because a cast of an array names no collation.
_GIVEN: dict[str, Kind] = {
    "e_id": Uuid,
    "subject": Text,
    "tag": Text,
    "problem": Text,
    "configuration_id": Uuid,
    "tenant_id": Uuid,
    "server_id": BigInteger,
    "server_name": Text,
    "key_version": Text,
    "record_name": Text,
    "grace_seconds": Double,
}

_STANDING = _column.resolved_at.is_(None)
_OPENED = and_(_STANDING, _column.opened_at.is_not(None))
_ASLEEP = func.coalesce(_column.snoozed_until > func.now(), false())
_IN_STATE: Mapping[FindingState, ColumnElement[bool]] = {
    FindingState.YOUNG: and_(_STANDING, _column.opened_at.is_(None)),
    FindingState.OPEN: and_(_OPENED, ~_ASLEEP),
    FindingState.SNOOZED: and_(_OPENED, _ASLEEP),
    FindingState.RESOLVED: _column.resolved_at.is_not(None),
}


def _observe(round: CTE | None = None) -> Any:
    given, now = given_rows(**_GIVEN), func.now()
    times = {"first_seen_at": now, "since_at": now, "last_seen_at": now}
    opened_at = case((given.c.grace_seconds <= 0, now))
    found = select(given, *times.values(), opened_at, parameter("token"))
    if round is not None:
        found = found.where(select(round.c.e_id).exists())
    first = insert(drift_finding).from_select(
        [*_GIVEN, *times, "opened_at", "seen_in"], found.order_by(given.c.tag, given.c.subject)
    )
    return first.on_conflict_do_update(
        index_elements=[_column.tag, _column.subject], set_=_found_again(first.excluded)
    )


def _found_again(newest: Any) -> dict[str, Any]:
    anew = _column.resolved_at.is_not(None)
    since_at = case((anew, func.now()), else_=_column.since_at)
    ripe = func.extract("epoch", func.now() - since_at) >= newest.grace_seconds
    return {
        **{name: newest[name] for name in (*_DISCREPANCY, "seen_in")},
        "since_at": since_at,
        "last_seen_at": func.greatest(_column.last_seen_at, func.now()),
        "opened_at": case((_OPENED, _column.opened_at), (ripe, func.now())),
        "told_at": case((_STANDING, _column.told_at)),
        "resolved_at": null(),
    }


def _locked(wanted: Select[Any], name: str) -> CTE:
    ordered = wanted.order_by(_column.tag, _column.subject)
    return ordered.with_for_update(of=drift_finding).cte(name)


def _settle() -> Select[Any]:
    round = held()
    # Seen since the round began, by somebody else: the round may have passed by before.
    gone = and_(
        _column.seen_in.is_distinct_from(parameter("token")), _column.last_seen_at <= round.c.begun_at
    )
    wanted = select(_column.e_id, _column.opened_at).where(any_of(_column.tag, "tags"), _STANDING, gone)
    over = _locked(wanted, "over")
    of_over = _column.e_id == over.c.e_id
    resolved = (
        update(drift_finding)
        .where(of_over, over.c.opened_at.is_not(None))
        .values(resolved_at=func.now())
        .returning(_column.e_id)
        .cte("resolved")
    )
    forgotten = delete(drift_finding).where(of_over, over.c.opened_at.is_(None)).cte("forgotten")
    counts = (
        select(func.count()).select_from(part).scalar_subquery().label(name)
        for part, name in ((round, "rounds"), (resolved, "resolved"))
    )
    return select(*counts).add_cte(forgotten)


def _told() -> Any:
    untold = select(_column.e_id).where(
        any_of(_column.e_id, "ids"), _column.opened_at.is_not(None), _column.told_at.is_(None)
    )
    named = _locked(untold, "untold")
    return update(drift_finding).where(_column.e_id == named.c.e_id).values(told_at=func.now())


_ROUND = held()
_OBSERVE, _OBSERVE_IN_ROUND = _observe(), fenced(_observe(_ROUND), _ROUND)
_SETTLE, _TOLD = _settle(), _told()
_SUBJECTS = select(_column.subject).where(
    _column.tag == parameter("tag", Text), any_of(_column.subject, "subjects"), _STANDING
)
_UNTOLD = (
    select(*_SELECTED)
    .where(any_of(_column.tag, "tags"), _OPENED, _column.told_at.is_(None), ~_ASLEEP)
    .order_by(_column.opened_at, _column.e_id)
    .limit(parameter("limit", Integer))
)
_GET = select(*_SELECTED).where(_column.e_id == parameter("e_id"))
_FIND = select(*_SELECTED).order_by(_column.e_id).limit(parameter("limit", Integer))
_state = case(*((holds, constant(state)) for state, holds in _IN_STATE.items())).label("state")
_COUNT = (
    select(_column.tag, _state, func.count().label("times"))
    .where(_STANDING)
    .group_by(_column.tag, _state.name)
)
_SNOOZE = (
    update(drift_finding)
    .where(_column.e_id == parameter("e_id"), _STANDING)
    .values(
        snoozed_until=parameter("until", MOMENT),
        snoozed_by=parameter("author", Text),
        snooze_reason=parameter("reason", Text),
    )
)


class PostgresFindings:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def observe(self, discrepancies: Collection[Discrepancy], round: Round | None = None) -> None:
        given = as_arrays(_GIVEN, self._rows_of(discrepancies))
        if round is None:
            run(self._connection, _OBSERVE, {**given, "token": None})
        else:
            write_in(self._connection, round, _OBSERVE_IN_ROUND, given)

    def _rows_of(self, discrepancies: Iterable[Discrepancy]) -> Iterable[Mapping[str, object]]:
        """Of one that is given twice, the last."""
        newest = {(one.tag, one.subject): one for one in discrepancies}
        for (tag, subject), one in newest.items():
            values = {"subject": subject, "tag": tag.value, "problem": one.problem.value}
            yield {**asdict(one), "e_id": self._new_id(), **values}

    def settle(self, round: Round) -> int:
        tags = [tag.value for tag in FINDINGS[round.assertion]]
        counted = run(self._connection, _SETTLE, {**of(round), "tags": tags}).one()
        if counted.rounds == 0:
            raise overtaken()
        return int(counted.resolved)

    def standing(self, tag: Drift, subjects: Collection[str]) -> set[str]:
        given = {"tag": tag.value, "subjects": list(subjects)}
        return set(run(self._connection, _SUBJECTS, given).scalars())

    def untold(self, tags: Collection[Drift], limit: int) -> list[Finding]:
        wanted = {"tags": [tag.value for tag in tags], "limit": limit}
        return [_finding_of(row) for row in rows_of(self._connection, _UNTOLD, wanted)]

    def told(self, ids: Collection[UUID]) -> None:
        run(self._connection, _TOLD, {"ids": list(ids)})

    def get(self, e_id: UUID) -> Finding | None:
        row = first_of(self._connection, _GET, {"e_id": e_id})
        return None if row is None else _finding_of(row)

    def find(
        self,
        *,
        states: Collection[FindingState],
        tags: Collection[Drift] = (),
        configuration_id: UUID | None = None,
        after: UUID | None = None,
        limit: int,
    ) -> list[Finding]:
        wanted = _FIND.where(or_(false(), *(_IN_STATE[state] for state in states)))
        if tags:
            wanted = wanted.where(_column.tag.in_([constant(tag) for tag in tags]))
        if configuration_id is not None:
            wanted = wanted.where(_column.configuration_id == configuration_id)
        if after is not None:
            wanted = wanted.where(_column.e_id > after)
        return [_finding_of(row) for row in rows_of(self._connection, wanted, {"limit": limit})]

    def count(self) -> Mapping[tuple[Drift, FindingState], int]:
        rows = rows_of(self._connection, _COUNT)
        return {(Drift(row["tag"]), FindingState(row["state"])): row["times"] for row in rows}

    def snooze(self, e_id: UUID, *, until: datetime | None, author: str, reason: str) -> bool:
        said = (until, author, reason) if until is not None else (None, None, None)
        given = dict(zip(("until", "author", "reason"), said, strict=True))
        return run(self._connection, _SNOOZE, {"e_id": e_id, **given}).rowcount == 1


def _finding_of(row: Mapping[str, Any]) -> Finding:
    said = {name: row[name] for name in _DISCREPANCY}
    discrepancy = Discrepancy(**{**said, "tag": Drift(row["tag"]), "problem": Problem(row["problem"])})
    return Finding(discrepancy=discrepancy, **{name: row[name] for name in _FINDING})
