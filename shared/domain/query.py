"""A question about records, as a value: what a caller may ask, before anyone knows of SQL."""

from dataclasses import dataclass
from enum import StrEnum

PAGE_SIZE_MAX = 500

Scalar = str | int | bool


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Everything:
    """The filter `true`."""


@dataclass(frozen=True, slots=True)
class Compare:
    """`locator` is the name of a payload field as callers see it. `value` is a tuple for IN."""

    locator: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    locator: str
    expected: bool = True


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Filter"


Filter = Everything | Compare | IsNull | And | Or | Not


@dataclass(frozen=True, slots=True)
class Sort:
    locator: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """`index` counts rows to pass over; the answer says whether there are more."""

    filter: Filter = Everything()
    sort: tuple[Sort, ...] = ()
    index: int = 0
    size: int = 100
