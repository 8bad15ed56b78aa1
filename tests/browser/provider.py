"""The simulator: what it is to say to us, and what happens to messages that it has."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests

from sandbox.client import Json

SEND = "/email/batch"
SEARCH = "/messages/outbound"


class Provider:
    def __init__(self, places: Mapping[str, Any]) -> None:
        self._url, self._control_url = places["postmark_url"], places["postmark_control_url"]
        self._account = {"X-Postmark-Account-Token": places["postmark_account_token"]}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        self._session.close()

    def says(self, rule: Json) -> str:
        """From now on; the rule's id."""
        return str(self._control("POST", "/faults", rule)["id"])

    def says_no_more(self, rule_id: str) -> None:
        self._control("DELETE", f"/faults/{rule_id}")

    @contextmanager
    def saying(self, *rules: Json) -> Iterator[None]:
        """These faults too, while it lasts."""
        ids = [self.says(rule) for rule in rules]
        try:
            yield
        finally:
            for rule_id in ids:
                self.says_no_more(rule_id)

    def let_happen(self, message_id: str, event: str) -> None:
        """Something that comes too late to be true, such as the delivery of what has bounced."""
        self._control("POST", "/events", {"message_id": message_id, "type": event})

    def make_server(self, name: str) -> None:
        self._ask("POST", f"{self._url}/servers", {"Name": name}, self._account)

    def lose_server(self, server_id: int) -> None:
        """As somebody who works on the account by hand."""
        self._control("POST", f"/servers/{server_id}/allow-delete", {"allowed": True})
        self._ask("DELETE", f"{self._url}/servers/{server_id}", None, self._account)

    def _control(self, method: str, path: str, body: Json | None = None) -> Json:
        return self._ask(method, f"{self._control_url}{path}", body)

    def _ask(
        self, method: str, url: str, body: Json | None, headers: Mapping[str, str] | None = None
    ) -> Json:
        response = self._session.request(method, url, json=body, headers=headers, timeout=30)
        response.raise_for_status()
        answer: Json = response.json()
        return answer
