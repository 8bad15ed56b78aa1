"""A caller's question as SQL. A leaf about an absent value is false, `ne` is its opposite: never a third answer."""

import operator
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, true

from shared.domain.query import And, Compare, Everything, Filter, IsNull, Not, Operator, Or, Query, Sort
from shared.persistence.locators import MILLISECOND, Kind, Locators, locator, values_of

Columns = Mapping[str, ColumnElement[Any]]


class Asked:
    """The fields that a table can be asked about: `locators` says what callers may say, `columns` what it means."""

    def __init__(self, locators: Locators, columns: Columns, *, default: str) -> None:
        """`default` is the locator that rows are sorted by when nothing else was said."""
        self._locators = locators
        self._columns = columns
        self._default = Sort(default)

    def page(self, rows: Select[Any], query: Query) -> Select[Any]:
        """One row more than the page holds: its being there is the answer to whether there are more."""
        ordered = rows.where(self._where(query.filter)).order_by(*self._order(query.sort))
        return ordered.offset(query.index).limit(query.size + 1)

    def _order(self, sorts: tuple[Sort, ...]) -> list[ColumnElement[Any]]:
        wanted = sorts or (self._default,)
        # The id last: without it, rows that are equal otherwise could be on two pages or on none.
        wanted += (Sort("eId", wanted[-1].descending),)
        columns = [(self._column(sort), sort.descending) for sort in wanted]
        return [column.desc() if descending else column.asc() for column, descending in columns]

    def _column(self, leaf: Compare | IsNull | Sort) -> ColumnElement[Any]:
        return self._columns[locator(self._locators, leaf).field]

    def _where(self, filter_: Filter) -> ColumnElement[bool]:
        match filter_:
            case Everything():
                return true()
            case And(parts):
                return and_(true(), *map(self._where, parts))
            case Or(parts):
                return or_(false(), *map(self._where, parts))
            case Not(part):
                return self._where(part).is_not(true())
            case IsNull(_, expected):
                column = self._column(filter_)
                return column.is_(None) if expected else column.is_not(None)
            case Compare():
                return self._compare(filter_)

    def _compare(self, leaf: Compare) -> ColumnElement[bool]:
        column, values = self._column(leaf), values_of(self._locators, leaf)
        if locator(self._locators, leaf).kind is Kind.MOMENT:
            return _compare_moments(column, leaf.operator, values)
        match leaf.operator:
            case Operator.EQ | Operator.IN:
                return column.in_(values)
            case Operator.NE:
                return column.is_distinct_from(values[0])
        return _ORDER[leaf.operator](column, values[0])


Comparison = Callable[[Any, Any], ColumnElement[bool]]
_ORDER: Mapping[Operator, Comparison] = {
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
}
# Later than a millisecond is from its end on.
_ORDER_OF_MOMENTS: Mapping[Operator, tuple[Comparison, timedelta]] = {
    Operator.GT: (operator.ge, MILLISECOND),
    Operator.GE: (operator.ge, timedelta(0)),
    Operator.LT: (operator.lt, timedelta(0)),
    Operator.LE: (operator.lt, MILLISECOND),
}


def _compare_moments(
    column: ColumnElement[Any], asked: Operator, values: tuple[Any, ...]
) -> ColumnElement[bool]:
    """Each value is a whole millisecond, as callers were told the time."""
    if asked in _ORDER_OF_MOMENTS:
        compare, shift = _ORDER_OF_MOMENTS[asked]
        return compare(column, values[0] + shift)
    within = or_(false(), *(and_(column >= value, column < value + MILLISECOND) for value in values))
    return within.is_not(true()) if asked is Operator.NE else within
