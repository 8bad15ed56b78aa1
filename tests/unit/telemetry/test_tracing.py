"""Traces where nobody collects them: their ids are in log lines, rings and rows all the same."""

import re
import time

import pytest
import structlog

from shared.telemetry import tracing

ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def sent(**headers: str) -> str | None:
    return tracing.sent_with({name.replace("_", "-"): value for name, value in headers.items()}.get)


@pytest.mark.parametrize("text", [f"{ID}-{SPAN}", f"{ID}-{SPAN}-1", f"{ID}-{SPAN}-0"])
def test_a_callers_trace_is_taken_over_as_it_was_sent(text: str) -> None:
    assert sent(sentry_trace=f" {text} ") == text


@pytest.mark.parametrize(
    ("traceparent", "trace"),
    [
        (f"00-{ID}-{SPAN}-01", f"{ID}-{SPAN}-1"),
        (f"00-{ID}-{SPAN}-00", f"{ID}-{SPAN}-0"),
        (f"00-{ID}-{SPAN}-03", f"{ID}-{SPAN}-1"),
        (f"cc-{ID}-{SPAN}-01-of-a-later-version", f"{ID}-{SPAN}-1"),
    ],
)
def test_a_traceparent_is_a_trace_too(traceparent: str, trace: str) -> None:
    assert sent(traceparent=traceparent) == trace


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "rubbish",
        f"ff-{ID}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID.upper()}-{SPAN}-01",
        f"00-{ID}-{SPAN}",
        f"00-{ID}-{SPAN}-01\nx: y",
    ],
)
def test_what_is_no_trace_is_left_alone(traceparent: str) -> None:
    assert sent(traceparent=traceparent, sentry_trace=traceparent) is None


def test_of_two_headers_the_collectors_own_counts() -> None:
    assert sent(sentry_trace=f"{ID}-{SPAN}-0", traceparent=f"00-{'1' * 32}-{SPAN}-01") == f"{ID}-{SPAN}-0"


def test_a_request_with_a_trace_goes_on_with_it_in_log_lines_and_rings() -> None:
    request = tracing.begin_request(f"{ID}-{SPAN}-1", route="/job", told=True)
    assert tracing.current() == f"{ID}-{SPAN}-1"
    assert structlog.contextvars.get_contextvars()["trace"] == ID
    assert tracing.carried() == {tracing.CARRIED_AS: {"sentry-trace": f"{ID}-{SPAN}-1"}}
    request.end(202)


def test_a_request_without_a_trace_begins_one_of_its_own() -> None:
    seen = set()
    for _ in range(2):
        request = tracing.begin_request(None, route="/job", told=True)
        trace = tracing.current()
        assert trace is not None
        assert re.fullmatch("[0-9a-f]{32}-[0-9a-f]{16}", trace)
        assert not tracing.is_followed(trace)
        seen.add(tracing.id_of(trace))
        request.end(202)
    assert len(seen) == 2


def test_nothing_of_a_request_is_left_to_the_next_one_of_its_thread() -> None:
    tracing.begin_request(f"{ID}-{SPAN}-1", route="/job", told=True).end(202)
    assert tracing.current() is None
    assert "trace" not in structlog.contextvars.get_contextvars()
    assert tracing.carried() == {}


def test_a_message_goes_on_with_the_trace_that_it_carries() -> None:
    tracing.begin_message({tracing.CARRIED_AS: {"sentry-trace": f"{ID}-{SPAN}-1"}})
    assert tracing.current() == f"{ID}-{SPAN}-1"
    tracing.end_message()
    assert tracing.current() is None


@pytest.mark.parametrize(
    "options",
    [
        {},
        {tracing.CARRIED_AS: None},
        {tracing.CARRIED_AS: "text"},
        {tracing.CARRIED_AS: {}},
        {tracing.CARRIED_AS: {"sentry-trace": 7}},
        {tracing.CARRIED_AS: {"sentry-trace": "rubbish"}},
    ],
)
def test_a_message_that_carries_none_begins_one(options: dict[str, object]) -> None:
    tracing.begin_message(options)
    trace = tracing.current()
    assert trace is not None
    assert tracing.id_of(trace) != ID
    tracing.end_message()


@pytest.mark.parametrize(
    ("trace", "followed"),
    [(f"{ID}-{SPAN}-1", True), (f"{ID}-{SPAN}-0", False), (f"{ID}-{SPAN}", False), (None, False)],
)
def test_only_a_trace_that_says_so_is_followed(trace: str | None, followed: bool) -> None:
    assert tracing.is_followed(trace) is followed


def test_steps_are_not_even_looked_at_where_nobody_collects_them() -> None:
    looked = []

    def steps() -> "list[tracing.Step]":
        looked.append(1)
        return []

    tracing.follow("send", (step for _ in [0] for step in steps()))
    assert not looked


def test_a_stretch_ends_as_long_after_its_beginning_as_it_took() -> None:
    before = time.time()
    with tracing.Stretch() as stretch:
        pass
    assert before <= stretch.begun_at <= stretch.ended_at
    assert stretch.ended_at == stretch.begun_at + stretch.seconds
