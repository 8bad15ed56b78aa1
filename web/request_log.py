"""One id, one trace and one log line a request. Paths are logged as their route: ids apart, nothing a caller wrote."""

import re
import time
from uuid import UUID

import structlog
from flask import Flask, Response, g, request

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


def install(app: Flask, new_id: NewId) -> None:
    def begin() -> None:
        g.started_seconds = time.perf_counter()
        g.request_id = _request_id(request.headers.get("X-Request-ID"), new_id)
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        rule = _rule()
        told = rule is not None and rule not in _PROBES
        g.step = tracing.begin_request(
            tracing.sent_with(request.headers.get), route=rule or "no route", told=told
        )

    app.before_request(begin)
    app.after_request(_finish)
    app.teardown_request(_forget)


def request_id() -> str:
    return str(g.get("request_id", ""))


def _request_id(sent: str | None, new_id: NewId) -> str:
    """A caller's id is taken over when it is one; anything else would end up in logs as it is."""
    return sent if sent and _ID.fullmatch(sent) else str(new_id())


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    g.status = response.status_code
    rule = _rule()
    if rule not in _PROBES:
        seconds = time.perf_counter() - g.get("started_seconds", time.perf_counter())
        record_request(_handler(), status=response.status_code, seconds=seconds)
        _log.info("email.http.request", **_line(rule, response, seconds))
    return response


def _rule() -> str | None:
    return request.url_rule.rule if request.url_rule else None


def _handler() -> str:
    """Such as `job.submit`; all pages of the console are one, and whatever has no route."""
    return "console" if request.blueprint == "console" else request.endpoint or "none"


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
    if "step" in g:
        g.step.end(g.get("status"))
    structlog.contextvars.unbind_contextvars("request_id")
