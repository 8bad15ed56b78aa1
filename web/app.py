"""The one place where Flask is put together.

granian --interface wsgi --factory web.app:from_environment
"""

from flask import Flask

from shared import config
from shared.bootstrap import Container, build, observe, traffic_writer
from web import auth, errors, request_log
from web.console.wiring import Console
from web.health import HealthRoutes
from web.notes import Notes
from web.routes.configuration import ConfigurationRoutes
from web.routes.documentation import DocumentationRoutes
from web.routes.job import JobRoutes
from web.routes.postmark_events import PostmarkEventRoutes
from web.routes.suppression import SuppressionRoutes


def create_app(container: Container) -> Flask:
    app = Flask("web", static_folder=None, template_folder="templates")
    # A redirect would make another request of it.
    app.url_map.merge_slashes = False
    # First, so that every other step has the request's id.
    request_log.install(app, container.new_id)
    notes = Notes(container)
    console = Console(container) if Console.is_open(container) else None
    keys = auth.KeyRing(container.settings.api_keys.valid())
    auth.install(app, keys, notes.key_shown, console.admit if console else None)
    errors.install(app)
    _add_routes(app, container, notes)
    if console:
        console.install(app)
    return app


def from_environment() -> Flask:
    """For the server's command line. Raises `InvalidSettings` with everything that is wrong."""
    settings = config.read()
    observe(settings, "web")
    container = build(settings, "web")
    # The server's workers call this, each in its own process.
    traffic_writer(container.store).start()
    return create_app(container)


def _add_routes(app: Flask, container: Container, notes: Notes) -> None:
    """What is switched off is not there: it answers 404."""
    routes = container.settings.routes
    app.register_blueprint(HealthRoutes(container, notes).blueprint())
    app.register_blueprint(DocumentationRoutes().blueprint())
    if routes.configuration.enabled:
        app.register_blueprint(ConfigurationRoutes(container).blueprint())
        app.register_blueprint(SuppressionRoutes(container).blueprint())
    if routes.job.enabled:
        app.register_blueprint(JobRoutes(container).blueprint())
    if routes.postmark_events.enabled:
        app.register_blueprint(PostmarkEventRoutes(container, notes).blueprint())
