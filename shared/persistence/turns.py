"""Turns at a neighbour: the generic cell rate algorithm on one row, by the database's clock.

The row says when the next free turn is. In the past it is credit, never more than lets so many calls go at once;
in the future it is what others wait for already.
"""

import math
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Interval, Text, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.persistence.sets import parameter, run
from shared.persistence.tables import neighbour_turn
from shared.ports.pace import Turn

_column = neighbour_turn.c
# Not now(), nor the excluded row's: whoever waited for the row's lock would take a turn that has gone by.
_NOW = func.clock_timestamp()
_NEIGHBOUR = parameter("neighbour", Text)
_INTERVAL, _CREDIT = parameter("interval", Interval), parameter("credit", Interval)


def _take() -> Any:
    first = insert(neighbour_turn).values(neighbour=_NEIGHBOUR, free_at=_NOW - _CREDIT + _INTERVAL)
    taken = first.on_conflict_do_update(
        index_elements=[_column.neighbour],
        set_={"free_at": func.greatest(_column.free_at, _NOW - _CREDIT) + _INTERVAL},
        where=_column.free_at <= _NOW + parameter("patience", Interval),
    )
    return taken.returning(_column.free_at - _INTERVAL - _NOW)


_TAKE = _take()
_WAIT = select(_column.free_at - _NOW).where(_column.neighbour == _NEIGHBOUR)


class PostgresTurns:
    """The row stays locked until the transaction ends: one that takes a turn should do nothing else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(
        self, neighbour: str, *, per_second: float, patience_seconds: float, at_once: float | None = None
    ) -> Turn:
        # Rounded up: the database counts microseconds, and a third of a second must not become a little less.
        interval = timedelta(microseconds=math.ceil(1_000_000 / per_second))
        wanted = {
            "neighbour": neighbour,
            "interval": interval,
            "credit": interval * max((per_second if at_once is None else at_once) - 1, 0),
            "patience": timedelta(seconds=patience_seconds),
        }
        wait = run(self._connection, _TAKE, wanted).scalar()
        if wait is not None:
            return Turn(granted=True, wait_seconds=_seconds(wait))
        wait = run(self._connection, _WAIT, {"neighbour": neighbour}).scalar_one()
        return Turn(granted=False, wait_seconds=_seconds(wait))


def _seconds(wait: timedelta) -> float:
    return max(wait.total_seconds(), 0.0)
