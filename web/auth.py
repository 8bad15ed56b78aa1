"""Who calls: keys compared in constant time, and the headers that name tenant and author.

Every view is closed unless its `Operation` says otherwise.
"""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from flask import Flask, Response, g, request

from shared.domain.webhook import fingerprint
from shared.telemetry.metrics import record_webhook_rejected
from web.operation import Access, Operation, operation_of
from web.problems import FieldFault, Problem

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_AUTHOR_MAX = 255


@dataclass(frozen=True, slots=True)
class Caller:
    """`author` is empty on reads that did not name one."""

    tenant_id: UUID
    author: str


class KeyRing:
    """The keys that are valid now: two while a rotation goes on."""

    def __init__(self, keys: Sequence[str]) -> None:
        # Digests have one length, so that a comparison tells nothing of a key's.
        self._names = {sha256(key.encode()).digest(): fingerprint(key) for key in keys}

    def name_of(self, presented: str) -> str | None:
        """The fingerprint of the valid key that this is, or None. Compares with every key, also after a match."""
        digest = sha256(presented.encode("utf-8", "surrogateescape")).digest()
        found = None
        for valid, name in self._names.items():
            if hmac.compare_digest(digest, valid):
                found = name
        return found


KeyShown = Callable[[str, str], None]
Admit = Callable[[Operation], None]


def install(app: Flask, keys: KeyRing, shown: KeyShown, operators: Admit | None = None) -> None:
    """`shown` is told the fingerprint and the purpose of each key that was good for something.

    `operators` raises unless a person is signed in who may use the view. Without it no such view opens.
    """

    def guard() -> None:
        view = app.view_functions.get(request.endpoint or "")
        if view is not None:
            _admit(operation_of(view), keys, operators)

    def tell(response: Response) -> Response:
        # After the answer is made, and not while the store fails: telling must not make anybody wait twice for it.
        if "key_shown" in g and response.status_code < 500:
            shown(*g.key_shown)
        return response

    app.before_request(guard)
    app.after_request(tell)


def caller() -> Caller:
    found = g.caller
    assert isinstance(found, Caller)
    return found


def unauthorized() -> Problem:
    """One answer for every wrong, missing or outdated credential: it tells nothing of which."""
    detail = "send a valid key as 'Authorization: Bearer <key>'"
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def _admit(described: Operation, keys: KeyRing, operators: Admit | None) -> None:
    match described.access:
        case Access.PUBLIC:
            return
        case Access.OPERATOR:
            if operators is None:
                raise unauthorized()
            operators(described)
        case Access.PROVIDER:
            if not _shows_key(keys, _bearer(), "provider"):
                record_webhook_rejected("auth_mismatch")
                raise unauthorized()
        case Access.CALLER:
            if not _shows_key(keys, _bearer(), "caller"):
                raise unauthorized()
            g.caller = _caller(author_required=described.writes)


def _shows_key(keys: KeyRing, presented: str, purpose: str) -> bool:
    name = keys.name_of(presented)
    if name is None:
        return False
    g.key_shown = (name, purpose)
    return True


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _caller(*, author_required: bool) -> Caller:
    faults, headers = [], request.headers
    tenant = headers.get("X-Tenant-Id", "")
    if not _UUID.fullmatch(tenant):
        faults.append(FieldFault("X-Tenant-Id", "send the tenant's UUID"))
    author = headers.get("X-Author", "").strip()
    if (author_required and not author) or not _is_author(author):
        advice = f"say who does this, in 1 to {_AUTHOR_MAX} printable ASCII characters"
        faults.append(FieldFault("X-Author", advice))
    if faults:
        raise Problem("invalid_header", "see errors for the headers to mend", errors=faults)
    return Caller(UUID(tenant), author)


def _is_author(author: str) -> bool:
    """ASCII: the server hands other headers over as empty ones."""
    return len(author) <= _AUTHOR_MAX and author.isascii() and author.isprintable()
