"""How hard the provider may be pressed: rows that exist only while something limits.

Whoever needs both rows locks the configuration's before the account's. The latter is everybody's: a transaction that
takes from a bucket should do little else.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Interval,
    Select,
    case,
    delete,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate

from shared.persistence.account import GATE
from shared.persistence.sets import any_of, parameter, rows_of, run
from shared.persistence.tables import send_pressure
from shared.ports.pressure import Permit

# The scope of the account's bucket.
ACCOUNT = UUID(int=0)

# The provider names no rate: after a first 429 it is FIRST calls a second, and from FREE on nothing limits.
SERVER_FIRST, SERVER_LEAST, SERVER_FREE = 5.0, 0.1, 20.0
ACCOUNT_FIRST, ACCOUNT_LEAST, ACCOUNT_FREE = 20.0, 1.0, 80.0
# Of a server's rate with each call; of the account's with each second's calls, however many servers make them.
EASED_BY = 0.25
# So many servers throttled within so many seconds: it is the account that is too fast.
SERVERS_THROTTLED = 2
THROTTLED_WITHIN_SECONDS = 10

_column = send_pressure.c
_NOW = func.clock_timestamp()
_OF_SCOPES = any_of(_column.scope, "scopes")
_IS_ACCOUNT = _column.scope == ACCOUNT
_BLOCKED = func.coalesce(_column.blocked_until > _NOW, False)
_LATELY = _column.throttled_at > _NOW - timedelta(seconds=THROTTLED_WITHIN_SECONDS)
_RATE = _column.calls_per_second

# For the sweep: by the time of its transaction, or it would be asked anew for each configuration.
BLOCKED = select(_column.scope).where(_column.blocked_until > func.now())

_LIMITS = select(
    _column.scope, _column.batch_size, _RATE.is_not(None).label("has_bucket"), _BLOCKED.label("blocked")
).where(_OF_SCOPES)


def _take() -> Select[Any]:
    """A token from each bucket, or from none."""
    seconds = func.greatest(func.extract("epoch", _NOW - _column.refilled_at), 0)
    # A second's worth, and a whole call also where that is less.
    full = func.greatest(_RATE, 1)
    level = case((_BLOCKED, 0), else_=func.least(full, _column.tokens + _RATE * seconds)).label("level")
    wanted = select(_column.scope, level).where(_OF_SCOPES, _RATE.is_not(None)).order_by(_IS_ACCOUNT)
    held = wanted.with_for_update(key_share=True).cte("held")
    enough = not_(select(held.c.scope).where(held.c.level < 1).exists())
    taking = update(send_pressure).where(_column.scope == held.c.scope, enough)
    taken = taking.values(tokens=held.c.level - 1, refilled_at=func.greatest(_column.refilled_at, _NOW)).cte(
        "taken"
    )
    return select(enough).add_cte(taken)


def _throttle() -> Any:
    until = _NOW + parameter("wait", Interval)
    first = insert(send_pressure).values(
        scope=parameter("scope"),
        calls_per_second=SERVER_FIRST,
        # The first call after the wait need not wait for its token as well.
        tokens=1,
        refilled_at=until,
        blocked_until=until,
        throttled_at=_NOW,
    )
    longest = func.greatest(_column.blocked_until, first.excluded.blocked_until)
    halved = func.greatest(func.coalesce(_RATE / 2, SERVER_FIRST), SERVER_LEAST)
    return first.on_conflict_do_update(
        index_elements=[_column.scope],
        set_={
            # Calls that were under way when it was narrowed say nothing of the narrower rate.
            "calls_per_second": case((_BLOCKED, _RATE), else_=halved),
            "tokens": 1,
            "refilled_at": longest,
            "blocked_until": longest,
            "throttled_at": first.excluded.throttled_at,
        },
    )


def _narrow_account() -> Any:
    servers = select(func.count()).select_from(send_pressure).where(not_(_IS_ACCOUNT), _LATELY)
    first: dict[str, ColumnElement[Any]] = {
        "scope": literal(ACCOUNT),
        "calls_per_second": literal(ACCOUNT_FIRST),
        "tokens": literal(1.0),
        "refilled_at": _NOW,
        "throttled_at": _NOW,
    }
    due = select(*first.values()).where(servers.scalar_subquery() >= SERVERS_THROTTLED)
    narrowed = insert(send_pressure).from_select(list(first), due)
    return narrowed.on_conflict_do_update(
        index_elements=[_column.scope],
        set_={
            "calls_per_second": func.greatest(func.coalesce(_RATE / 2, ACCOUNT_FIRST), ACCOUNT_LEAST),
            "tokens": 1,
            "refilled_at": narrowed.excluded.refilled_at,
            "throttled_at": narrowed.excluded.throttled_at,
        },
        # Once, however many servers the same rush had throttled.
        where=func.coalesce(not_(_LATELY), True),
    )


def _shrink() -> Any:
    size = parameter("from_size", Integer)
    first = insert(send_pressure).values(scope=parameter("scope"), batch_size=func.greatest(size // 2, 1))
    smaller = func.greatest(func.least(func.coalesce(_column.batch_size, size), size) // 2, 1)
    return first.on_conflict_do_update(index_elements=[_column.scope], set_={"batch_size": smaller})


def _ease() -> ReturningUpdate[Any]:
    wanted = select(_column.scope).where(_OF_SCOPES, not_(_BLOCKED)).order_by(_IS_ACCOUNT)
    held = wanted.with_for_update(key_share=True).cte("held")
    rate = case((_IS_ACCOUNT, _RATE + EASED_BY), else_=_RATE * (1 + EASED_BY))
    free = rate >= case((_IS_ACCOUNT, ACCOUNT_FREE), else_=SERVER_FREE)
    size = _column.batch_size * 2
    values = {
        "batch_size": case((size < parameter("full", Integer), size)),
        "calls_per_second": case((free, null()), else_=rate),
        "tokens": case((free, null()), else_=_column.tokens),
        "refilled_at": case((free, null()), else_=_column.refilled_at),
        "blocked_until": null(),
    }
    eased = update(send_pressure).where(_column.scope == held.c.scope).values(values)
    return eased.returning(_column.batch_size.is_(None) & _RATE.is_(None))


_LIMITED = select(_column.scope).where(_OF_SCOPES).exists()
_IS_LIMITED = select(_LIMITED)
_IS_FREE = select(not_(or_(GATE.exists(), _LIMITED)))
_TAKE = _take()
_THROTTLE = _throttle()
_NARROW_ACCOUNT = _narrow_account()
_SHRINK = _shrink()
_EASE = _ease()
_FREE = delete(send_pressure).where(
    _OF_SCOPES, _column.batch_size.is_(None), _RATE.is_(None), _column.blocked_until.is_(None)
)


class PostgresPressure:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_free(self, configuration_id: UUID) -> bool:
        wanted = {"scopes": [configuration_id, ACCOUNT]}
        return bool(run(self._connection, _IS_FREE, wanted).scalar_one())

    def is_limited(self, configuration_id: UUID) -> bool:
        wanted = {"scopes": [configuration_id, ACCOUNT]}
        return bool(run(self._connection, _IS_LIMITED, wanted).scalar_one())

    def permit(self, configuration_id: UUID) -> Permit:
        rows = rows_of(self._connection, _LIMITS, {"scopes": [configuration_id, ACCOUNT]})
        if not rows:
            return Permit(allowed=True)
        batch_size = next((row["batch_size"] for row in rows if row["scope"] == configuration_id), None)
        buckets = [row["scope"] for row in rows if row["has_bucket"]]
        allowed = not any(row["blocked"] for row in rows) and (not buckets or self._take(buckets))
        return Permit(allowed, batch_size, limited=True)

    def _take(self, scopes: list[UUID]) -> bool:
        return bool(run(self._connection, _TAKE, {"scopes": scopes}).scalar_one())

    def throttled(self, configuration_id: UUID, *, wait_seconds: float) -> None:
        wait = timedelta(seconds=wait_seconds)
        run(self._connection, _THROTTLE, {"scope": configuration_id, "wait": wait})
        run(self._connection, _NARROW_ACCOUNT)

    def shrink_batch(self, configuration_id: UUID, *, from_size: int) -> None:
        run(self._connection, _SHRINK, {"scope": configuration_id, "from_size": from_size})

    def ease(self, configuration_id: UUID, *, full_batch_size: int) -> None:
        scopes = [configuration_id, ACCOUNT]
        eased = run(self._connection, _EASE, {"scopes": scopes, "full": full_batch_size}).scalars()
        if any(eased):
            run(self._connection, _FREE, {"scopes": scopes})
