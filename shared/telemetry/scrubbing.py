"""What may be said of an error or a trace to whoever collects them: an allow-list. What is not named here stays here.

The names are those of the collector's payloads: https://develop.sentry.dev/sdk/data-model/event-payloads/
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import structlog

from shared.domain.errors import EmailModuleError

Fields = Mapping[str, Any]

VALUE_MAX_CHARACTERS = 500
STATEMENT_MAX_CHARACTERS = 1000

_EVENT = (
    "event_id",
    "type",
    "platform",
    "level",
    "timestamp",
    "start_timestamp",
    "release",
    "environment",
    "sdk",
    "transaction",
    "transaction_info",
    "fingerprint",
)
_TRACE = ("trace_id", "span_id", "parent_span_id", "op", "status", "origin")
_SPAN = (*_TRACE, "timestamp", "start_timestamp")
_EXCEPTION = ("type", "module")
_MECHANISM = ("type", "handled", "source", "exception_id", "parent_id", "is_exception_group")
# No variables and no lines of code: a line may hold a value as well.
_FRAME = ("filename", "function", "module", "lineno", "in_app")
_CRUMB = ("type", "category", "level", "timestamp")
# Of spans: what the integrations say of code and of answers, and what `tracing` says of jobs.
_DATA = (
    "http.response.status_code",
    "db.system",
    "code.namespace",
    "code.function",
    "code.lineno",
    "messaging.destination.name",
    "job",
    "claim",
    "event",
    "kind",
    "outcome",
)
# Ours are named by ids; those of a database by their statement; nobody else's name is known to be harmless.
OUR_OPERATIONS = "email."
_STATEMENTS = ("db", "query")
# Values travel beside a statement; whoever wrote one into it all the same shall not have it told.
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def error_of(event: Fields, *, role: str) -> dict[str, Any] | None:
    """None for what is neither an exception nor a finding: nobody of ours sends anything else."""
    finding = (event.get("tags") or {}).get("drift")
    if finding is None and not event.get("exception"):
        return None
    told = _common(event, role)
    told["contexts"] |= _kept(event.get("contexts") or {}, ("drift",) if finding else ())
    if finding is not None:
        told["tags"]["drift"] = told["message"] = finding
    if event.get("exception"):
        told["exception"] = {"values": [_exception(one) for one in event["exception"].get("values") or ()]}
    told["breadcrumbs"] = {"values": [_crumb(one) for one in _crumbs(event)]}
    return told


def transaction_of(event: Fields, *, role: str) -> dict[str, Any]:
    spans = event.get("spans") or ()
    return {**_common(event, role), "spans": [_span(span) for span in spans]}


def crumb_of(crumb: Fields) -> dict[str, Any] | None:
    """Only statements leave crumbs. Their text is scrubbed when it is told, which is seldom."""
    if crumb.get("category") not in _STATEMENTS:
        return None
    return _kept(crumb, (*_CRUMB, "message"))


def _common(event: Fields, role: str) -> dict[str, Any]:
    told = _kept(event, _EVENT)
    contexts = event.get("contexts") or {}
    trace = contexts.get("trace") or {}
    told["contexts"] = {"trace": {**_kept(trace, _TRACE), "data": _kept(trace.get("data") or {}, _DATA)}}
    told["tags"] = {"role": role, **_names(event)}
    # Where the envelope's header gets it from; the client made it of its own settings.
    if "dynamic_sampling_context" in trace:
        told["contexts"]["trace"]["dynamic_sampling_context"] = trace["dynamic_sampling_context"]
    if method := (event.get("request") or {}).get("method"):
        told["request"] = {"method": method}
    return told


def _names(event: Fields) -> dict[str, str]:
    """What the log lines of the same request or message have, so that one leads to the other."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    message_id = (event.get("extra") or {}).get("dramatiq_message_id")
    return {name: value for name, value in {"request_id": request_id, "message": message_id}.items() if value}


def _exception(told: Fields) -> dict[str, Any]:
    """Its text only if it is an error of ours: those of others may quote what they stumbled over."""
    frames = (told.get("stacktrace") or {}).get("frames") or ()
    known = (told.get("module"), told.get("type")) in set(_ours())
    return {
        **_kept(told, _EXCEPTION),
        "value": str(told.get("value") or "")[:VALUE_MAX_CHARACTERS] if known else "",
        "mechanism": _kept(told.get("mechanism") or {}, _MECHANISM),
        "stacktrace": {"frames": [_kept(frame, _FRAME) for frame in frames]},
    }


def _ours(root: type[EmailModuleError] = EmailModuleError) -> Iterator[tuple[str, str]]:
    yield root.__module__, root.__qualname__
    for kind in root.__subclasses__():
        yield from _ours(kind)


def _crumbs(event: Fields) -> Iterator[Fields]:
    for crumb in (event.get("breadcrumbs") or {}).get("values") or ():
        if crumb.get("category") in _STATEMENTS:
            yield crumb


def _crumb(crumb: Fields) -> dict[str, Any]:
    return {**_kept(crumb, _CRUMB), "message": _statement(crumb.get("message"))}


def _span(span: Fields) -> dict[str, Any]:
    op = str(span.get("op") or "")
    told = {**_kept(span, _SPAN), "data": _kept(span.get("data") or {}, _DATA)}
    if op.partition(".")[0] in _STATEMENTS:
        told["description"] = _statement(span.get("description"))
    elif op.startswith(OUR_OPERATIONS):
        told["description"] = span.get("description")
    return told


def _statement(text: object) -> str:
    return _LITERAL.sub("?", str(text or ""))[:STATEMENT_MAX_CHARACTERS]


def _kept(fields: Fields, names: Collection[str]) -> dict[str, Any]:
    return {name: fields[name] for name in names if fields.get(name) is not None}
