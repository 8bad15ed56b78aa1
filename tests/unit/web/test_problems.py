"""Every failure is a problem document, and tells nothing of the inside."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
import structlog
from structlog.testing import capture_logs

from shared.config.settings import Settings
from shared.domain.errors import Conflict, NotFound, StoreUnavailable
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import UNKNOWN, Api, a_configuration, a_job, code, container_of
from web.problems import CATALOGUE, CODE_OF_STATUS, Problem, as_json


class Failing:
    """A store that fails in one way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @contextmanager
    def begin(self) -> Iterator[Any]:
        self._raise()
        yield

    def ping(self) -> None:
        self._raise()

    def _raise(self) -> NoReturn:
        raise self._error


def failing(settings: Settings, error: Exception) -> Api:
    return Api(container_of(settings, Failing(error), RecordingDoorbell()))


def test_a_problem_has_the_members_of_rfc_9457_and_ours(api: Api) -> None:
    response = api.get(f"/job/{UNKNOWN}", headers={"X-Request-ID": "trace-7"})
    assert response.mimetype == "application/problem+json"
    assert response.get_json() == {
        "type": "/v1/shop-access/email/docs#not_found",
        "title": "No such thing",
        "status": 404,
        "detail": "the tenant has no job with this id",
        "code": "not_found",
        "requestId": "trace-7",
        "errors": [],
    }


def test_the_frameworks_own_errors_are_problems_too(api: Api) -> None:
    assert code(api.get("/nowhere")) == (404, "not_found")
    assert code(api.post("/job/")) == (404, "not_found")
    wrong_method = api.get("/job")
    assert code(wrong_method) == (405, "method_not_allowed")
    assert "POST" in wrong_method.headers["Allow"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreUnavailable("connection to 10.0.0.7 refused"), (503, "store_unavailable")),
        (NotFound("row 7"), (404, "not_found")),
        (Conflict("row 7"), (409, "conflict")),
        (RuntimeError("INSERT ... person@example.com"), (500, "internal")),
        (KeyError("person@example.com"), (500, "internal")),
    ],
)
def test_a_failure_inside_is_told_by_its_code_and_no_more(
    settings: Settings, error: Exception, expected: tuple[int, str]
) -> None:
    with capture_logs() as logs:
        response = failing(settings, error).get(f"/job/{UNKNOWN}")
    assert code(response) == expected
    for text in (response.get_data(as_text=True), json.dumps(logs)):
        assert "person@example.com" not in text
        assert "10.0.0.7" not in text
        assert "row 7" not in text


def test_a_fault_of_ours_is_logged_with_its_place(settings: Settings) -> None:
    with capture_logs() as logs:
        failing(settings, RuntimeError("x")).get(f"/job/{UNKNOWN}")
    (fault,) = [line for line in logs if line["event"] == "email.http.fault"]
    assert fault["error"] == "RuntimeError"
    assert any("test_problems.py" in place for place in fault["where"])


def test_a_database_that_is_away_says_when_to_come_back(settings: Settings) -> None:
    response = failing(settings, StoreUnavailable("x")).send(a_job())
    assert code(response) == (503, "store_unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_every_code_has_a_status_a_title_and_advice() -> None:
    for name, kind in CATALOGUE.items():
        assert 400 <= kind.status < 600, name
        assert kind.title
        assert kind.advice.endswith("."), name
    for status, name in CODE_OF_STATUS.items():
        assert CATALOGUE[name].status == status


def test_an_extension_never_hides_a_member() -> None:
    problem = Problem("locked", "x", extension={"status": 200, "since": 1})
    shown = as_json(problem, type_base="/docs", request_id="r")
    assert shown["status"] == 409
    assert shown["since"] == 1


@pytest.mark.parametrize(
    "sent", ["trace-7", "a" * 128, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]
)
def test_a_callers_request_id_is_echoed(api: Api, sent: str) -> None:
    assert api.get("/nowhere", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", [None, "", "a" * 129, "a b", 'a"b', "é", "person@example.com"])
def test_a_request_without_a_usable_id_is_given_one(api: Api, sent: str | None) -> None:
    given = api.get("/nowhere", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert given
    assert given != sent


def test_the_request_id_is_bound_to_what_is_logged_and_let_go_after(api: Api, store: Store) -> None:
    a_configuration(store)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        api.post("/job", a_job(), headers={"Idempotency-Key": "k", "X-Request-ID": "trace-8"})
    assert {line.get("request_id") for line in logs} == {"trace-8"}
    assert "request_id" not in structlog.contextvars.get_contextvars()


def test_a_request_is_one_line_without_anything_a_caller_wrote(api: Api, store: Store) -> None:
    a_configuration(store)
    with capture_logs() as logs:
        response = api.post("/job?person@example.com", a_job(), headers={"Idempotency-Key": "secret-key"})
    (line,) = [entry for entry in logs if entry["event"] == "email.http.request"]
    assert line["route"] == "/v1/shop-access/email/job"
    assert line["status"] == response.status_code == 202
    assert line["method"] == "POST"
    text = json.dumps(logs)
    for written in ("person@example.com", "Your order", "secret-key", "a-key-that-is-valid-now"):
        assert written not in text


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/docs", "/console"])
def test_every_answer_carries_the_security_headers(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
