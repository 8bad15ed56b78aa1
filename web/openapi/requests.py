"""What an operation takes: its parameters and its body, with examples of both."""

from collections.abc import Iterator, Sequence
from typing import Any

from web.moments import LAST_MILLISECOND
from web.openapi.schemas import TEXT, UUID, Names, reference
from web.operation import Access, Operation

_TENANT = "The tenant. What is another tenant's is answered as if it were not there."
_AUTHOR = "Who does this; kept with what is done. 1 to 255 printable ASCII characters."
_REQUEST_ID = (
    "Echoed, and in our logs; quote it when you report a fault. Made when it is absent, or when it is none: "
    "1 to 128 of A-Z, a-z, 0-9 and ._:/+=@- are one."
)
# White space around a header's value is not part of it.
_PRINTABLE = "[!-~]([ -~]{0,253}[!-~])?"
_MOMENT = {"type": "integer", "minimum": 0, "maximum": LAST_MILLISECOND}
_TAGS = {"type": "string", "pattern": r'^(\*|(W/)?"[0-9]{1,18}"(, ?(W/)?"[0-9]{1,18}"){0,20})$'}
# Bodies that the document would call wrong are no examples of right ones.
_BEFORE_THE_FIELDS = (400, 413, 415)


def parameters(found: Operation, parts: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in parts:
        yield _with_example(found, _in_path(found, name))
    for name, said in found.parameters.items():
        yield _parameter("query", name, said, _MOMENT)
    for name, said in found.switches.items():
        yield _parameter("query", name, said, {"type": "boolean"})
    yield from _headers(found)


def _headers(found: Operation) -> Iterator[dict[str, Any]]:
    if found.access is Access.CALLER:
        yield _parameter("header", "X-Tenant-Id", _TENANT, UUID, required=True)
        yield _parameter("header", "X-Author", _AUTHOR, _author(found), required=found.writes)
    for name, said in found.headers.items():
        yield _with_example(found, _parameter("header", name, said, _text(f"^{_PRINTABLE}$"), required=True))
    for name, said in found.conditions.items():
        yield _with_example(found, _parameter("header", name, said, _TAGS))
    if found.access is not Access.PUBLIC:
        yield _parameter("header", "X-Request-ID", _REQUEST_ID, TEXT)


def _in_path(found: Operation, name: str) -> dict[str, Any]:
    words = found.path_values.get(name)
    schema = {"type": "string", "enum": list(words)} if words else UUID
    said = f"One of {', '.join(words)}." if words else "The `eId` of an earlier answer."
    return _parameter("path", name, said, schema, required=True)


def _parameter(
    place: str, name: str, said: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    return {"in": place, "name": name, "description": said, "required": required, "schema": schema}


def _with_example(found: Operation, parameter: dict[str, Any]) -> dict[str, Any]:
    """The first that any example has."""
    name = parameter["name"]
    places = (
        (example.path if parameter["in"] == "path" else example.headers)
        for example in found.examples.values()
    )
    shown = next((place[name] for place in places if name in place), None)
    return {**parameter, "example": shown} if shown is not None else parameter


def _author(found: Operation) -> dict[str, Any]:
    """Where it need not be said, an empty one is as good as none; and the server makes one of what is not ASCII."""
    return _text(f"^{_PRINTABLE}$") if found.writes else _text(r"^[^\x00-\x1f\x7f]{0,255}$")


def _text(pattern: str) -> dict[str, Any]:
    return {**TEXT, "pattern": pattern}


def request_body(found: Operation, names: Names) -> dict[str, Any] | None:
    if found.body_text:
        content: dict[str, Any] = {found.body_text: {"schema": TEXT}}
    elif found.locators:
        content = {"application/json": {"schema": reference(f"{found.locators}Query")}}
    elif found.body:
        content = {"application/json": {"schema": names[found.body, "validation"]}}
    else:
        return None
    examples = {
        name: {"summary": example.title, "value": example.body}
        for name, example in found.examples.items()
        if example.body is not None and example.status not in _BEFORE_THE_FIELDS
    }
    if examples:
        next(iter(content.values()))["examples"] = examples
    return {"required": found.body_required or bool(found.body_text), "content": content}
