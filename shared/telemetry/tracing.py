"""One send is one trace: from the request that brought it, over every message it was rung for, to its last callback.

A trace is one line of text: its id, the id of the step that hands it on, and, when that is decided, whether it is
followed (`1`, its steps are told to whoever collects them) or not (`0`):

    0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1

Every request and every message has one, also where nobody collects them: its id is the field `trace` of their log
lines. Rings carry it to workers. Of what outlives a message a job keeps it, and `follow` tells its steps in its trace.
"""

import re
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeGuard

import sentry_sdk
import structlog
from sentry_sdk.tracing import Transaction

from shared.telemetry.scrubbing import OUR_OPERATIONS

# The option of a message that the collector's middleware for Dramatiq reads by itself.
CARRIED_AS = "_sentry_headers"
_HEADER = "sentry-trace"
_TEXT = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})(?:-([01]))?")
# https://www.w3.org/TR/trace-context/#traceparent-header: later versions may append to it; zeros alone are no id.
_W3C = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_W3C_SAMPLED = 1

_here: ContextVar[str | None] = ContextVar("trace", default=None)


def current() -> str | None:
    """Of the request or message at hand."""
    return _here.get()


def id_of(trace: str) -> str:
    return trace.partition("-")[0]


def is_followed(trace: str | None) -> TypeGuard[str]:
    return trace is not None and trace.endswith("-1")


def sent_with(header: Callable[[str], str | None]) -> str | None:
    """The trace that a caller's request belongs to. What else a caller says of it (`baggage`) is not taken over."""
    given = _TEXT.fullmatch((header(_HEADER) or "").strip())
    if given is not None:
        return given[0]
    w3c = _W3C.fullmatch((header("traceparent") or "").strip())
    return f"{w3c[1]}-{w3c[2]}-{int(w3c[3], 16) & _W3C_SAMPLED}" if w3c else None


def carried() -> dict[str, Any]:
    """Options of a message that is rung for now."""
    trace = current()
    return {} if trace is None else {CARRIED_AS: {_HEADER: trace}}


@dataclass(slots=True)
class Request:
    """The step of a trace that a request is."""

    _transaction: Transaction | None = None

    def end(self, status: int | None) -> None:
        _forget()
        if self._transaction is not None:
            if status is not None:
                self._transaction.set_http_status(status)
            self._transaction.__exit__(None, None, None)


def begin_request(given: str | None, *, route: str, told: bool) -> Request:
    """`told`: whether its step is, if the trace is followed. Log lines have its id in any case."""
    if not sentry_sdk.is_initialized():
        _bind(given or _new())
        return Request()
    headers = {} if given is None else {_HEADER: given}
    transaction = sentry_sdk.continue_trace(headers, op="http.server", name=route, source="route")
    if not told:
        _bind(transaction.to_traceparent())
        return Request()
    sentry_sdk.start_transaction(transaction)
    transaction.__enter__()
    _bind(transaction.to_traceparent())
    return Request(transaction)


def begin_message(options: Mapping[str, Any]) -> None:
    """`options` of the message; where traces are collected, its step has been begun by now."""
    if sentry_sdk.is_initialized():
        _bind(sentry_sdk.get_traceparent() or _new())
    else:
        _bind(_carried_by(options) or _new())


def end_message() -> None:
    _forget()


class Stretch:
    """Measures what is done inside of it: when, by the clock on the wall, and how long, by one that is never set."""

    def __init__(self) -> None:
        self.begun_at = time.time()
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self.begun_at = time.time()
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._begun

    @property
    def ended_at(self) -> float:
        return self.begun_at + self.seconds


@dataclass(frozen=True, slots=True)
class Step:
    """Of one job. Times in seconds since the epoch; `facts` are ids and words of ours."""

    trace: str
    begun_at: float
    ended_at: float
    facts: Mapping[str, str] = field(default_factory=dict)


def follow(name: str, steps: Iterable[Step]) -> None:
    """Tells each step in its own trace; those that share one (a batch of jobs) together."""
    if not sentry_sdk.is_initialized():
        return
    by_trace: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_trace[step.trace].append(step)
    for trace, its in by_trace.items():
        _tell(name, trace, its)


def _tell(name: str, trace: str, steps: Sequence[Step]) -> None:
    text = _TEXT.fullmatch(trace)
    if text is None:
        return
    op = OUR_OPERATIONS + name
    transaction = Transaction(
        name=name,
        op=op,
        source="task",
        trace_id=text[1],
        parent_span_id=text[2],
        parent_sampled=text[3] == "1",
        same_process_as_parent=False,
        start_timestamp=min(step.begun_at for step in steps),
    )
    sentry_sdk.start_transaction(transaction)
    if not transaction.sampled:
        return
    for step in steps:
        span = transaction.start_child(op=op, name=step.facts.get("job", name), start_timestamp=step.begun_at)
        for fact, value in step.facts.items():
            span.set_data(fact, value)
        span.finish(end_timestamp=step.ended_at)
    transaction.finish(end_timestamp=max(step.ended_at for step in steps))


def _carried_by(options: Mapping[str, Any]) -> str | None:
    headers = options.get(CARRIED_AS)
    text = headers.get(_HEADER) if isinstance(headers, dict) else None
    return text if isinstance(text, str) and _TEXT.fullmatch(text) else None


def _new() -> str:
    ids = secrets.token_hex(24)
    return f"{ids[:32]}-{ids[32:]}"


def _bind(trace: str) -> None:
    _here.set(trace)
    structlog.contextvars.bind_contextvars(trace=id_of(trace))


def _forget() -> None:
    _here.set(None)
    structlog.contextvars.unbind_contextvars("trace")
