"""The document as a whole: which routes are in it, and under which names."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from web import BASE
from web.openapi.answers import responses
from web.openapi.requests import parameters, request_body
from web.openapi.schemas import Names, schemas_of
from web.operation import Access, Operation, operation_of

API_VERSION = "1.0.0"
_PART = re.compile(r"<(?:\w+:)?(\w+)>")
# Pages for people, which change as people like; what is described here is for programs.
_FOR_PEOPLE = ("/console/", "/static/")
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.CALLER: [{"key": []}],
    Access.PROVIDER: [{"key": []}],
    Access.PUBLIC: [],
}
_DESCRIPTION = """\
Sends transactional mail for tenants, each from a domain of its own.

A tenant's **configuration** is made once, provisioned and verified; then **jobs** are accepted, one message to one
recipient each, and never sent twice. Times are epoch milliseconds. Every error is `application/problem+json`
(RFC 9457): decide by its `code`. There is no limit of requests per caller, so no answer is a 429 and none has
`RateLimit` fields; an answer that knows how long to wait says so in `Retry-After`."""
_TAGS = {
    "job": "Mail: accepted once, told of until its end.",
    "configuration": "A tenant's right to send: its states, its history, and the signals that steer it.",
    "suppression": "The addresses that a tenant must not mail.",
    "postmark_events": "The provider's door. Not for callers.",
    "health": "For whoever runs the module.",
    "documentation": "This description.",
}


@dataclass(frozen=True, slots=True)
class Described:
    """One operation, with its path as callers write it."""

    path: str
    method: str
    rule: Rule
    found: Operation

    @property
    def operation_id(self) -> str:
        return str(self.rule.endpoint).replace(".", "_")

    @property
    def tag(self) -> str:
        return str(self.rule.endpoint).split(".", maxsplit=1)[0]


def document(app: Flask) -> dict[str, Any]:
    described = list(described_of(app))
    names, schemas = schemas_of(each.found for each in described)
    paths: dict[str, Any] = {}
    for each in described:
        paths.setdefault(each.path, {})[each.method] = _operation(each, names)
    used = {each.tag for each in described}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop access: e-mail", "version": API_VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items() if name in used],
        "externalDocs": {"url": f"{BASE}/docs", "description": "The same for people"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Any key that is valid now."}
            },
        },
    }


def described_of(app: Flask) -> Iterator[Described]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if f"{rule.rule}/".startswith(_FOR_PEOPLE):
            continue
        path = _PART.sub(lambda part: f"{{{as_written(part[1])}}}", rule.rule)
        found = operation_of(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Described(path, method.lower(), rule, found)


def as_written(argument: str) -> str:
    """A part of a path as callers know it."""
    return "eId" if argument == "e_id" else argument


def _operation(each: Described, names: Names) -> dict[str, Any]:
    found = each.found
    described: dict[str, Any] = {
        "operationId": each.operation_id,
        "tags": [each.tag],
        "summary": found.summary,
        "description": found.description or f"{found.summary}.",
        "security": _SECURITY[found.access],
        "parameters": list(parameters(found, [as_written(part) for part in sorted(each.rule.arguments)])),
        "responses": responses(found, names),
    }
    body = request_body(found, names)
    return {**described, "requestBody": body} if body else described
