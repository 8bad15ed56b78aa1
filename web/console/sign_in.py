"""The way in and the way out."""

from urllib.parse import unquote, urlsplit

from flask import Blueprint, Response, redirect, request, url_for

from shared.telemetry.console import record_sign_in_refused, record_signed_in, record_signed_out
from web.console.pages import render
from web.console.session import Sessions, signed_in
from web.console.throttle import Throttle
from web.operation import Access, Operation, operation

_NAME_MAX = 100
_HOME = "/console"


class SignInPages:
    def __init__(self, sessions: Sessions, throttle: Throttle) -> None:
        self._sessions = sessions
        self._throttle = throttle

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/sign-in", endpoint="sign_in")(self.ask)
        routes.post("/sign-in", endpoint="try_sign_in")(self.try_key)
        routes.post("/sign-out", endpoint="sign_out")(self.sign_out)

    @operation(Operation(summary="The way in", access=Access.PUBLIC, writes=False))
    def ask(self) -> Response:
        if self._sessions.find() is not None:
            return _go(request.args.get("next", ""))
        if comes_from_elsewhere():
            return arrive(request.full_path)
        return _form(request.args.get("next", ""))

    @operation(Operation(summary="Sign in", access=Access.PUBLIC))
    def try_key(self) -> Response:
        wait_seconds = self._throttle.wait_seconds()
        if wait_seconds:
            return self._refuse(
                "throttled", f"Too many wrong keys. Try again in {wait_seconds} seconds.", 429
            )
        name = request.form.get("name", "").strip()
        if not _is_name(name):
            return self._refuse("no_name", f"Give your name, in 1 to {_NAME_MAX} printable characters.", 400)
        key = self._sessions.keys.name_of(request.form.get("key", ""))
        if key is None:
            self._throttle.refused()
            return self._refuse("wrong_key", "This key does not open the console.", 403)
        # Asked after the key alone, so that nobody can try keys as names. A name is shown, logged and stored.
        if self._sessions.keys.name_of(name) is not None:
            return self._refuse("key_as_name", "This is a key. Give your name, and then the key.", 400)
        operator = self._sessions.begin(name, key)
        record_signed_in(operator.name, role=operator.role.value, key=operator.key)
        return _go(request.form.get("next", ""))

    @operation(Operation(summary="Sign out", access=Access.PUBLIC))
    def sign_out(self) -> Response:
        """Also for a session that is over: it is what its owner wanted."""
        self._sessions.find()
        operator = signed_in()
        if operator is not None:
            record_signed_out(operator.name)
        self._sessions.end()
        return redirect_to(url_for("console.sign_in"))

    def _refuse(self, reason: str, fault: str, status: int) -> Response:
        record_sign_in_refused(reason)
        response = _form(request.form.get("next", ""), fault=fault, status=status)
        if status == 429:
            response.headers["Retry-After"] = str(self._throttle.wait_seconds())
        return response


def redirect_to(url: str) -> Response:
    """To be read, whatever was sent here."""
    response = redirect(url, 303)
    assert isinstance(response, Response)
    return response


def comes_from_elsewhere() -> bool:
    """By a link of another site: the browser keeps the session's cookie back then, whether there is one or not."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site"


def arrive(target: str) -> Response:
    """A page that goes on to `target` from here, and sets no cookie: it would replace the one that was kept back."""
    return render("console/arriving.html", next=inside(target.rstrip("?")))


def inside(target: str) -> str:
    """`target` when it is a page of the console, else the first one: nobody is led elsewhere from here."""
    parts = urlsplit(target) if _is_plain(target) else None
    if parts is None or parts.scheme or parts.netloc:
        return _HOME
    leads_inside = parts.path == _HOME or parts.path.startswith(f"{_HOME}/")
    return target if leads_inside and ".." not in unquote(parts.path).split("/") else _HOME


def _is_plain(target: str) -> bool:
    """Browsers read a backslash as a slash, and drop tabs and line ends."""
    return target.isascii() and target.isprintable() and "\\" not in target


def _go(target: str) -> Response:
    return redirect_to(inside(target))


def _form(target: str, *, fault: str = "", status: int = 200) -> Response:
    return render("console/sign_in.html", status, next=inside(target), fault=fault, name_max=_NAME_MAX)


def _is_name(name: str) -> bool:
    return 1 <= len(name) <= _NAME_MAX and name.isprintable()
