"""The ways in by HTTP, with a witness of every answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from sandbox.client import BASE, Answer, Client, Json
from tests.acceptance.canary import allowed
from tests.acceptance.canary.search import Haystack

_TIMEOUT_SECONDS = 30.0


class Witness:
    """Keeps every answer: its head and its body. Of requests nothing."""

    def __init__(self) -> None:
        self.answers: list[Haystack] = []
        self.statuses: set[int] = set()

    def watch(self, session: requests.Session) -> None:
        session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self.statuses.add(response.status_code)
        method, path = response.request.method, urlsplit(response.url).path
        # A path may be a canary itself.
        place = f"answer {len(self.answers)}, {response.status_code} to {method}"
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items()).encode()
        body = response.content
        may = allowed.of_answer(path, response.status_code)
        self.answers.append(Haystack(place, head + b"\n\n" + body, may))
        if path == f"{BASE}/job/batch":
            # Between jobs that were accepted: those that were refused.
            self.answers.append(Haystack(f"{place}, refusals", b"\n".join(_refusals(body))))


def _refusals(body: bytes) -> Iterator[bytes]:
    for result in json.loads(body).get("results", []):
        if result["status"] >= 400:
            yield json.dumps(result).encode()


class WatchedClient(Client):
    """As a calling service, and as one that sends what it should not."""

    def __init__(self, url: str, api_key: str, tenant_id: str, witness: Witness) -> None:
        super().__init__(url, api_key, tenant_id, author="canaries")
        witness.watch(self._session)

    def post(self, path: str, body: Json) -> Answer:
        return self._call("POST", path, body)

    def get(self, path: str) -> Answer:
        return self._call("GET", path)


class Stranger:
    """Anything may be sent, and nothing is expected of the answer."""

    def __init__(self, url: str, witness: Witness) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        # Who is refused before the end of a body finds the connection closed: the next request is not to find it so.
        self._session.headers["Connection"] = "close"
        witness.watch(self._session)

    def read(self, url: str) -> bytes:
        """From wherever it is, and there has to be something."""
        response = self._session.get(url, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.content

    def send(
        self, method: str, path: str, data: bytes | Mapping[str, str] = b"", **headers: str
    ) -> requests.Response:
        """Headers with underscores for dashes. `data` that is no bytes is a form."""
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._session.request(
            method,
            f"{self._url}{path}",
            data=data,
            headers=spelled,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
