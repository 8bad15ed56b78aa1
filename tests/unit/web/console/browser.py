"""The console as a person has it before them: cookies are kept, forms carry their hidden fields."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

OPERATOR_KEY = "a-key-of-the-operators"
READER_KEY = "a-key-of-the-readers"
ORIGIN = "https://mail.example.com"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser:
    def __init__(self, app: Flask) -> None:
        self.app = app
        self._client = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open(path, **options)

    def open(self, path: str, **options: Any) -> TestResponse:
        """Without anything that a form brings."""
        return self._client.open(path, base_url=ORIGIN, buffered=True, **options)

    def post(
        self, path: str, form: Mapping[str, str] | None = None, *, token: str | None = None
    ) -> TestResponse:
        """As a form of ours sends it: with the token of a page that this browser was shown."""
        fields = {**(form or {}), "csrf_token": self.token() if token is None else token}
        return self.open(path, method="POST", data=fields, headers={"Referer": f"{ORIGIN}/console"})

    def token(self) -> str:
        for path in ("/console/sign-in", "/console"):
            found = _TOKEN.search(self.get(path).get_data(as_text=True))
            if found:
                return found[1]
        raise AssertionError("no page has a form")

    def try_key(self, key: str, *, name: str = "Olga", to: str = "") -> TestResponse:
        return self.post("/console/sign-in", {"name": name, "key": key, "next": to})

    def signed_in(self, name: str, key: str) -> "Browser":
        answer = self.try_key(key, name=name)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self

    def is_signed_in(self) -> bool:
        return self.get("/console").status_code == 200

    def cookie(self) -> str | None:
        found = self._client.get_cookie("email_console", domain="mail.example.com", path="/console")
        return found.value if found else None

    def put_cookie(self, value: str) -> None:
        self._client.set_cookie("email_console", value, domain="mail.example.com", path="/console")


def text(response: TestResponse) -> str:
    return response.get_data(as_text=True)


def led_to(response: TestResponse) -> str:
    """Path and query of where it leads, which is never another host."""
    assert response.status_code == 303
    parts = urlsplit(response.headers["Location"])
    assert (parts.scheme, parts.netloc) == ("", "")
    return parts.path + (f"?{parts.query}" if parts.query else "")
