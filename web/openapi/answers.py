"""What an operation answers: each status with its body, its headers, examples, and every problem by its `code`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from web import BASE
from web.openapi.schemas import TEXT, Names, reference
from web.operation import Access, Example, Operation
from web.problems import CATALOGUE, Problem, as_json

# Of every answer that is no problem, where the operation says nothing else.
_MEANINGS = {
    200: "Done.",
    201: "It is there now.",
    202: "Kept; work follows.",
    304: "What the caller has is current. Without a body.",
}
_EVERY_CALLER = ("unauthorized", "store_unavailable", "internal")
_REQUEST_ID = {"description": "The id of this request.", "schema": TEXT}
_SECONDS = {"type": "integer", "minimum": 1}
_EXAMPLE_ID = "019b0000-0000-7000-8000-00000000f001"
_RELATION = {"eId": "$response.body#/payload/eId"}


def responses(found: Operation, names: Names) -> dict[str, Any]:
    answers = {str(status): _answer(found, status, names) for status in found.answers}
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in problems_of(found):
        by_status[CATALOGUE[code].status].append(code)
    problems = {str(status): _problem(found, status, codes) for status, codes in sorted(by_status.items())}
    return {**answers, **problems}


def problems_of(found: Operation) -> list[str]:
    common = () if found.access is Access.PUBLIC else _EVERY_CALLER
    headers = ("invalid_header",) if found.access is Access.CALLER else ()
    return list(dict.fromkeys((*headers, *common, *found.problems)))


def _answer(found: Operation, status: int, names: Names) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": found.meanings.get(status, _MEANINGS.get(status, "Done.")),
        "headers": _headers(found, status),
    }
    content = _content(found, status, names)
    if content is not None:
        described["content"] = content
    if found.leads_to and content is not None:
        described["links"] = {
            name: {"operationId": link.operation_id, "parameters": {**_RELATION, **link.fixed}}
            for name, link in found.leads_to.items()
        }
    return described


def _headers(found: Operation, status: int) -> dict[str, Any]:
    own = found.answer_headers.get(status, {})
    return {
        "X-Request-ID": _REQUEST_ID,
        **{name: _header(name, said) for name, said in own.items()},
    }


def _header(name: str, said: str) -> dict[str, Any]:
    return {"description": said, "schema": _SECONDS if name == "Retry-After" else TEXT}


def _content(found: Operation, status: int, names: Names) -> dict[str, Any] | None:
    model = found.answers[status]
    if model is None and not found.answer_text:
        return None
    media_type = "application/json" if model else str(found.answer_text)
    schema = names[model, "serialization"] if model else TEXT
    examples = _examples(found, lambda example: example.status == status)
    return {media_type: {"schema": schema, **({"examples": examples} if examples else {})}}


def _problem(found: Operation, status: int, codes: Sequence[str]) -> dict[str, Any]:
    schema = {"allOf": [reference("Problem"), _narrowed(status, codes)]}
    said = {code: {"summary": CATALOGUE[code].title, "value": _sample(code)} for code in codes}
    shown = _examples(found, lambda example: example.status == status)
    told = {_code_of(found.examples[name]) for name in shown}
    examples = {**shown, **{code: sample for code, sample in said.items() if code not in told}}
    waits = [CATALOGUE[code].retry_after for code in codes if CATALOGUE[code].retry_after]
    headers = _headers(found, status)
    if waits:
        headers["Retry-After"] = _retry_after("; ".join(waits), always=status == 503)
    return {
        "description": " ".join(
            f"`{code}`: {CATALOGUE[code].title}. {CATALOGUE[code].advice}" for code in codes
        ),
        "headers": headers,
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def _retry_after(wait: str, *, always: bool) -> dict[str, Any]:
    return {
        "description": f"Seconds to wait before another try: {wait}.",
        "required": always,
        "schema": _SECONDS,
    }


def _narrowed(status: int, codes: Sequence[str]) -> dict[str, Any]:
    return {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}


def _sample(code: str) -> Mapping[str, object]:
    """As it looks, without the members that some of them have beside."""
    problem = Problem(code, CATALOGUE[code].advice)
    return as_json(problem, type_base=f"{BASE}/docs", request_id=_EXAMPLE_ID)


def _examples(found: Operation, wanted: Any) -> dict[str, Any]:
    return {
        name: {"summary": example.title, "value": example.answer}
        for name, example in found.examples.items()
        if wanted(example) and example.answer is not None
    }


def _code_of(example: Example) -> object:
    return example.answer.get("code") if isinstance(example.answer, dict) else None
