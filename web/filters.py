"""The filter language: `true`, or leaves `{locator, eq: ...}` and `{locator, isNull: ...}` joined by and, or, not."""

from typing import NoReturn

from shared.domain.query import (
    And,
    Compare,
    Everything,
    Filter,
    IsNull,
    Not,
    Operator,
    Or,
    Scalar,
    Sort,
)
from web.problems import FieldFault, Problem

IN_MAX = 500
SORTS_MAX = 8
TEXT_MAX = 1000
_LEAVES_MAX = 200
# What a bigint holds.
_INTEGER_MAX = 2**63 - 1
_JOINS = ("and", "or", "not")


def filter_of(said: object) -> Filter:
    return _Reader().read(said, "filter")


def sorts_of(said: object) -> tuple[Sort, ...]:
    """`[{locator, descending?}]`."""
    if not isinstance(said, list) or len(said) > SORTS_MAX:
        _refuse("sort", f"send an array of at most {SORTS_MAX} of {{locator, descending}}")
    return tuple(_sort(each, f"sort.{index}") for index, each in enumerate(said))


def _sort(said: object, path: str) -> Sort:
    if not isinstance(said, dict) or not set(said) <= {"locator", "descending"}:
        _refuse(path, "send {locator, descending}")
    descending = said.get("descending", False)
    if not isinstance(descending, bool):
        _refuse(f"{path}.descending", "send true or false")
    return Sort(_locator(said, path), descending)


class _Reader:
    """Counts leaves while it reads: the cost of a filter is theirs."""

    def __init__(self) -> None:
        self._leaves = 0

    def read(self, said: object, path: str) -> Filter:
        if said is True:
            return Everything()
        if not isinstance(said, dict):
            _refuse(path, "send true, a leaf with a locator, or one of and, or, not")
        joins = [join for join in _JOINS if join in said]
        return self._joined(joins[0], said, path) if joins else self._leaf(said, path)

    def _joined(self, join: str, said: dict[str, object], path: str) -> Filter:
        if len(said) != 1:
            _refuse(path, f"send {join} alone in its object")
        if join == "not":
            return Not(self.read(said["not"], f"{path}.not"))
        parts = said[join]
        if not isinstance(parts, list) or not parts:
            _refuse(f"{path}.{join}", "send an array with one filter at least")
        read = tuple(self.read(part, f"{path}.{join}.{index}") for index, part in enumerate(parts))
        return And(read) if join == "and" else Or(read)

    def _leaf(self, said: dict[str, object], path: str) -> Filter:
        self._leaves += 1
        if self._leaves > _LEAVES_MAX:
            _refuse(path, f"send at most {_LEAVES_MAX} leaves")
        locator = _locator(said, path)
        names = [name for name in said if name != "locator"]
        if len(names) != 1 or names[0] not in ("isNull", *Operator):
            _refuse(path, f"beside locator send one of isNull, {', '.join(Operator)}")
        value = said[names[0]]
        if names[0] == "isNull":
            if not isinstance(value, bool):
                _refuse(f"{path}.isNull", "send true or false")
            return IsNull(locator, value)
        operator = Operator(names[0])
        return Compare(locator, operator, _operand(operator, value, f"{path}.{operator}"))


def _operand(operator: Operator, value: object, path: str) -> Scalar | tuple[Scalar, ...]:
    if operator is not Operator.IN:
        return _scalar(value, path)
    if not isinstance(value, list) or len(value) > IN_MAX:
        _refuse(path, f"send an array of at most {IN_MAX} values")
    return tuple(_scalar(each, path) for each in value)


def _scalar(value: object, path: str) -> Scalar:
    if isinstance(value, str) and len(value) <= TEXT_MAX:
        return value
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= _INTEGER_MAX):
        return value
    return _refuse(path, f"send a string of at most {TEXT_MAX} characters, a whole number, true or false")


def _locator(said: dict[str, object], path: str) -> str:
    locator = said.get("locator")
    if not isinstance(locator, str) or not 1 <= len(locator) <= 64 or not locator.isprintable():
        _refuse(f"{path}.locator", "name a field of the payload")
    return locator


def _refuse(path: str, advice: str) -> NoReturn:
    raise Problem("invalid_fields", "the query cannot be asked", errors=[FieldFault(path, advice)])
