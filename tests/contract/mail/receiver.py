"""A webhook url that answers 200, one that answers 503, and a list of what was posted.

Types of events in `refused` are answered 404 wherever they are posted.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Receiver:
    def __init__(self) -> None:
        self.posted: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.refused: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/works"

    @property
    def broken_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/broken"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.posted.append((dict(self.headers), event))
            refused = event["RecordType"] in receiver.refused
            self.send_response(404 if refused else 200 if self.path == "/works" else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler
