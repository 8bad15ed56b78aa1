"""Pages that do what pages may do: show, act, and fail in every way."""

from flask import Blueprint, Flask, Response, abort, url_for

from shared.bootstrap import Container
from shared.domain.errors import Conflict, InvalidValue, NotFound, StoreUnavailable
from web import auth, errors, request_log
from web.console.overview import OverviewPages
from web.console.pages import deed, done, page, reason, render
from web.console.session import who
from web.console.wiring import Console
from web.problems import FieldFault, Problem

FAILURES: dict[str, Exception] = {
    "problem": Problem("signal_refused", "it is PENDING", errors=[FieldFault("signal", "send provision")]),
    "value": InvalidValue("slug", "use small letters"),
    "missing": NotFound("no such row"),
    "conflict": Conflict("version 3 is gone"),
    "store": StoreUnavailable("postgresql://email:hunter2@db"),
    "fault": RuntimeError("secret of the inside"),
}


class SamplePages:
    def __init__(self, container: Container) -> None:
        self.done: list[tuple[str, str]] = []
        self.settings = container.settings

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/jobs", endpoint="jobs")(self.show)
        routes.get("/jobs/one", endpoint="job")(self.show)
        routes.get("/fails/<how>", endpoint="fails")(self.fail)
        routes.post("/jobs", endpoint="act")(self.act)

    @page("A page with a deed on it")
    def show(self) -> Response:
        return render("sample.html", text="<script>alert(1)</script>")

    @page("A page that cannot be shown")
    def fail(self, how: str) -> Response:
        if how in FAILURES:
            raise FAILURES[how]
        abort(int(how))

    @deed("A deed")
    def act(self) -> Response:
        self.done.append((who().name, reason()))
        return done("It is done: <b>bold</b>.", to=url_for("console.jobs"))


def app_with_samples(container: Container) -> Flask:
    """As `web.app` puts it together, with more pages."""
    samples = SamplePages(container)
    app = Flask(
        "samples", static_folder=None, root_path=__file__.rpartition("/")[0], template_folder="templates"
    )
    console = Console(container, (OverviewPages, lambda _: samples))
    request_log.install(app, container.new_id)
    auth.install(app, auth.KeyRing(()), lambda *_: None, console.admit)
    errors.install(app)
    console.install(app)
    app.extensions["samples"] = samples
    return app


def samples_of(app: Flask) -> SamplePages:
    found = app.extensions["samples"]
    assert isinstance(found, SamplePages)
    return found
