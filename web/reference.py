"""The reference page: what the OpenAPI document says, laid out for people. No script, and nothing from elsewhere."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from web.examples import common
from web.openapi.document import Described, described_of, document
from web.openapi.shapes import Row, rows_of, shape_of
from web.operation import Access, Example
from web.problems import CATALOGUE

_TEMPLATE = "docs.html"
_CODE = re.compile(r"`([^`]+)`")
_STRONG = re.compile(r"\*\*([^*]+)\*\*")


@dataclass(frozen=True, slots=True)
class Shown:
    """An example as it goes over the wire."""

    name: str
    title: str
    given: str
    status: int
    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation: `said` is what the document has of it."""

    anchor: str
    method: str
    path: str
    said: Mapping[str, Any]
    who: str
    body: Markup | None
    answers: list[tuple[str, Markup, Markup]]
    examples: list[Shown]


def reference_page(app: Flask) -> tuple[str, str]:
    """The page, and the policy that it is to be sent with: its one style sheet is named by its hash."""
    template = app.jinja_env.get_template(_TEMPLATE)
    style = "".join(template.blocks["style"](template.new_context()))
    described = document(app)
    entries = [_entry(each, described) for each in described_of(app)]
    text = template.render(
        document=described,
        prose=prose,
        groups=[
            (tag, [entry for entry in entries if tag["name"] in entry.said["tags"]])
            for tag in described["tags"]
        ],
        problems=CATALOGUE,
        schemas=list(_schemas(described)),
    )
    return text, _policy(style)


def prose(text: str) -> Markup:
    return Markup("").join(
        Markup("<p>{}</p>").format(_marked(" ".join(part.split()))) for part in text.split("\n\n")
    )


def _marked(text: str) -> Markup:
    """The two marks that our descriptions use; everything else is text."""
    marked = _STRONG.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", str(escape(text))))
    return Markup(marked)  # noqa: S704 - escaped above


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    nothing = "; ".join(
        f"{what} 'none'" for what in ("default-src", "frame-ancestors", "base-uri", "form-action")
    )
    return f"{nothing}; style-src 'sha256-{digest}'"


def _entry(each: Described, described: Mapping[str, Any]) -> Entry:
    said = described["paths"][each.path][each.method]
    return Entry(
        anchor=each.operation_id,
        method=each.method.upper(),
        path=each.path,
        said=said,
        who=_WHO[each.found.access],
        body=_body(said),
        answers=[
            (f"{status} {HTTPStatus(int(status)).phrase}", prose(answer["description"]), _content(answer))
            for status, answer in said["responses"].items()
        ],
        examples=[_shown(each, name, example) for name, example in each.found.examples.items()],
    )


_WHO = {
    Access.CALLER: "A key as bearer, and the tenant's id.",
    Access.PROVIDER: "A key as bearer, and the routing token: the provider.",
    Access.OPERATOR: "Somebody who is signed in to the console.",
    Access.PUBLIC: "Anybody.",
}


def _body(said: Mapping[str, Any]) -> Markup | None:
    if "requestBody" not in said:
        return None
    ((media_type, content),) = said["requestBody"]["content"].items()
    needed = "" if said["requestBody"]["required"] else ", may be left out"
    return Markup("{} as <code>{}</code>{}").format(shape_of(content["schema"]), media_type, needed)


def _content(answer: Mapping[str, Any]) -> Markup:
    """What of it: the body's shape, and headers beside the one that every answer has."""
    shapes = [shape_of(content["schema"]) for content in answer.get("content", {}).values()]
    headers = [
        Markup("<code>{}</code>: {}").format(name, _marked(header["description"]))
        for name, header in answer["headers"].items()
        if name != "X-Request-ID"
    ]
    return Markup("<br>").join([*shapes, *headers])


def _shown(each: Described, name: str, example: Example) -> Shown:
    return Shown(
        name, example.title, example.given, example.status, _request(each, example), _answer(example)
    )


def _request(each: Described, example: Example) -> str:
    query = "&".join(f"{name}={value}" for name, value in example.query.items())
    line = f"{each.method.upper()} {each.path.format(**example.path)}{'?' if query else ''}{query}"
    headers = {**_always(each.found.access), **example.headers}
    if example.body is not None:
        headers["Content-Type"] = each.found.body_text or "application/json"
    return _message(line, headers, example.body)


def _always(access: Access) -> dict[str, str]:
    bearer = {"Authorization": "Bearer <key>"}
    if access is Access.CALLER:
        return {
            **bearer,
            "X-Tenant-Id": common.TENANT,
            "X-Author": common.AUTHOR,
            "X-Request-ID": common.REQUEST,
        }
    return bearer if access is Access.PROVIDER else {}


def _answer(example: Example) -> str:
    line = f"{example.status} {HTTPStatus(example.status).phrase}"
    return _message(line, example.answer_headers, example.answer)


def _message(line: str, headers: Mapping[str, str], body: object) -> str:
    text = "\n".join([line, *(f"{name}: {value}" for name, value in headers.items())])
    if body is None:
        return text
    return f"{text}\n\n{body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)}"


def _schemas(described: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Row], str]]:
    for name, schema in described["components"]["schemas"].items():
        yield name, schema.get("description", ""), list(rows_of(schema)), json.dumps(schema, indent=2)
