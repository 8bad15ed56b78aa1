"""The OpenAPI 3.1 document, written from the routes themselves: what `web.operation` says of each, and its models."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Flask
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from werkzeug.routing import Rule

from web import BASE, filters
from web.operation import Access, Operation, operation_of
from web.problems import CATALOGUE
from web.schemas import BatchJobInput

_VERSION = "1.0.0"
_REF = "#/components/schemas/{model}"
_EVERY_CALLER = ("unauthorized", "store_unavailable", "internal")
_HEADERS = {
    "X-Tenant-Id": "the tenant's UUID",
    "X-Author": "who does this; 1 to 255 printable ASCII characters",
}
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.CALLER: [{"key": []}],
    Access.PROVIDER: [{"key": []}],
    Access.PUBLIC: [],
}


class _Untitled(GenerateJsonSchema):
    """Titles made from names say nothing that the names do not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(app: Flask) -> dict[str, Any]:
    described = list(_described(app))
    names, schemas = _schemas(described)
    paths: dict[str, Any] = {}
    for path, method, rule, found in described:
        paths.setdefault(path, {})[method] = _operation(rule, found, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop access: e-mail", "version": _VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(app: Flask) -> Iterator[tuple[str, str, Rule, Operation]]:
    """Every route but the console's: its pages are for people."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.rule == "/console" or rule.rule.startswith("/console/"):
            continue
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        found = operation_of(app.view_functions[rule.endpoint])
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield path, method.lower(), rule, found


def _schemas(described: list[tuple[str, str, Rule, Operation]]) -> tuple[dict[Any, str], dict[str, Any]]:
    # Named by hand in its batch, whose items are looked at one by one.
    wanted: dict[Any, None] = {(BatchJobInput, "validation"): None}
    for _, _, _, found in described:
        if found.body:
            wanted[found.body, "validation"] = None
        wanted |= {(model, "serialization"): None for model in found.answers.values() if model}
    references, defined = models_json_schema(list(wanted), ref_template=_REF, schema_generator=_Untitled)
    names = {key: reference["$ref"] for key, reference in references.items()}
    schemas = {**defined.get("$defs", {}), "Filter": filters.schema(), "Problem": _PROBLEM}
    schemas["QueryInput"]["properties"] |= {
        "filter": {"$ref": "#/components/schemas/Filter"},
        "sort": _SORT,
        "page": {"type": "string", "description": "a token of an earlier answer, alone in its body"},
    }
    return names, schemas


def _operation(rule: Rule, found: Operation, names: Mapping[Any, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "tags": [rule.endpoint.split(".")[0]],
        "summary": found.summary,
        "security": _SECURITY[found.access],
        "parameters": list(_parameters(rule, found)),
        "responses": _responses(found, names),
    }
    if found.body:
        content = {"application/json": {"schema": {"$ref": names[found.body, "validation"]}}}
        described["requestBody"] = {"required": found.body_required, "content": content}
    if found.body_text:
        described["requestBody"] = {"required": True, "content": {found.body_text: {"schema": _TEXT}}}
    return described


def _parameters(rule: Rule, found: Operation) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments):
        kind = {"type": "string", "format": "uuid"} if name == "e_id" else {"type": "string"}
        yield {"in": "path", "name": name, "required": True, "schema": kind}
    for name, description in found.parameters.items():
        yield _parameter("query", name, description, required=False, kind="integer")
    for name, description in found.switches.items():
        yield _parameter("query", name, description, required=False, kind="boolean")
    if found.access is Access.CALLER:
        for name, description in _HEADERS.items():
            yield _parameter("header", name, description, required=found.writes or name == "X-Tenant-Id")
    for name, description in found.headers.items():
        yield _parameter("header", name, description, required=True)
    for name, description in found.conditions.items():
        yield _parameter("header", name, description, required=False)


def _parameter(
    place: str, name: str, description: str, *, required: bool, kind: str = "string"
) -> dict[str, Any]:
    schema = {"type": kind}
    return {"in": place, "name": name, "description": description, "required": required, "schema": schema}


def _responses(found: Operation, names: Mapping[Any, str]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in found.answers.items():
        responses[str(status)] = {"description": _DESCRIPTIONS.get(status, "done")}
        if found.answer_headers:
            responses[str(status)]["headers"] = {
                name: {"description": description, "schema": _TEXT}
                for name, description in found.answer_headers.items()
            }
        if model:
            schema = {"$ref": names[model, "serialization"]}
            responses[str(status)]["content"] = {"application/json": {"schema": schema}}
        elif found.answer_text:
            responses[str(status)]["content"] = {found.answer_text: {"schema": _TEXT}}
    for code in _problems(found):
        kind = CATALOGUE[code]
        known = responses.setdefault(str(kind.status), _problem_response())
        known["description"] = f"{known['description']} {code}: {kind.title}.".strip()
    return responses


def _problems(found: Operation) -> list[str]:
    common = () if found.access is Access.PUBLIC else _EVERY_CALLER
    headers = ("invalid_header",) if found.access is Access.CALLER else ()
    return list(dict.fromkeys((*headers, *common, *found.problems)))


def _problem_response() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": "", "content": {"application/problem+json": {"schema": schema}}}


_DESCRIPTIONS = {202: "work follows", 304: "what the caller has is current"}
_SORT = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"locator": {"type": "string"}, "descending": {"type": "boolean"}},
        "required": ["locator"],
        "additionalProperties": False,
    },
}
_TEXT = {"type": "string"}
_PROBLEM = {
    "description": f"RFC 9457; every code is explained at {BASE}/docs",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {"enum": sorted(CATALOGUE)},
        "requestId": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": _TEXT, "advice": _TEXT},
                "required": ["field", "advice"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "requestId", "errors"],
}
