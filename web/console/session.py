"""Who is signed in: a signed cookie that says who, with which key, and when they were last here.

Nothing of it is kept on our side, so that every replica knows every session; it is signed by a secret made from the
keys, so that all sessions end when one of them changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, Request, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from shared.config.settings import Console
from shared.domain.webhook import fingerprint
from shared.ports.clock import Clock
from web.auth import KeyRing
from web.operation import Operation

# Of what it has pages under, and of its cookie.
PATH = "/console"
# Of the request headers: a region that renews itself. Nobody is at the keyboard for it.
REFRESH = "X-Console-Refresh"
_INFO = b"shop-access.email.console-session.v1"
_KEPT = "operator"
# Also for who never pauses: a stolen cookie must not live for ever.
_LONGEST = timedelta(hours=24)


class Role(StrEnum):
    OPERATOR = "operator"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Operator:
    """`name` is the author of whatever is done; `key` the fingerprint of what they signed in with."""

    name: str
    role: Role
    key: str

    @property
    def may_write(self) -> bool:
        return self.role is Role.OPERATOR


class SignInNeeded(Exception):
    """There is no session, or not any more."""


class ReadOnly(Exception):
    """A reader wanted to change something."""


def secret_of(console: Console) -> bytes:
    """Signs sessions and CSRF tokens. The same in every process that has the same keys."""
    keys = [
        key.get_secret_value().encode() if key else b"" for key in (console.operator_key, console.reader_key)
    ]
    # With their lengths: no other pair of keys makes the same material.
    material = b"".join(len(key).to_bytes(4, "big") + key for key in keys)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(material)


def who() -> Operator:
    """Whoever sent this request. Only for views that are closed."""
    found = g.operator
    assert isinstance(found, Operator)
    return found


def signed_in() -> Operator | None:
    found = g.get("operator")
    return found if isinstance(found, Operator) else None


def renews_itself() -> bool:
    """Whether the page asked, and not the person before it."""
    return REFRESH in request.headers


class SessionCookie(SecureCookieSessionInterface):
    """Looked for only where browsers send it: callers of the API and the provider have none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if request.path.startswith(PATH) else None


class Sessions:
    def __init__(self, console: Console, clock: Clock) -> None:
        roles = {console.operator_key: Role.OPERATOR, console.reader_key: Role.READER}
        keys = {key.get_secret_value(): role for key, role in roles.items() if key is not None}
        self.keys = KeyRing(list(keys))
        self._roles: Mapping[str, Role] = {fingerprint(key): role for key, role in keys.items()}
        self._idle = timedelta(minutes=console.session_minutes)
        self._clock = clock

    def begin(self, name: str, key: str) -> Operator:
        """A new session, with nothing of the one before: also its CSRF token is gone."""
        session.clear()
        now = self._clock.now().timestamp()
        operator = Operator(name, self._roles[key], key)
        session[_KEPT] = {"name": name, "role": operator.role.value, "key": key, "began": now, "seen": now}
        g.operator = operator
        return operator

    def end(self) -> None:
        session.clear()
        g.pop("operator", None)

    def find(self) -> Operator | None:
        """Whose request this is; notes that they were here, unless the page asked by itself."""
        kept = session.get(_KEPT)
        if not isinstance(kept, dict) or not self._holds(kept):
            return None
        if not renews_itself():
            session[_KEPT] = {**kept, "seen": self._clock.now().timestamp()}
        g.operator = Operator(kept["name"], Role(kept["role"]), kept["key"])
        return signed_in()

    def admit(self, described: Operation) -> None:
        """Raises `SignInNeeded` or `ReadOnly`."""
        operator = self.find()
        if operator is None:
            raise SignInNeeded
        if described.writes and not operator.may_write:
            raise ReadOnly

    def _holds(self, kept: Mapping[str, object]) -> bool:
        now = self._clock.now()
        role = self._roles.get(str(kept["key"]))
        return (
            role is not None
            and role == kept["role"]
            and now - _moment(kept["seen"]) < self._idle
            and now - _moment(kept["began"]) < max(_LONGEST, self._idle)
        )


def _moment(seconds: object) -> datetime:
    assert isinstance(seconds, float)
    return datetime.fromtimestamp(seconds, UTC)
