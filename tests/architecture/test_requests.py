"""The collection of requests knows every route, and says of every request how it is answered."""

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Rule

from shared.domain.lifecycle import SIGNALS
from tests.architecture.pools import container
from tests.architecture.sources import ROOT, json_document, text
from web import BASE
from web.app import create_app

COLLECTION = ROOT / "api-test"
# What stands in a path for an id that is known when the request is sent.
SOME_ID = str(UUID(int=1))
# Pages for people: their own tests drive a browser.
FOR_PEOPLE = ("/console/", "/static/")


@dataclass(frozen=True)
class Request:
    file: str
    method: str
    path: str
    source: str


def requests() -> list[Request]:
    files = sorted(
        path
        for path in COLLECTION.rglob("*.bru")
        if path.name not in ("folder.bru", "collection.bru")
        and path.parent.name != "environments"
        and "node_modules" not in path.parts
    )
    return [_request(path) for path in files]


def _request(path: Path) -> Request:
    source = path.read_text(encoding="utf-8")
    found = re.search(r"^(get|post|put|patch|delete) \{\n  url: (\S+)$", source, re.MULTILINE)
    assert found, path
    place = found[2].partition("?")[0].replace("{{base}}", BASE).replace("{{url}}", "")
    return Request(
        str(path.relative_to(ROOT)), found[1].upper(), re.sub(r"\{\{\w+\}\}", SOME_ID, place), source
    )


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(container())


def route_of(app: Flask, request: Request) -> str | None:
    """The endpoint that is asked; None where there is none on purpose."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(request.path, method=request.method)
    except (NotFound, MethodNotAllowed):
        return None
    return str(endpoint)


def is_for_people(rule: Rule) -> bool:
    return f"{rule.rule}/".startswith(FOR_PEOPLE)


def test_every_route_has_a_request(app: Flask) -> None:
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if not is_for_people(rule)}
    assert routes - {route_of(app, request) for request in requests()} == set()


def test_every_signal_has_a_request() -> None:
    sent = {request.path.rsplit("/", 1)[-1] for request in requests()}
    assert set(SIGNALS) - sent == set()


def test_a_request_that_asks_no_route_is_about_that(app: Flask) -> None:
    lost = {request.file for request in requests() if route_of(app, request) is None}
    wanted = {
        request.file
        for request in requests()
        if re.search(r"status: eq 40[45]$", request.source, re.MULTILINE)
    }
    assert lost <= wanted


@pytest.mark.parametrize("request_", requests(), ids=lambda each: each.file)
def test_a_request_says_with_which_status_it_is_answered(request_: Request) -> None:
    assert re.search(r"^assert \{\n  res\.status: (eq \d{3}|in [\d, ]+)$", request_.source, re.MULTILINE)


def test_every_status_of_an_error_is_met_somewhere() -> None:
    met = {status for request in requests() for status in re.findall(r"status: eq (\d{3})", request.source)}
    assert {"400", "401", "403", "404", "405", "409", "412", "415", "422"} <= met


def test_no_send_chooses_its_sender() -> None:
    assert [request.file for request in requests() if "fromLocalPart" in request.source] == []


def test_requests_of_a_folder_come_one_after_the_other() -> None:
    by_folder: dict[Path, list[int]] = {}
    for request in requests():
        (number,) = re.findall(r"^  seq: (\d+)$", request.source, re.MULTILINE)
        by_folder.setdefault(Path(request.file).parent, []).append(int(number))
    for folder, numbers in by_folder.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), folder


def test_the_environment_takes_what_the_runner_gives() -> None:
    taken = set(re.findall(r"\{\{process\.env\.(\w+)\}\}", text("api-test/environments/sandbox.bru")))
    given = set(re.findall(r'"(EMAIL_API_\w+)"', text("api-test/run.py")))
    assert taken == given


def test_the_command_line_is_pinned_and_no_registry_is_named() -> None:
    package = json_document("api-test/package.json")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert [path.name for path in COLLECTION.iterdir() if "lock" in path.name or path.name == ".npmrc"] == []
