"""The components of the document: the models that requests are read by and answers are written by."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.domain.job import JobStatus
from shared.domain.lifecycle import SIGNALS, Administrative, Operational
from web import BASE
from web.moments import LAST_MILLISECOND
from web.openapi import queries
from web.operation import Operation
from web.problems import CATALOGUE
from web.schemas import BatchJobInput

Names = Mapping[Any, dict[str, Any]]
TEXT: dict[str, Any] = {"type": "string"}
UUID: dict[str, Any] = {"type": "string", "format": "uuid"}
_PLACE = "#/components/schemas/{model}"


class _Untitled(GenerateJsonSchema):
    """Titles made from names say nothing that the names do not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def reference(name: str) -> dict[str, Any]:
    return {"$ref": _PLACE.format(model=name)}


def schemas_of(operations: Iterable[Operation]) -> tuple[Names, dict[str, Any]]:
    """(model, mode) to its reference, and every component by its name."""
    # Named by hand in its batch, whose items are looked at one by one.
    wanted: dict[Any, None] = {(BatchJobInput, "validation"): None}
    for found in operations:
        wanted |= dict.fromkeys(_models(found))
    names, defined = models_json_schema(list(wanted), ref_template=_PLACE, schema_generator=_Untitled)
    places, models = _called_by_their_titles(names, defined.get("$defs", {}))
    return places, dict(sorted({**models, **queries.schemas(), "Problem": _PROBLEM}.items()))


def _called_by_their_titles(names: Names, models: dict[str, Any]) -> tuple[Names, dict[str, Any]]:
    """A generic model is listed by its parameters, and titled as `model_parametrized_name` calls it."""
    titles = {
        _PLACE.format(model=name): _PLACE.format(model=said.pop("title")) for name, said in models.items()
    }

    def renamed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: renamed(each) for name, each in value.items()}
        if isinstance(value, list):
            return [renamed(each) for each in value]
        return titles.get(value, value) if isinstance(value, str) else value

    places = {name: titles[_PLACE.format(model=name)].rpartition("/")[2] for name in models}
    return {key: renamed(place) for key, place in names.items()}, {
        places[name]: renamed(said) for name, said in models.items()
    }


def _models(found: Operation) -> Iterable[tuple[type[BaseModel], str]]:
    if found.body and not found.locators:
        yield found.body, "validation"
    for model in found.answers.values():
        if model:
            yield model, "serialization"


def _of(*codes: str, **schema: Any) -> dict[str, Any]:
    return {**schema, "description": "with " + ", ".join(f"`{code}`" for code in codes)}


def _with(member: str, **schema: Any) -> dict[str, Any]:
    return _of(*(code for code, kind in CATALOGUE.items() if member in kind.more), **schema)


_MOMENT = {"type": "integer", "minimum": 0, "maximum": LAST_MILLISECOND}
_PROBLEM = {
    "description": f"RFC 9457. Every `code` is explained at {BASE}/docs#errors.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT,
        "code": {"enum": sorted(CATALOGUE)},
        "requestId": TEXT,
        "errors": {
            "description": "Fields or headers to mend. Values are never quoted.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": TEXT, "advice": TEXT},
                "required": ["field", "advice"],
            },
        },
        "retryAfterSeconds": _with("retryAfterSeconds", type="integer", minimum=1),
        "reason": _with("reason", type="string"),
        "since": _with("since", **_MOMENT),
        "sourceEventId": _with("sourceEventId", type=["string", "null"], format="uuid"),
        "suppressionEId": _with("suppressionEId", **UUID),
        "operational": _with("operational", enum=[state.value for state in Operational]),
        "administrative": _with("administrative", enum=[state.value for state in Administrative]),
        "allowedSignals": _with(
            "allowedSignals", type="array", items={"enum": [signal.value for signal in SIGNALS]}
        ),
        "version": _with("version", type="integer", minimum=0),
        "jobStatus": _with("jobStatus", enum=[status.value for status in JobStatus]),
        "mayDecideFrom": _with("mayDecideFrom", **_MOMENT),
    },
    "required": ["type", "title", "status", "detail", "code", "requestId", "errors"],
}
