"""Rounds of drift checks: one row an assertion, with its lease, and the sheet of the round that runs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Connection,
    Double,
    Integer,
    Interval,
    Select,
    Text,
    Uuid,
    and_,
    case,
    cast,
    delete,
    false,
    func,
    null,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.drift import Assertion, Drift, Round, Verdict
from shared.domain.errors import Conflict
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
from shared.persistence.tables import drift_assertion, drift_sighting
from shared.ports.clock import NewId
from shared.ports.drift import AssertionReport

_column = drift_assertion.c
_ID = parameter("assertion_id")
_OF_ROUND = (_column.e_id == _ID, _column.lease_token == parameter("token"))
_RUNNING = func.coalesce(_column.lease_until > func.now(), false())
_DUE = and_(_column.due_at <= func.now(), ~_RUNNING)

# SHARE: who takes the round over waits for what is being written in its name, and finds it committed.
_HOLD = select(_column.e_id, _column.begun_at).where(*_OF_ROUND).with_for_update(read=True)


def held() -> CTE:
    """The round's assertion, held until the transaction ends; no row when the lease is another's by now."""
    return _HOLD.cte("held")


def fenced(write: Any, round: CTE) -> Select[int]:
    """`write`, which asks for `round` itself, as one statement; run by `write_in`."""
    return select(func.count()).select_from(round).add_cte(write.cte("written"))


def write_in(connection: Connection, round: Round, fenced: Select[int], given: Mapping[str, object]) -> None:
    if run(connection, fenced, {**of(round), **given}).scalar_one() == 0:
        raise overtaken()


def hold(connection: Connection, round: Round) -> None:
    if run(connection, _HOLD, of(round)).first() is None:
        raise overtaken()


def of(round: Round) -> dict[str, object]:
    return {"assertion_id": round.assertion.e_id, "token": round.token}


def overtaken() -> Conflict:
    return Conflict("the round's lease is another's by now")


def _sight() -> Select[int]:
    round, given = held(), given_rows(configuration_id=Uuid, tag=Text)
    noted = insert(drift_sighting).from_select(
        ["assertion_id", "configuration_id", "tag"],
        select(round.c.e_id, given).select_from(round.join(given, true())),
    )
    return fenced(noted.on_conflict_do_nothing(), round)


# Apart from what makes it due again: with two unique indexes, ON CONFLICT DO UPDATE watches over one of them only.
_ENTER = (
    insert(drift_assertion)
    .values(e_id=_ID, assertion=parameter("assertion", Text), due_at=func.now())
    .on_conflict_do_nothing()
    .returning(_column.e_id)
)
# What has a lease is due, so that this never moves a round that runs.
_ARM = (
    update(drift_assertion)
    .where(_column.e_id == _ID, _column.due_at.is_(None))
    .values(due_at=func.coalesce(_column.begun_at + parameter("every", Interval), func.now()))
)
_ASK = update(drift_assertion).where(_column.e_id == _ID).values(due_at=func.now())
_DUE_IDS = select(_column.e_id).where(_DUE).order_by(_column.due_at, _column.e_id)
_BEGIN = (
    update(drift_assertion)
    .where(_column.e_id == _ID, _DUE)
    .values(lease_token=parameter("token"), lease_until=after("lease"), begun_at=func.now())
    .returning(_column.assertion)
)
_EMPTY_SHEET = delete(drift_sighting).where(drift_sighting.c.assertion_id == _ID)
_SIGHT = _sight()
_OF_MINE = update(drift_assertion).where(*_OF_ROUND)
_RENEW = _OF_MINE.values(lease_until=after("lease"))
_LET_GO = {"lease_token": null(), "lease_until": null()}
_FINISH = _OF_MINE.values(
    **_LET_GO,
    # Asked for since it was begun: whoever asked wants to know how things are since then.
    due_at=case((_column.due_at > _column.begun_at, _column.due_at)),
    finished_at=func.now(),
    seconds=cast(func.extract("epoch", func.now() - _column.begun_at), Double),
    checked=parameter("checked", Integer),
    calls=parameter("calls", Integer),
    verdict=parameter("verdict", Text),
    fault=null(),
)
_GIVE_UP = _OF_MINE.values(
    **_LET_GO,
    due_at=after("pause"),
    verdict=constant(Verdict.COULD_NOT_TELL),
    fault=parameter("fault", Text),
)
_REPORTED = ("due_at", "begun_at", "finished_at", "seconds", "checked", "calls", "fault")
_REPORTS = select(
    _column.assertion, _column.verdict, _RUNNING.label("running"), *(_column[name] for name in _REPORTED)
)


class PostgresDriftRounds:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def arm(self, assertion: Assertion, *, every_seconds: float) -> None:
        self._due_at_once_or(_ARM, assertion, every=timedelta(seconds=every_seconds))

    def ask(self, assertion: Assertion) -> None:
        """While a round runs, for another one after it."""
        self._due_at_once_or(_ASK, assertion)

    def _due_at_once_or(self, again: Any, assertion: Assertion, **given: object) -> None:
        new = {"assertion_id": assertion.e_id, "assertion": assertion.value}
        if run(self._connection, _ENTER, new).first() is None:
            run(self._connection, again, {"assertion_id": assertion.e_id, **given})

    def due(self) -> list[UUID]:
        return ids_of(self._connection, _DUE_IDS)

    def begin(self, assertion_id: UUID, *, lease_seconds: float) -> Round | None:
        token, lease = self._new_id(), timedelta(seconds=lease_seconds)
        taken = first_of(
            self._connection, _BEGIN, {"assertion_id": assertion_id, "token": token, "lease": lease}
        )
        if taken is None:
            return None
        run(self._connection, _EMPTY_SHEET, {"assertion_id": assertion_id})
        return Round(Assertion(taken["assertion"]), token)

    def renew(self, round: Round, *, lease_seconds: float) -> None:
        self._change(round, _RENEW, lease=timedelta(seconds=lease_seconds))

    def sight(self, round: Round, sightings: Collection[tuple[UUID, Drift]]) -> None:
        noted = ({"configuration_id": e_id, "tag": tag.value} for e_id, tag in sightings)
        write_in(self._connection, round, _SIGHT, as_arrays(("configuration_id", "tag"), noted))

    def finish(self, round: Round, *, verdict: Verdict, checked: int, calls: int) -> None:
        self._change(round, _FINISH, verdict=verdict.value, checked=checked, calls=calls)
        run(self._connection, _EMPTY_SHEET, {"assertion_id": round.assertion.e_id})

    def give_up(self, round: Round, *, fault: str, again_in_seconds: float) -> None:
        self._change(round, _GIVE_UP, fault=fault, pause=timedelta(seconds=again_in_seconds))

    def _change(self, round: Round, statement: Any, **given: object) -> None:
        if run(self._connection, statement, {**of(round), **given}).rowcount == 0:
            raise overtaken()

    def reports(self) -> Sequence[AssertionReport]:
        found = {row["assertion"]: row for row in rows_of(self._connection, _REPORTS)}
        return [
            _report_of(found[assertion]) if assertion in found else AssertionReport(assertion=assertion)
            for assertion in Assertion
        ]


def _report_of(row: Mapping[str, Any]) -> AssertionReport:
    verdict = Verdict(row["verdict"]) if row["verdict"] is not None else None
    return AssertionReport(**{**row, "assertion": Assertion(row["assertion"]), "verdict": verdict})
