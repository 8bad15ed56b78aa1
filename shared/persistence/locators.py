"""The fields that callers may filter and sort by, and how their values are read.

Known here without SQL, so that whatever answers a query refuses the same things with the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, StrEnum, auto
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.query import Compare, IsNull, Operator, Scalar, Sort
from shared.domain.suppression import SuppressionReason

MILLISECOND = timedelta(milliseconds=1)
# What datetime can hold, less a day for zones.
_LAST_MILLISECOND = 253_402_214_400_000


class Kind(Enum):
    ID = auto()
    TEXT = auto()
    FLAG = auto()
    # Epoch milliseconds outside, microseconds inside: a value stands for its whole millisecond.
    MOMENT = auto()


@dataclass(frozen=True, slots=True)
class Locator:
    """`field` is the name in the table and in the domain's value."""

    field: str
    kind: Kind = Kind.TEXT
    values: type[StrEnum] | None = None


Locators = Mapping[str, Locator]
Value = UUID | str | bool | datetime

CONFIGURATION: Locators = {
    "eId": Locator("e_id", Kind.ID),
    "sendingDomainSlug": Locator("slug"),
    "operational": Locator("operational", values=Operational),
    "operationalSince": Locator("operational_since", Kind.MOMENT),
    "administrative": Locator("administrative", values=Administrative),
    "administrativeSince": Locator("administrative_since", Kind.MOMENT),
    "retired": Locator("retired", Kind.FLAG),
    "createdAt": Locator("created_at", Kind.MOMENT),
    "updatedAt": Locator("updated_at", Kind.MOMENT),
}
JOB: Locators = {
    "eId": Locator("e_id", Kind.ID),
    "configurationEId": Locator("configuration_id", Kind.ID),
    "status": Locator("status", values=JobStatus),
    "recipient": Locator("recipient"),
    "tag": Locator("tag"),
    "acceptedAt": Locator("accepted_at", Kind.MOMENT),
    "updatedAt": Locator("updated_at", Kind.MOMENT),
    "errorCode": Locator("error_code"),
    "idempotencyKey": Locator("idempotency_key"),
    "providerMessageId": Locator("provider_message_id"),
}
SUPPRESSION: Locators = {
    "eId": Locator("e_id", Kind.ID),
    "address": Locator("address"),
    "reason": Locator("reason", values=SuppressionReason),
    "active": Locator("active", Kind.FLAG),
    "since": Locator("since", Kind.MOMENT),
}
_EQUALITY = (Operator.EQ, Operator.NE, Operator.IN)


def locator(locators: Locators, leaf: Compare | IsNull | Sort) -> Locator:
    try:
        return locators[leaf.locator]
    except KeyError:
        raise InvalidValue(
            "locator", f"{leaf.locator!r} does not exist; there are {', '.join(locators)}"
        ) from None


def values_of(locators: Locators, leaf: Compare) -> tuple[Value, ...]:
    """The leaf's value, or for `in` its values, as the field's own type."""
    found = locator(locators, leaf)
    if found.kind is Kind.FLAG and leaf.operator not in _EQUALITY:
        raise InvalidValue(leaf.locator, "is true or false: compare it with eq, ne or in")
    many = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if isinstance(leaf.value, tuple) is not (leaf.operator is Operator.IN):
        raise InvalidValue(leaf.locator, "give a list to in, and one value to every other comparison")
    return tuple(_value(leaf.locator, found, value) for value in many)


def _value(name: str, found: Locator, value: Scalar) -> Value:
    match found.kind, value:
        case Kind.FLAG, bool():
            return value
        case Kind.MOMENT, int() if not isinstance(value, bool) and 0 <= value <= _LAST_MILLISECOND:
            return datetime(1970, 1, 1, tzinfo=UTC) + value * MILLISECOND
        case Kind.ID, str():
            return _id(name, value)
        case Kind.TEXT, str():
            return _text(name, found, value)
    raise InvalidValue(name, _WANTED[found.kind])


_WANTED = {
    Kind.FLAG: "give true or false",
    Kind.MOMENT: "give epoch milliseconds",
    Kind.ID: "give a UUID",
    Kind.TEXT: "give a string",
}


def _id(name: str, value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidValue(name, _WANTED[Kind.ID]) from None


def _text(name: str, found: Locator, value: str) -> str:
    if found.values is not None and value not in list(found.values):
        raise InvalidValue(name, f"give one of {', '.join(found.values)}")
    return storable(name, value)


def storable(name: str, value: str) -> str:
    """What PostgreSQL can hold, and so what can be looked for there."""
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in value):
        raise InvalidValue(name, "give text without NUL and without halves of surrogate pairs")
    return value
