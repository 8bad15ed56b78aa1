"""A running simulator, an account at it, and a customer's webhook endpoint."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from postmarker.core import PostmarkClient

Json = dict[str, Any]
SENDING_DOMAIN = "acme.mail.example"
SENDER = f"noreply@{SENDING_DOMAIN}"
ALL_TRIGGERS = ("Delivery", "Bounce", "SpamComplaint", "SubscriptionChange", "Open", "Click")


class SimulatorProcess:
    """`python -m sandbox.postmark`, ready when its file is there."""

    def __init__(self, state_dir: Path, *arguments: str) -> None:
        self.state_dir = state_dir
        ready = state_dir / "postmark.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "sandbox.postmark", "--state-dir", str(state_dir), *arguments]
        state_dir.mkdir(exist_ok=True)
        self._log = state_dir / "stderr.log"
        with self._log.open("a") as log:
            self.process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + 15
        pause = threading.Event()
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the simulator did not start: {self.kill()}")
            pause.wait(0.01)
        self.info: Json = json.loads(ready.read_text())

    @property
    def ports(self) -> tuple[str, str]:
        return self.info["url"].rpartition(":")[2], self.info["control_url"].rpartition(":")[2]

    def kill(self) -> str:
        self.process.kill()
        return self._end()

    def stop(self) -> int:
        self.process.terminate()
        self._end()
        return self.process.returncode

    def _end(self) -> str:
        self.process.wait(timeout=10)
        return self._log.read_text()


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: Json


class Receiver:
    """A customer's endpoint. `answer` decides the status of each post."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self.answer: Callable[[Received], int] = lambda _: 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                post = Received(
                    self.path, {key.lower(): value for key, value in self.headers.items()}, json.loads(raw)
                )
                receiver.received.append(post)
                self.send_response(receiver.answer(post))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/events"

    def types(self) -> list[str]:
        return [post.body["RecordType"] for post in self.received]

    def of(self, record_type: str) -> list[Received]:
        return [post for post in self.received if post.body["RecordType"] == record_type]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@dataclass
class Postmark:
    """Calls to a simulator as its customer, and as the one who steers it."""

    url: str
    control_url: str
    account_token: str
    session: requests.Session = field(default_factory=requests.Session)
    _opened: list[PostmarkClient] = field(default_factory=list)

    @classmethod
    def at(cls, process: SimulatorProcess) -> "Postmark":
        return cls(process.info["url"], process.info["control_url"], process.info["account_token"])

    def account(self, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        return self.call(method, path, {"X-Postmark-Account-Token": self.account_token}, body, **params)

    def call(
        self, method: str, path: str, headers: dict[str, str], body: Any = None, **params: Any
    ) -> requests.Response:
        whole = {"Accept": "application/json", **headers}
        return self.session.request(
            method, self.url + path, headers=whole, json=body, params=params, timeout=10
        )

    def control(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = self.session.request(method, self.control_url + path, json=body, params=params, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def advance(self, seconds: float) -> None:
        """Simulated time forward; returns when what fell due is done."""
        assert self.control("POST", "/clock", {"advance_seconds": seconds})["settled"] is True

    def fault(self, kind: str, **parameters: Any) -> None:
        self.control("POST", "/faults", {"kind": kind, **parameters})

    def new_server(self, name: str = "example-mail-acme", **fields: Any) -> "Server":
        made = self.account("POST", "/servers", {"Name": name, **fields})
        assert made.status_code == 200, made.text
        return Server(self, made.json()["ID"], made.json()["ApiTokens"][0])

    def new_domain(self, name: str = SENDING_DOMAIN) -> Json:
        made = self.account("POST", "/domains", {"Name": name, "ReturnPathDomain": f"pm-bounces.{name}"})
        assert made.status_code == 200, made.text
        return dict(made.json())

    def verified_domain(self, name: str = SENDING_DOMAIN) -> Json:
        domain = self.new_domain(name)
        value = f'"{domain["DKIMPendingTextValue"]}"'
        self.control("POST", "/dns", {"name": domain["DKIMPendingHost"], "type": "TXT", "value": value})
        verified = self.account("PUT", f"/domains/{domain['ID']}/verifyDkim").json()
        assert verified["DKIMVerified"] is True
        return dict(verified)

    def client(self, server_token: str) -> PostmarkClient:
        made = PostmarkClient(server_token, self.account_token, root_api_url=self.url)
        self._opened.append(made)
        return made

    def close(self) -> None:
        self.session.close()
        for client in self._opened:
            client.session.close()


@dataclass
class Server:
    postmark: Postmark
    id: int
    token: str

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        return self.postmark.call(method, path, {"X-Postmark-Server-Token": self.token}, body, **params)

    def send(self, to: str = "person@customer.example", **fields: Any) -> requests.Response:
        return self.call("POST", "/email", message(to, **fields))

    def sent(self, to: str = "person@customer.example", **fields: Any) -> str:
        """The MessageID of an accepted message."""
        answer = self.send(to, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["MessageID"])

    def hook(self, receiver: Receiver, *triggers: str, **fields: Any) -> Json:
        """A verified webhook; the test posts are forgotten."""
        wanted = {trigger: {"Enabled": True} for trigger in triggers or ALL_TRIGGERS}
        made = self.call("POST", "/webhooks", {"Url": receiver.url, "Triggers": wanted, **fields})
        assert made.status_code == 200, made.text
        receiver.received.clear()
        return dict(made.json())


def message(to: str = "person@customer.example", **fields: Any) -> Json:
    return {"From": SENDER, "To": to, "Subject": "Your order", "TextBody": "It is on its way.", **fields}


def codes(answer: requests.Response) -> tuple[int, int]:
    """HTTP status and ErrorCode of a refusal, after a look at its form."""
    assert set(answer.json()) == {"ErrorCode", "Message"}
    assert answer.headers["X-PM-ApiErrorCode"] == str(answer.json()["ErrorCode"])
    return answer.status_code, answer.json()["ErrorCode"]
