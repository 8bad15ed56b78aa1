"""A schema in a few words: what a value is, where it is described, and which limits it has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

Schema = Mapping[str, Any]

_LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {:,} characters",
    "minItems": "at least {}",
    "maxItems": "at most {:,}",
    "minimum": "from {}",
    "maximum": "to {}",
    "maxProperties": "at most {} names",
}
_FORMATS = {"uuid": "UUID", "int64": "integer", "uri-reference": "URI reference"}


@dataclass(frozen=True, slots=True)
class Row:
    """A property."""

    name: str
    shape: Markup
    required: bool
    said: str


def rows_of(schema: Schema) -> Iterator[Row]:
    required = schema.get("required", ())
    for name, found in schema.get("properties", {}).items():
        yield Row(name, shape_of(found), name in required, _said(found))


def _said(schema: Schema) -> str:
    told = [schema["description"]] if "description" in schema else []
    limits = [words.format(schema[name]) for name, words in _LIMITS.items() if name in schema]
    return " ".join([*told, *([f"{', '.join(limits).capitalize()}."] if limits else [])])


def shape_of(schema: Schema) -> Markup:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "allOf" in schema:
        return shape_of(schema["allOf"][0])
    for word in ("anyOf", "oneOf"):
        if word in schema and "properties" not in schema:
            return Markup(" or ").join(shape_of(each) for each in schema[word])
    if "enum" in schema or "const" in schema:
        return Markup(", ").join(_value(each) for each in schema.get("enum", [schema.get("const")]))
    return _plain(schema)


def _value(value: object) -> Markup:
    return Markup("<code>{}</code>").format("true" if value is True else value)


def _plain(schema: Schema) -> Markup:
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return Markup("array of {}").format(shape_of(schema.get("items", {})))
    if isinstance(kind, list):
        return Markup(" or ").join(Markup("{}").format(_name(each, schema)) for each in kind)
    return Markup("{}").format(_name(kind, schema))


def _name(kind: str, schema: Schema) -> str:
    return _FORMATS.get(schema.get("format", ""), kind) if kind != "null" else "null"
