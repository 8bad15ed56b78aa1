"""Every way a request can fail becomes one `application/problem+json`. An answer tells nothing of the inside."""

import json
import traceback

import structlog
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException

from shared.domain.errors import Conflict, InvalidValue, NotFound, Recovering, StoreUnavailable
from shared.telemetry.errors import report_fault
from shared.telemetry.metrics import record_webhook_rejected
from web import BASE
from web.operation import Access, operation_of
from web.problems import CATALOGUE, CODE_OF_STATUS, FieldFault, Problem, as_json
from web.request_log import request_id

_log = structlog.get_logger("email")
_RETRY_AFTER_SECONDS = 5
_RETRY = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
# A recovery takes minutes, and its end is an operator's to decide.
_RECOVERING_SECONDS = 60
PAGE_OF_CODES = f"{BASE}/docs"


def install(app: Flask) -> None:
    app.register_error_handler(Problem, answer)
    app.register_error_handler(InvalidValue, lambda error: answer(of_invalid_value(error)))
    app.register_error_handler(
        NotFound, lambda _: answer(Problem("not_found", "no such thing of this tenant"))
    )
    app.register_error_handler(
        Conflict, lambda _: answer(Problem("conflict", "it changed meanwhile: read again"))
    )
    app.register_error_handler(Recovering, _of_recovery)
    app.register_error_handler(StoreUnavailable, _of_store)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_fault)


def members(problem: Problem) -> dict[str, object]:
    return as_json(problem, type_base=PAGE_OF_CODES, request_id=request_id())


def answer(problem: Problem) -> Response:
    body = json.dumps(members(problem))
    return Response(
        body, problem.kind.status, headers=problem.headers, content_type="application/problem+json"
    )


def of_invalid_value(error: InvalidValue) -> Problem:
    fault = FieldFault(error.field, error.advice)
    return Problem("invalid_fields", f"{error.field}: {error.advice}", errors=[fault])


def tell(error: Exception) -> None:
    """Logs and reports a fault. Its message may quote a row, so the log has its kind and place, not its words."""
    report_fault(error)
    if isinstance(error, StoreUnavailable):
        _log.error("email.http.store_unavailable", error=type(error).__name__)
        return
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    _log.error("email.http.fault", error=type(error).__name__, where=where)


def _of_store(error: StoreUnavailable) -> Response:
    tell(error)
    if _is_the_providers():
        return _not_stored()
    detail = (
        f"send it again in {_RETRY_AFTER_SECONDS} seconds; a job with the same Idempotency-Key goes out once"
    )
    return answer(Problem("store_unavailable", detail, headers=_RETRY))


def _of_recovery(_: Recovering) -> Response:
    detail = (
        "the database was restored, and what was sent since is being looked up: "
        f"send it again in {_RECOVERING_SECONDS} seconds, unchanged"
    )
    return answer(Problem("recovering", detail, headers={"Retry-After": str(_RECOVERING_SECONDS)}))


def _of_http(error: HTTPException) -> Response:
    """What routing and body reading of the framework raise. No route of ours redirects."""
    code = CODE_OF_STATUS.get(error.code or 500, "internal")
    allow = {name: value for name, value in error.get_headers() if name == "Allow"}
    return answer(Problem(code, CATALOGUE[code].advice, headers=allow))


def _of_fault(error: Exception) -> Response:
    tell(error)
    if _is_the_providers():
        return _not_stored()
    return answer(Problem("internal", "send it again later with the same key, or report the requestId"))


def _is_the_providers() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return view is not None and operation_of(view).access is Access.PROVIDER


def _not_stored() -> Response:
    """Whatever was in the way, the provider sends it again after this."""
    record_webhook_rejected("not_stored")
    return answer(Problem("store_unavailable", "the event is not stored: send it again", headers=_RETRY))
