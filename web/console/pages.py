"""What every page has: its frame, its headers, and what views say of themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Response, current_app, flash, redirect, render_template, request, url_for

from shared.domain.audit import checked_reason
from shared.domain.errors import InvalidValue
from shared.ports.clock import Clock
from web.console.session import renews_itself, signed_in
from web.operation import Access, Operation, operation
from web.request_log import request_id

View = TypeVar("View", bound=Callable[..., Any])

POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    # To ourselves it is told: the check of forms over TLS reads it.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

# In this order; those that are not registered are left out.
NAVIGATION = (
    ("Overview", "console.overview"),
    ("Configurations", "console.configurations"),
    ("Jobs", "console.jobs"),
    ("Queues", "console.queues"),
    ("Suppressions", "console.suppressions"),
    ("Drift", "console.drift"),
    ("Keys", "console.keys"),
    ("Audit", "console.audit"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around every page."""

    environment: str
    partition: str
    clock: Clock


@dataclass(frozen=True, slots=True)
class Entry:
    label: str
    url: str
    current: bool


def page(summary: str) -> Callable[[View], View]:
    """A view that shows something, to whoever is signed in."""
    return operation(Operation(summary=summary, access=Access.OPERATOR, writes=False))


def deed(summary: str) -> Callable[[View], View]:
    """A view that changes something: POST only, and not for readers."""
    return operation(Operation(summary=summary, access=Access.OPERATOR, writes=True))


def takes(bytes_max: int) -> Callable[[View], View]:
    """A form that brings more than FORM_BYTES_MAX of `web/console/wiring.py`, such as a file."""

    def mark(view: View) -> View:
        view.__dict__["bytes_max"] = bytes_max
        return view

    return mark


def private(response: Response) -> Response:
    """For what is no page: nobody keeps it, and nothing in it is run."""
    response.headers.update(_HEADERS)
    return response


def render(template: str, status: int = 200, **values: object) -> Response:
    """`now` is what moments are told from: give the store's own, else it is the process's clock."""
    frame = current_app.extensions["console"]
    assert isinstance(frame, Frame)
    around = {
        "now": frame.clock.now(),
        "environment": frame.environment,
        "partition": frame.partition,
        "operator": signed_in(),
        "navigation": navigation(),
        "renews_itself": renews_itself(),
        "request_id": request_id(),
    }
    body = render_template(template, **{**around, **values})
    return Response(body, status, headers=_HEADERS, content_type="text/html; charset=utf-8")


def navigation() -> list[Entry]:
    entries = [
        (label, url_for(endpoint)) for label, endpoint in NAVIGATION if endpoint in current_app.view_functions
    ]
    return [Entry(label, url, _is_current(url)) for label, url in entries]


def reason() -> str:
    """Why this is done, from the form. Raises `InvalidValue` when nobody said so."""
    sent = request.form.get("reason", "")
    if "\x00" in sent:
        # No row can hold it.
        raise InvalidValue("reason", "say why, in 1 to 1000 characters, none of them NUL")
    return checked_reason(sent)


def done(message: str, *, to: str, category: str = "success") -> Response:
    """After a deed: says so on the page `to`. `category` is success, info, warning or danger."""
    flash(message, category)
    response = redirect(to, 303)
    assert isinstance(response, Response)
    return response


def _is_current(url: str) -> bool:
    """Of the first page alone what is below it is another's."""
    if url == url_for("console.overview"):
        return request.path == url
    return request.path == url or request.path.startswith(f"{url}/")
