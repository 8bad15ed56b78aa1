"""What was looked for, sealed: an address in a URL would be in histories, in chats, and in the logs of every proxy.

A search by such words is a form. Its answer leads to a URL that holds them sealed, so that the page can be loaded
again, renewed, paged through and gone back to. Every replica opens it, as all have the same keys.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

_INFO = b"shop-access.email.console-search.v1"


def sealed(words: Mapping[str, str]) -> str:
    """Of letters that a URL may hold."""
    return _seal().encrypt(json.dumps(dict(words)).encode()).decode()


def opened(token: str) -> dict[str, str] | None:
    """None for what was not sealed here, or before the console's keys were changed."""
    try:
        words = json.loads(_seal().decrypt(token.encode("utf-8", "surrogateescape")))
    except InvalidToken:
        return None
    return {str(name): str(word) for name, word in words.items()}


def _seal() -> Fernet:
    secret = current_app.secret_key
    assert isinstance(secret, bytes)
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret)
    return Fernet(urlsafe_b64encode(derived))
