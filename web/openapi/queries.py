"""The query language as a schema: of each table the locators that callers may use, with values of their own kinds."""

from collections.abc import Mapping
from typing import Any

from shared.domain.query import PAGE_SIZE_MAX, Operator
from shared.persistence import locators
from shared.persistence.locators import Kind, Locator
from web.filters import IN_MAX, SORTS_MAX, TEXT_MAX
from web.moments import LAST_MILLISECOND
from web.paging import INDEX_MAX

TABLES: Mapping[str, locators.Locators] = {
    "Job": locators.JOB,
    "Configuration": locators.CONFIGURATION,
    "Suppression": locators.SUPPRESSION,
}
_EQUALITY = (Operator.EQ, Operator.NE, Operator.IN)
_PAGE = "Of an earlier answer: `thisPage`, `nextPage` or `previousPage`. It holds the whole question."
_FILTER = "`true` for everything; a leaf, which compares one field; or `and`, `or`, `not` of filters."


def schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, table in TABLES.items():
        found[f"{name}Filter"] = _filter(name, table)
        found[f"{name}Query"] = _query(name, table)
    return found


def _query(name: str, table: locators.Locators) -> dict[str, Any]:
    asked = {
        "filter": {"$ref": _place(name), "default": True},
        "sort": {
            "type": "array",
            "maxItems": SORTS_MAX,
            "items": _object(
                {"locator": {"enum": list(table)}, "descending": {"type": "boolean"}}, required=["locator"]
            ),
        },
        "paginate": _object({"index": _number(0, INDEX_MAX), "size": _number(1, PAGE_SIZE_MAX)}, required=[]),
    }
    page = {"page": {"type": "string", "description": _PAGE, "pattern": "^[A-Za-z0-9_-]+=*$"}}
    return {
        "description": "A question, or `page` alone: a token of an earlier answer.",
        "anyOf": [_object(asked, required=[]), _object(page, required=["page"])],
    }


def _filter(name: str, table: locators.Locators) -> dict[str, Any]:
    each = {"$ref": _place(name)}
    some = {"type": "array", "items": each, "minItems": 1}
    return {
        "description": _FILTER,
        "anyOf": [
            {"const": True},
            *(_leaf(locator, found) for locator, found in table.items()),
            _object({"and": some}, required=["and"]),
            _object({"or": some}, required=["or"]),
            _object({"not": each}, required=["not"]),
        ],
    }


def _leaf(name: str, found: Locator) -> dict[str, Any]:
    value = _value(found)
    many = {"type": "array", "items": value, "maxItems": IN_MAX}
    operators = _EQUALITY if found.kind is Kind.FLAG else tuple(Operator)
    compared = {operator.value: many if operator is Operator.IN else value for operator in operators}
    leaf = _object(
        {"locator": {"const": name}, **compared, "isNull": {"type": "boolean"}}, required=["locator"]
    )
    # The locator, and one comparison.
    return {**leaf, "minProperties": 2, "maxProperties": 2}


def _value(found: Locator) -> dict[str, Any]:
    match found.kind:
        case Kind.FLAG:
            return {"type": "boolean"}
        case Kind.MOMENT:
            return _number(0, LAST_MILLISECOND)
        case Kind.ID:
            return {"type": "string", "format": "uuid"}
        case Kind.TEXT if found.values is not None:
            return {"enum": [value.value for value in found.values]}
    return {"type": "string", "maxLength": TEXT_MAX, "pattern": r"^[^\x00]*$"}


def _number(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    described = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**described, "required": required} if required else described


def _place(name: str) -> str:
    return f"#/components/schemas/{name}Filter"
