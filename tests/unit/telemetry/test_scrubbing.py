"""What is told of an error: what is on the list, whatever else an event holds."""

from typing import Any

import pytest
import structlog

from shared.domain.errors import ProviderRefused
from shared.telemetry.scrubbing import (
    STATEMENT_MAX_CHARACTERS,
    VALUE_MAX_CHARACTERS,
    crumb_of,
    error_of,
    transaction_of,
)

SECRET = "canary-of-this-test"


def exception(**given: Any) -> dict[str, Any]:
    return {"type": "ValueError", "module": "builtins", "value": SECRET, **given}


def error(*exceptions: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"event_id": "e1", "level": "error", "exception": {"values": exceptions or [exception()]}, **given}


def told_of(event: dict[str, Any]) -> dict[str, Any]:
    told = error_of(event, role="send")
    assert told is not None
    return told


ANYWHERE = [
    {
        "request": {
            "method": "POST",
            "url": SECRET,
            "headers": {"A": SECRET},
            "cookies": SECRET,
            "data": SECRET,
        }
    },
    {"request": {"query_string": SECRET, "env": {"REMOTE_ADDR": SECRET}}},
    {"user": {"id": SECRET}},
    {"extra": {"sys.argv": [SECRET], "arguments": SECRET}},
    {"server_name": SECRET},
    {"modules": {SECRET: "1"}},
    {"message": SECRET, "logentry": {"message": SECRET}},
    {
        "contexts": {
            "dramatiq": {"data": {"args": [SECRET]}},
            "drift": {"a": SECRET},
            "trace": {"data": {"a": SECRET}},
        }
    },
    {"tags": {"recipient": SECRET}},
    {
        "breadcrumbs": {
            "values": [{"category": "query", "message": "SELECT 1", "data": {"db.params": SECRET}}]
        }
    },
    {"breadcrumbs": {"values": [{"category": "httplib", "message": SECRET, "data": {"url": SECRET}}]}},
    {"_meta": {"a": SECRET}, "something.new": SECRET},
    {
        "exception": {
            "values": [exception(mechanism={"type": "generic", "data": SECRET, "meta": {"errno": SECRET}})]
        }
    },
    {
        "exception": {
            "values": [
                exception(
                    thread_id=SECRET,
                    stacktrace={
                        "frames": [
                            {
                                "lineno": 7,
                                "function": "f",
                                "vars": {"token": SECRET},
                                "context_line": SECRET,
                                "pre_context": [SECRET],
                                "post_context": [SECRET],
                                "abs_path": SECRET,
                            }
                        ],
                        "registers": SECRET,
                    },
                )
            ]
        }
    },
]


@pytest.mark.parametrize("fields", ANYWHERE)
def test_nothing_is_told_that_is_not_on_the_list(fields: dict[str, Any]) -> None:
    assert SECRET not in str(told_of(error(**fields)))
    assert SECRET not in str(transaction_of(error(**fields), role="send"))


def test_of_a_request_method_route_and_id_are_told() -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        told = told_of(error(request={"method": "POST", "url": SECRET}, transaction="/job/<uuid:e_id>"))
    assert told["request"] == {"method": "POST"}
    assert (told["transaction"], told["tags"]) == ("/job/<uuid:e_id>", {"role": "send", "request_id": "r-1"})


def test_of_a_message_its_id_is_told() -> None:
    assert told_of(error(extra={"dramatiq_message_id": "m-1"}))["tags"]["message"] == "m-1"


def test_where_an_error_was_raised_is_told() -> None:
    frame = {"filename": "workers/send/handler.py", "function": "send_jobs", "module": "workers.send.handler"}
    told = told_of(error(exception(stacktrace={"frames": [{**frame, "lineno": 40, "in_app": True}]})))
    assert told["exception"]["values"][0]["stacktrace"]["frames"] == [{**frame, "lineno": 40, "in_app": True}]


def test_the_words_of_an_error_of_ours_are_told_and_those_of_others_are_not() -> None:
    ours = exception(type="ProviderRefused", module=ProviderRefused.__module__, value="unknown server")
    pretender = exception(type="ProviderRefused", module="some.library")
    values = told_of(error(ours, pretender, exception()))["exception"]["values"]
    assert [value["value"] for value in values] == ["unknown server", "", ""]
    assert [value["type"] for value in values] == ["ProviderRefused", "ProviderRefused", "ValueError"]


def test_words_have_an_end() -> None:
    ours = exception(type="ProviderRefused", module=ProviderRefused.__module__, value="x" * 10_000)
    assert len(told_of(error(ours))["exception"]["values"][0]["value"]) == VALUE_MAX_CHARACTERS


def test_a_message_that_is_no_finding_is_not_told_at_all() -> None:
    assert error_of({"message": SECRET, "level": "error"}, role="send") is None


def test_a_finding_has_one_name_and_its_context() -> None:
    tag = "email.drift.dns_dkim_mismatch"
    event = {
        "message": SECRET,
        "tags": {"drift": tag},
        "contexts": {"drift": {"eId": "1"}, "other": {"a": SECRET}},
    }
    told = told_of({**event, "fingerprint": [tag, "1"], "level": "warning"})
    assert (told["message"], told["tags"], told["level"]) == (tag, {"role": "send", "drift": tag}, "warning")
    assert told["contexts"]["drift"] == {"eId": "1"}
    assert told["fingerprint"] == [tag, "1"]
    assert SECRET not in str(told)


def test_a_crumb_of_anything_but_a_statement_is_not_kept() -> None:
    assert crumb_of({"category": "httplib", "message": SECRET}) is None
    kept = crumb_of({"category": "query", "message": "SELECT 1", "data": {"db.params": [SECRET]}})
    assert kept == {"category": "query", "message": "SELECT 1"}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT a FROM b WHERE c = %(d)s", "SELECT a FROM b WHERE c = %(d)s"),
        (f"SELECT '{SECRET}', 'it''s {SECRET}', '' FROM b", "SELECT ?, ?, ? FROM b"),
        ("x" * 5000, "x" * STATEMENT_MAX_CHARACTERS),
    ],
)
def test_a_statement_is_told_without_what_is_written_into_it(statement: str, told: str) -> None:
    crumbs = {"values": [{"category": "query", "message": statement}]}
    assert told_of(error(breadcrumbs=crumbs))["breadcrumbs"]["values"][0]["message"] == told
    span = {"op": "db", "description": statement, "span_id": "s1"}
    assert transaction_of({"spans": [span]}, role="send")["spans"][0]["description"] == told


def test_a_step_of_ours_is_told_with_its_name_and_facts_and_a_strangers_without() -> None:
    facts = {"job": "j1", "claim": "c1", "outcome": "Accepted", "recipient": SECRET}
    spans = [
        {"op": "email.send", "description": "j1", "data": facts, "span_id": "s1", "tags": {"a": SECRET}},
        {"op": "http.client", "description": f"GET /{SECRET}", "data": {"url": SECRET}, "span_id": "s2"},
    ]
    ours, strange = transaction_of({"spans": spans}, role="send")["spans"]
    assert (ours["description"], ours["data"]) == ("j1", {"job": "j1", "claim": "c1", "outcome": "Accepted"})
    assert strange == {"op": "http.client", "span_id": "s2", "data": {}}
