"""The console put together: only where there is a key to open it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import NotFound

from shared.bootstrap import Container
from web.console import assets, failures, wording
from web.console.audit import AuditPages
from web.console.configurations import ConfigurationPages
from web.console.dead_letters import DeadLetterPages
from web.console.drift import DriftPages
from web.console.events import EventPages
from web.console.jobs import JobPages
from web.console.keys import KeyPages
from web.console.overview import OverviewPages
from web.console.pages import Frame, page
from web.console.queues import QueuePages
from web.console.replays import ReplayPages
from web.console.session import PATH, SessionCookie, Sessions, secret_of
from web.console.sign_in import SignInPages, redirect_to
from web.console.suppression_files import SuppressionFilePages
from web.console.suppressions import SuppressionPages
from web.console.throttle import Throttle
from web.operation import Operation

# Of one form. A file to be taken in needs more, and says so at its view, by `takes`.
FORM_BYTES_MAX = 1_000_000


class Pages(Protocol):
    def add_to(self, routes: Blueprint) -> None: ...


MakePages = Callable[[Container], Pages]

_PAGES: tuple[MakePages, ...] = (
    OverviewPages,
    ConfigurationPages,
    EventPages,
    JobPages,
    SuppressionPages,
    SuppressionFilePages,
    DriftPages,
    KeyPages,
    AuditPages,
    QueuePages,
    DeadLetterPages,
    ReplayPages,
)


class Console:
    """`admit` closes its views: given to `web.auth`, which asks it before any of them runs."""

    def __init__(self, container: Container, pages: Sequence[MakePages] = _PAGES) -> None:
        self._container = container
        self._pages = pages
        self._sessions = Sessions(container.settings.console, container.clock)

    @staticmethod
    def is_open(container: Container) -> bool:
        console = container.settings.console
        return console.enabled and console.operator_key is not None

    def admit(self, described: Operation) -> None:
        self._sessions.admit(described)

    def install(self, app: Flask) -> None:
        settings = self._container.settings
        app.extensions["console"] = Frame(settings.environment, settings.partition, self._container.clock)
        self._keep_sessions(app)
        csrf = CSRFProtect(app)
        app.register_blueprint(self._routes(csrf))
        assets.install(app)
        wording.install(app)

    def _keep_sessions(self, app: Flask) -> None:
        settings = self._container.settings
        app.secret_key = secret_of(settings.console)
        app.session_interface = SessionCookie()
        app.config.update(
            SESSION_COOKIE_NAME="email_console",
            SESSION_COOKIE_PATH=PATH,
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            SESSION_COOKIE_SECURE=not settings.public_base_url.startswith("http://"),
            # For the console's own requests only, below; and for as long as the session lasts.
            WTF_CSRF_CHECK_DEFAULT=False,
            WTF_CSRF_TIME_LIMIT=None,
        )

    def _routes(self, csrf: CSRFProtect) -> Blueprint:
        routes = Blueprint(
            "console",
            __name__,
            url_prefix=PATH,
            static_folder="static",
            static_url_path="/static",
            template_folder="templates",
        )

        def check_form() -> None:
            view = current_app.view_functions.get(request.endpoint or "")
            bytes_max = getattr(view, "bytes_max", FORM_BYTES_MAX)
            request.max_content_length = request.max_form_memory_size = bytes_max
            csrf.protect()

        routes.before_request(check_form)
        failures.install(routes)
        assets.add_dark_theme(routes)
        SignInPages(self._sessions, Throttle(self._container.clock)).add_to(routes)
        for pages in self._pages:
            pages(self._container).add_to(routes)
        routes.get("/", endpoint="home")(home)
        # What is not there is answered by a page too, and tells nothing to who is not signed in.
        routes.route("/<path:rest>", endpoint="nowhere", methods=_METHODS)(nowhere)
        return routes


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@page("The overview, by its other name")
def home() -> Response:
    return redirect_to(url_for("console.overview"))


@page("What is not there")
def nowhere(rest: str) -> Response:  # noqa: ARG001 - of the route
    raise NotFound
