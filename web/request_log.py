"""One id, one trace and one log line a request. Paths are logged as their route: ids apart, nothing a caller wrote."""

import re
import time
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from shared.ports.clock import NewId
from shared.telemetry import tracing
from shared.telemetry.requests import record_request

_log = structlog.get_logger("email")
# It is in every line of the request, so no address is one.
_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# Asked every few seconds by whoever keeps us running.
_PROBES = ("/healthz", "/readyz", "/metrics")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}


@dataclass(slots=True)
class _Begun:
    """What is kept of a request from its begin to its end."""

    request_id: str = ""
    step: tracing.Request = field(default_factory=tracing.Request)
    started_seconds: float = field(default_factory=time.perf_counter)
    status: int | None = None


def install(app: Flask, new_id: NewId) -> None:
    def begin() -> None:
        started_seconds, sent, rule = time.perf_counter(), request.headers, _rule()
        request_id = _request_id(sent.get("X-Request-ID"), new_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        told = rule is not None and rule not in _PROBES
        step = tracing.begin_request(tracing.sent_with(sent.get), route=rule or "no route", told=told)
        g.begun = _Begun(request_id, step, started_seconds)

    app.before_request(begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def request_id() -> str:
    return _begun().request_id


def _begun() -> _Begun:
    """A new one where it failed before it could begin."""
    found = g.get("begun")
    return found if isinstance(found, _Begun) else _Begun()


def _request_id(sent: str | None, new_id: NewId) -> str:
    """A caller's id is taken over when it is one; anything else would end up in logs as it is."""
    return sent if sent and _ID.fullmatch(sent) else str(new_id())


def _finish(response: Response) -> Response:
    begun, rule = _begun(), _rule()
    begun.status = response.status_code
    response.headers["X-Request-ID"] = begun.request_id
    _secure(response.headers)
    if rule not in _PROBES:
        seconds = time.perf_counter() - begun.started_seconds
        record_request(_handler(), status=response.status_code, seconds=seconds)
        _log.info("email.http.request", **_line(rule, response, seconds))
    return response


def _secure(headers: Headers) -> None:
    """Adds what the view did not set itself."""
    its = set(headers.keys(lower=True))
    for name, value in _SECURITY_HEADERS.items():
        if name.lower() not in its:
            headers.add(name, value)


def _rule() -> str | None:
    rule = request.url_rule
    return rule.rule if rule else None


def _handler() -> str:
    """Such as `job.submit`; all pages of the console are one, and whatever has no route."""
    name = request.endpoint or "none"
    return "console" if name.startswith("console.") else name


def _line(rule: str | None, response: Response, seconds: float) -> dict[str, object]:
    caller = g.get("caller")
    tenant: UUID | None = caller.tenant_id if caller else None
    ids = {name: str(value) for name, value in (request.view_args or {}).items() if isinstance(value, UUID)}
    return {
        "method": request.method if rule else "-",
        "route": rule,
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 1),
        "tenant": str(tenant) if tenant else None,
        **ids,
    }


def _forget(_error: BaseException | None) -> None:
    begun = _begun()
    begun.step.end(begun.status)
    structlog.contextvars.unbind_contextvars("request_id")
