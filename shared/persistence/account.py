"""The provider account that all tenants share: one row, and none while nothing was wrong since the last good probe.

While a recovery is open the gate is shut, whatever the row says, and nobody probes.

open --pause--> shut --its time is over--> one probes --resume--> open
                 ^                            |
                 `----------- pause ----------'
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Interval,
    Text,
    case,
    delete,
    func,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.held import HELD
from shared.persistence.sets import after, parameter, run
from shared.persistence.tables import provider_account
from shared.ports.pressure import Gate

_column = provider_account.c
_ONLY = 1
# 2 ** 20 times any pause is longer than the longest.
_DOUBLINGS_MAX = 20

_PAUSED = _column.paused_until > func.clock_timestamp()
_PROBED = func.coalesce(_column.probing_until > func.clock_timestamp(), False)
SHUT = or_(select(_column.id).where(or_(_PAUSED, _PROBED)).exists(), HELD)

_OWN = select(or_(_PAUSED, _PROBED).label("shut")).where(_column.id == _ONLY)
# Rows only while something is wrong, each with whether it shuts the gate.
GATE = union_all(_OWN, select(true()).where(HELD))
# Passed over while another transaction holds it: nobody waits only to hear that he came second.
_free = select(_column.id).where(~_PAUSED, ~_PROBED).with_for_update(skip_locked=True, key_share=True)
_PROBE = (
    update(provider_account)
    .where(_column.id == _free.scalar_subquery())
    .values(probing_until=after("probe"), updated_at=func.now())
    .returning(_column.id)
)
_HAND_BACK = update(provider_account).where(_column.id == _ONLY, ~_PAUSED).values(probing_until=null())
_RESUME = delete(provider_account).where(_column.id == _ONLY, ~_PAUSED)
_UNTIL = select(_column.paused_until).where(_PAUSED)


def _pause() -> Any:
    length, longest = parameter("length", Interval), parameter("longest", Interval)
    first = insert(provider_account).values(
        id=_ONLY,
        paused_until=func.clock_timestamp() + func.least(length, longest),
        reason=parameter("reason", Text),
        updated_at=func.now(),
        pauses_in_a_row=1,
    )
    # Calls that were under way when the gate was shut fail as well: that is no second pause.
    in_a_row = case((_PAUSED, func.greatest(_column.pauses_in_a_row, 1)), else_=_column.pauses_in_a_row + 1)
    times = func.power(2, func.least(in_a_row - 1, _DOUBLINGS_MAX))
    until = func.clock_timestamp() + func.least(length.op("*", return_type=Interval())(times), longest)
    return first.on_conflict_do_update(
        index_elements=[_column.id],
        set_={
            "paused_until": func.greatest(_column.paused_until, until),
            "reason": first.excluded.reason,
            "updated_at": first.excluded.updated_at,
            "pauses_in_a_row": in_a_row,
            "probing_until": null(),
        },
    ).returning(_column.pauses_in_a_row)


_PAUSE = _pause()


class PostgresAccountState:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def gate(self, *, probe_seconds: float) -> Gate:
        shut = run(self._connection, GATE).scalars().all()
        if not shut:
            return Gate.OPEN
        if any(shut):
            return Gate.SHUT
        taken = run(self._connection, _PROBE, {"probe": timedelta(seconds=probe_seconds)}).first()
        return Gate.SHUT if taken is None else Gate.PROBE

    def pause(self, *, seconds: float, longest_seconds: float, reason: str) -> float:
        wanted = {
            "length": timedelta(seconds=seconds),
            "longest": timedelta(seconds=longest_seconds),
            "reason": reason,
        }
        in_a_row = int(run(self._connection, _PAUSE, wanted).scalar_one())
        return min(longest_seconds, seconds * 2.0 ** min(in_a_row - 1, _DOUBLINGS_MAX))

    def hand_back(self) -> None:
        run(self._connection, _HAND_BACK)

    def resume(self) -> None:
        run(self._connection, _RESUME)

    def paused_until(self) -> datetime | None:
        return self._connection.scalar(_UNTIL)
