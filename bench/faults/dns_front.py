"""Route 53 by way of somebody who may lose the answer to a change, or refuse it."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from sandbox.ports import LOOPBACK

REFUSAL_CODE = "AccessDenied"
_REFUSAL = (
    '<?xml version="1.0"?><ErrorResponse><Error><Type>Sender</Type>'
    f"<Code>{REFUSAL_CODE}</Code><Message>not you</Message></Error><RequestId>0</RequestId></ErrorResponse>"
).encode()
_NOT_PASSED_ON = (
    "host",
    "connection",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "keep-alive",
)


class Mood(Enum):
    """Towards changes; everything else is passed on."""

    KIND = "kind"
    LOSES_ANSWERS = "loses answers"
    REFUSES = "refuses"


class DnsFront:
    """`changes`: how many met which mood."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://{LOOPBACK}:{server.server_address[1]}"
        self.mood = Mood.KIND
        self.changes: Counter[Mood] = Counter()


@contextmanager
def in_front_of(url: str) -> Iterator[DnsFront]:
    server = ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    server.daemon_threads = True
    server.front = front = DnsFront(server)  # type: ignore[attr-defined]
    server.behind = url  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        front: DnsFront = self.server.front  # type: ignore[attr-defined]
        mood = front.mood
        front.changes[mood] += 1
        if mood is Mood.REFUSES:
            self._answer(403, {"Content-Type": "text/xml"}, _REFUSAL)
        else:
            self._pass_on(body, silent=mood is Mood.LOSES_ANSWERS)

    def _pass_on(self, body: bytes, *, silent: bool = False) -> None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.server.behind}{self.path}"  # type: ignore[attr-defined]
            got = session.request(self.command, url, headers=headers, data=body, timeout=30)
        if silent:
            self.close_connection = True  # without a word: the client sees a connection that ended
            return
        kept = {name: value for name, value in got.headers.items() if name.lower() not in _NOT_PASSED_ON}
        self._answer(got.status_code, kept, got.content)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: nobody reads it."""
