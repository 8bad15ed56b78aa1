"""Style sheets, scripts and pictures of the console. All of them come from here."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import flask_bootstrap
from flask import Blueprint, Flask, Response, url_for
from flask_bootstrap import Bootstrap5

from web.operation import Access, Operation, operation

_DAY_SECONDS = 86_400
_OURS = Path(__file__).with_name("static")
_BOOTSTRAP = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5" / "css" / "bootstrap.min.css"
_DARK = "[data-bs-theme=dark]"
_PUBLIC = operation(Operation(summary="A file of the pages", access=Access.PUBLIC, writes=False))


class _Below:
    """The application as Bootstrap-Flask may see it: what it registers goes below /console."""

    static_url_path = "/static"

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    def register_blueprint(self, blueprint: Blueprint) -> None:
        self._app.register_blueprint(blueprint, url_prefix="/console")


def install(app: Flask) -> None:
    """After the console's own blueprint."""
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, SEND_FILE_MAX_AGE_DEFAULT=_DAY_SECONDS)
    Bootstrap5().init_app(_Below(app))
    for endpoint in ("console.static", "bootstrap.static"):
        _PUBLIC(app.view_functions[endpoint])
    app.jinja_env.globals["asset"] = _Versions().url


def add_dark_theme(routes: Blueprint) -> None:
    """Before the blueprint is registered."""

    def dark() -> Response:
        headers = {"Cache-Control": f"public, max-age={_DAY_SECONDS}"}
        return Response(dark_theme(), headers=headers, content_type="text/css; charset=utf-8")

    routes.get("/static/dark.css", endpoint="dark_theme")(_PUBLIC(dark))


@cache
def dark_theme(sheet: Path = _BOOTSTRAP) -> str:
    """Bootstrap's dark rules for the whole page, to be linked where the reader prefers dark: it needs no script."""
    rules = []
    # By the ends of the rules: the sheet is one line of 230 kB, and expressions are slow on it.
    for rule in sheet.read_text(encoding="utf-8").split("}"):
        before, _, body = rule.rpartition("{")
        selectors = before.rpartition("{")[2].split(",")
        dark = [one.replace(_DARK, ":root") for one in selectors if one.startswith(_DARK)]
        rules += [f"{','.join(dark)}{{{body}}}"] if dark else []
    return "\n".join(rules)


class _Versions:
    """Urls change with their files, so that nobody sees yesterday's script with today's page."""

    def __init__(self) -> None:
        self._digests = {
            path.name: sha256(path.read_bytes()).hexdigest()[:12]
            for path in _OURS.iterdir()
            if path.is_file()
        }

    def url(self, filename: str) -> str:
        return url_for("console.static", filename=filename, v=self._digests[filename])
