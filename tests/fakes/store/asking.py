"""A caller's question, answered without SQL."""

import operator
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from shared.domain.query import And, Compare, Everything, Filter, IsNull, Not, Operator, Or, Query, Sort
from shared.persistence.locators import MILLISECOND, Locators, locator, values_of
from shared.ports.rows import Page

Row = TypeVar("Row")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORDER: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
}


def page_of(
    rows: Iterable[Row], query: Query, locators: Locators, *, default: str, of: Callable[[Row], object]
) -> Page[Row]:
    """`of` is the value whose fields are asked about."""
    wanted = query.sort or (Sort(default),)
    fields = [(locator(locators, sort).field, sort.descending) for sort in wanted]
    fields.append(("e_id", wanted[-1].descending))
    holds = _predicate(query.filter, locators)
    found = [row for row in rows if holds(of(row))]
    for field, descending in reversed(fields):
        found.sort(key=partial(_absent_last, of, field), reverse=descending)
    page = found[query.index : query.index + query.size]
    return Page(tuple(page), more=len(found) > query.index + query.size)


def _absent_last(of: Callable[[Row], object], field: str, row: Row) -> tuple[bool, Any]:
    value = getattr(of(row), field)
    return value is None, value


def _predicate(filter_: Filter, locators: Locators) -> Callable[[object], bool]:
    """Refuses what cannot be asked before there is a row to ask it of."""
    match filter_:
        case Everything():
            return lambda _: True
        case And(parts):
            wanted = [_predicate(part, locators) for part in parts]
            return lambda row: all(holds(row) for holds in wanted)
        case Or(parts):
            wanted = [_predicate(part, locators) for part in parts]
            return lambda row: any(holds(row) for holds in wanted)
        case Not(part):
            unwanted = _predicate(part, locators)
            return lambda row: not unwanted(row)
        case IsNull(_, expected):
            field = locator(locators, filter_).field
            return lambda row: (getattr(row, field) is None) is expected
        case Compare():
            return _comparison(filter_, locators)


def _comparison(leaf: Compare, locators: Locators) -> Callable[[object], bool]:
    field, values = locator(locators, leaf).field, values_of(locators, leaf)
    if leaf.operator in _ORDER:
        compare = _ORDER[leaf.operator]
        return lambda row: (held := _held(row, field)) is not None and compare(held, values[0])
    return lambda row: (_held(row, field) in values) is not (leaf.operator is Operator.NE)


def _held(row: object, field: str) -> Any:
    value = getattr(row, field)
    if isinstance(value, datetime):
        return _EPOCH + (value - _EPOCH) // MILLISECOND * MILLISECOND
    return value
