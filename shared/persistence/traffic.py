"""How much happened in each minute: added up from what the processes counted."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Interval,
    Text,
    delete,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.traffic import Counted, checked_span
from shared.persistence.sets import as_arrays, given_rows, parameter, rows_of, run
from shared.persistence.tables import MOMENT, traffic
from shared.ports.traffic import Bar

_column = traffic.c
_COUNT = {"counted": Text, "label": Text, "count": BigInteger}
_given = given_rows(**_COUNT)


def _add() -> Any:
    """The rows are sorted before: two that add at once meet in the same order."""
    minute = func.date_trunc("minute", func.now())
    first = insert(traffic).from_select(
        ["minute", *_COUNT], select(minute, _given.c.counted, _given.c.label, _given.c.count)
    )
    return first.on_conflict_do_update(
        index_elements=[_column.minute, _column.counted, _column.label],
        set_={"count": _column.count + first.excluded.count},
    )


_ADD = _add()
# Days begin at midnight UTC: that is the zone of our connections.
_begins_at = func.date_bin(
    parameter("span", Interval), _column.minute, func.date_trunc("day", _column.minute)
).label("begins_at")
_BARS = (
    select(
        _begins_at, _column.counted, _column.label, func.sum(_column.count).cast(BigInteger).label("count")
    )
    .where(_column.minute >= parameter("since", MOMENT), _column.counted.in_(list(Counted)))
    .group_by(_begins_at, _column.counted, _column.label)
    .order_by(_begins_at, _column.counted, _column.label)
)
# By where rows stand: a join by their key would be planned to read the table whole.
_place: ColumnElement[Any] = literal_column("traffic.ctid")
_oldest = (
    select(_place)
    .where(_column.minute < parameter("until", MOMENT))
    .order_by(_column.minute)
    .limit(parameter("limit", Integer))
)
_FORGET = delete(traffic).where(_place == func.any(func.array(_oldest.scalar_subquery())))


class PostgresTraffic:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, counts: Mapping[tuple[Counted, str], int]) -> None:
        rows = [
            {"counted": counted.value, "label": label, "count": count}
            for (counted, label), count in sorted(counts.items())
        ]
        if rows:
            run(self._connection, _ADD, as_arrays(_COUNT, rows))

    def bars(self, *, since: datetime, span_minutes: int) -> Sequence[Bar]:
        span = timedelta(minutes=checked_span(span_minutes))
        rows = rows_of(self._connection, _BARS, {"since": since, "span": span})
        return [Bar(**{**row, "counted": Counted(row["counted"])}) for row in rows]

    def forget(self, *, until: datetime, limit: int) -> int:
        return run(self._connection, _FORGET, {"until": until, "limit": limit}).rowcount
