"""The simulator: what it keeps of us, and what it is to say to us."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from sandbox.client import Json

SEND = "/email/batch"
# The other words stand between spaces, in quotes, in brackets and at the end.
_QUOTING = "The request cannot be processed: {0} was given, '{0}', (<{0}>), and not what is expected: {0}"


def quoting(*texts: str) -> str:
    """A provider that says back what it was given."""
    return " ".join(_QUOTING.format(text) for text in texts)


def refusal(endpoint: str, status: int, code: int, *texts: str, **scope: Any) -> Json:
    """A fault rule: one answer that quotes."""
    body = {"ErrorCode": code, "Message": quoting(*texts)}
    return {"kind": "respond", "endpoint": endpoint, "status": status, "body": body, **scope}


def item_refusal(code: int, *texts: str, **scope: Any) -> Json:
    """A fault rule: one message of a batch is refused with words that quote."""
    return {
        "kind": "partial_batch",
        "endpoint": SEND,
        "error_code": code,
        "message": quoting(*texts),
        **scope,
    }


class Provider:
    def __init__(self, places: Mapping[str, Any]) -> None:
        self._url, self._control_url = places["postmark_url"], places["postmark_control_url"]
        self._account = {"X-Postmark-Account-Token": places["postmark_account_token"]}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"

    @contextmanager
    def saying(self, *rules: Json) -> Iterator[None]:
        """These faults and no others, while it lasts."""
        self._control("PUT", "/faults", {"rules": list(rules)})
        try:
            yield
        finally:
            self._control("DELETE", "/faults")

    def fired(self) -> list[int]:
        """How often each of the rules was carried out."""
        return [rule["fired"] for rule in self._control("GET", "/faults")["rules"]]

    def make_server(self, name: str) -> None:
        self._ask("POST", self._url, "/servers", {"Name": name}, self._account)

    def server_tokens(self) -> dict[str, str]:
        """By the server's name."""
        found = self._ask("GET", self._url, "/servers?count=500&offset=0", None, self._account)
        return {server["Name"]: token for server in found["Servers"] for token in server["ApiTokens"]}

    def webhook_headers(self, server_token: str) -> dict[str, str]:
        """What its webhook shows us: the API key and the routing token."""
        found = self._ask("GET", self._url, "/webhooks", None, {"X-Postmark-Server-Token": server_token})
        return {
            header["Name"]: header["Value"]
            for webhook in found["Webhooks"]
            for header in webhook["HttpHeaders"]
        }

    def _control(self, method: str, path: str, body: Json | None = None) -> Json:
        return self._ask(method, self._control_url, path, body)

    def _ask(self, method: str, url: str, path: str, body: Json | None, headers: Json | None = None) -> Json:
        response = self._session.request(method, f"{url}{path}", json=body, headers=headers, timeout=30)
        response.raise_for_status()
        answer: Json = response.json()
        return answer
