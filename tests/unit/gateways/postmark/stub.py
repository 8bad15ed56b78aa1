"""A scripted HTTP server: each request is written down and gets the next answer."""

import json
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shared.gateways.postmark.wire import PostmarkSettings, Wire


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)
    client_port: int

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """`body`: bytes as they are, anything else as JSON. `hang_up`: close the connection without an answer."""

    status: int = 200
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


class StubServer:
    def __init__(self) -> None:
        self.received: list[Received] = []
        self._replies: deque[Reply] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reply(self, status: int = 200, body: object = b"", **headers: str) -> None:
        """The answer to the next request that has none yet."""
        self._replies.append(
            Reply(status, body, {key.replace("_", "-"): text for key, text in headers.items()})
        )

    def hang_up(self) -> None:
        self._replies.append(Reply(hang_up=True))

    def take(self, received: Received) -> Reply:
        self.received.append(received)
        return self._replies.popleft() if self._replies else Reply(599, b"nothing scripted")

    def wire(self, **settings: Any) -> Wire:
        account = {
            "base_url": self.url,
            "account_token": "account-token",
            "read_timeout_seconds": 5.0,
            **settings,
        }
        return Wire(PostmarkSettings(**account))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_of(stub: StubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        server_stub = stub

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_stub: StubServer

    def do_GET(self) -> None:
        reply = self.server_stub.take(self._received())
        if reply.hang_up:
            self.close_connection = True
            return
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def _received(self) -> Received:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): text for name, text in self.headers.items()}
        return Received(self.command, parts.path, query, headers, body, self.client_address[1])

    def log_message(self, *_: Any) -> None:
        """Quiet."""
