"""What the documents show is what happens: every example is sent, and answered as it says."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.unit.web import scenes
from tests.unit.web.example_world import sender
from tests.unit.web.openapi import faults, operations
from web.openapi.answers import problems_of
from web.openapi.document import Described
from web.operation import Access, Example
from web.problems import CATALOGUE

SENDER = sender()
DOCUMENT = SENDER.document
EXAMPLES = [
    pytest.param(operation, example, id=f"{operation.operation_id}-{name}")
    for operation in SENDER.described
    for name, example in operation.found.examples.items()
]
CALLED = [
    pytest.param(operation, id=operation.operation_id)
    for operation in SENDER.described
    if operation.found.access in (Access.CALLER, Access.PROVIDER)
]


def body_of(response: TestResponse) -> Any:
    return response.get_json() if "json" in response.content_type else response.get_data(as_text=True)


def described_answer(operation: Described, status: int) -> dict[str, Any]:
    found: dict[str, Any] = operations(DOCUMENT)[operation.operation_id]["responses"][str(status)]
    return found


@pytest.mark.parametrize(("operation", "example"), EXAMPLES)
def test_an_example_is_answered_word_for_word(operation: Described, example: Example) -> None:
    response = SENDER.send(operation, example)
    assert response.status_code == example.status, response.get_data(as_text=True)
    shown = {name: response.headers.get(name) for name in example.answer_headers}
    assert shown == dict(example.answer_headers)
    if example.answer is None:
        assert response.get_data() == b""
    else:
        assert body_of(response) == example.answer


@pytest.mark.parametrize(("operation", "example"), EXAMPLES)
def test_an_example_is_answered_as_the_document_describes(operation: Described, example: Example) -> None:
    response = SENDER.send(operation, example)
    described = described_answer(operation, response.status_code)
    assert set(example.answer_headers) - set(described["headers"]) == set()
    if "content" not in described:
        assert response.get_data() == b""
        return
    ((media_type, content),) = described["content"].items()
    assert response.mimetype == media_type
    assert faults(DOCUMENT, content["schema"], body_of(response)) == []


@pytest.mark.parametrize("operation", CALLED)
def test_every_good_answer_of_an_operation_has_an_example(operation: Described) -> None:
    shown = {example.status for example in operation.found.examples.values()}
    assert set(operation.found.answers) - shown == set()


def test_every_problem_that_says_more_has_an_example_that_says_all_of_it() -> None:
    said: dict[str, set[str]] = {}
    for operation in SENDER.described:
        for example in operation.found.examples.values():
            if isinstance(example.answer, dict) and "code" in example.answer:
                said.setdefault(str(example.answer["code"]), set()).update(example.answer)
    for code, kind in CATALOGUE.items():
        assert set(kind.more) - said.get(code, set()) == set(), code


@pytest.mark.parametrize(("operation", "example"), EXAMPLES)
def test_an_example_of_a_problem_is_one_that_the_operation_names(
    operation: Described, example: Example
) -> None:
    if isinstance(example.answer, dict) and "code" in example.answer:
        code = str(example.answer["code"])
        assert code in problems_of(operation.found)
        assert set(example.answer) <= {
            *("type", "title", "status", "detail", "code", "requestId", "errors"),
            *CATALOGUE[code].more,
        }


def test_every_scene_is_used() -> None:
    given = {example.given for operation in SENDER.described for example in operation.found.examples.values()}
    assert given == set(scenes.SCENES)


def test_whatever_the_document_shows_is_as_its_schema_says() -> None:
    """Samples of problems, and bodies of requests, included."""
    wrong = {
        f"{name} {where}": found
        for name, operation in operations(DOCUMENT).items()
        for where, content in contents(operation)
        for shown in content.get("examples", {}).values()
        if (found := faults(DOCUMENT, content["schema"], shown["value"]))
    }
    assert wrong == {}


def contents(operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    answers = [
        (status, content)
        for status, answer in operation["responses"].items()
        for content in answer.get("content", {}).values()
    ]
    return [*(("body", content) for content in bodies), *answers]
