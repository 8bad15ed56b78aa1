"""What goes wrong beneath /console, as a page with the request's id. It tells nothing of the inside."""

from dataclasses import dataclass

from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import HTTPException

from shared.domain.errors import Conflict, InvalidValue, NotFound, Recovering, StoreUnavailable
from web import errors
from web.console.pages import render
from web.console.session import ReadOnly, SignInNeeded
from web.console.sign_in import arrive, comes_from_elsewhere, redirect_to
from web.problems import Problem

_RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Failure:
    status: int
    title: str
    detail: str
    advice: str


NOT_FOUND = Failure(
    404, "There is no such page", "Nothing is kept under this address.", "Go on from the navigation."
)
READ_ONLY = Failure(
    403,
    "Your role may look, and not act",
    "You are signed in as reader.",
    "Sign in with the operator's key, or ask somebody who has it.",
)
CONFLICT = Failure(
    409,
    "It changed meanwhile",
    "Somebody or something was quicker. Nothing was done.",
    "Look at it again, and decide again.",
)
UNAVAILABLE = Failure(
    503,
    "The database does not answer",
    "Nothing can be read or changed at present. What was just sent may or may not have been done.",
    "Try again in some seconds. If it goes on, look at Postgres.",
)
RECOVERING = Failure(
    503,
    "The database is being recovered",
    "It was restored, and what was sent since is being looked up. Nothing was done; what is not here may yet be found.",
    "Wait for the end of the recovery, then try again. Lock and force-lock work meanwhile.",
)
BROKEN = Failure(
    500, "Something broke here", "This is a defect of ours.", "Try again, or report the request's id."
)
_OF_HTTP = {
    400: Failure(
        400,
        "The form is not usable",
        "It was open for too long, was sent from elsewhere, or misses something. Nothing was done.",
        "Go back, load the page again, and send it again.",
    ),
    404: NOT_FOUND,
    413: Failure(413, "Too large", "More was sent than is taken here. Nothing was done.", "Send less."),
}


def install(routes: Blueprint) -> None:
    routes.register_error_handler(SignInNeeded, lambda _: _to_sign_in())
    routes.register_error_handler(ReadOnly, lambda _: show(READ_ONLY))
    routes.register_error_handler(Problem, _of_problem)
    routes.register_error_handler(InvalidValue, _of_value)
    routes.register_error_handler(NotFound, lambda _: show(NOT_FOUND))
    routes.register_error_handler(Conflict, lambda _: show(CONFLICT))
    routes.register_error_handler(Recovering, lambda _: show(RECOVERING))
    routes.register_error_handler(StoreUnavailable, _of_store)
    routes.register_error_handler(HTTPException, _of_http)
    routes.register_error_handler(Exception, _of_fault)


def show(failure: Failure) -> Response:
    return render("console/failure.html", failure.status, failure=failure)


def _to_sign_in() -> Response:
    """Back to the same page afterwards, unless something was sent: that is not sent again."""
    if comes_from_elsewhere():
        return arrive(request.full_path)
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect_to(url_for("console.sign_in", next=here))


def _of_problem(problem: Problem) -> Response:
    faults = " ".join(f"{fault.field}: {fault.advice}." for fault in problem.errors)
    detail = f"{problem.detail[:1].upper()}{problem.detail[1:]}"
    kind = problem.kind
    return show(Failure(kind.status, kind.title, f"{detail.rstrip('.')}. {faults}".strip(), kind.advice))


def _of_value(error: InvalidValue) -> Response:
    detail = f"{error.field}: {error.advice}. Nothing was done."
    return show(Failure(400, "A field has to be mended", detail, "Go back, mend it, and send it again."))


def _of_store(error: StoreUnavailable) -> Response:
    errors.tell(error)
    response = show(UNAVAILABLE)
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response


def _of_http(error: HTTPException) -> Response:
    if error.code in _OF_HTTP:
        return show(_OF_HTTP[error.code])
    return show(Failure(error.code or 500, error.name, "The request was refused.", BROKEN.advice))


def _of_fault(error: Exception) -> Response:
    errors.tell(error)
    return show(BROKEN)
