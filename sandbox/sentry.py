"""Takes in what an error collector would be sent: `python -m sandbox.sentry --state-dir DIR`, or `Receiver` in a test.

    POST   /api/<project>/envelope/   what clients send: https://develop.sentry.dev/sdk/data-model/envelopes/
    GET    /envelopes                 all of them as JSON, oldest first
    DELETE /envelopes                 forget them
    PUT    /answer                    {"status": 429}: what clients are answered from now on; 200 takes in again

The state folder gets sentry.json: {"dsn", "url", "pid"}.
"""

import argparse
import gzip
import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from sandbox.ports import LOOPBACK

PROJECT = "1"
# Of a client, shown in its DSN: it says where to send, and is no secret.
KEY = "0123456789abcdef0123456789abcdef"
KEPT_MAX = 10_000


@dataclass(frozen=True)
class Item:
    """`payload` as JSON where it is some, else as text."""

    type: str
    payload: Any


@dataclass(frozen=True)
class Envelope:
    """`text` is all of it as it was sent, uncompressed."""

    header: dict[str, Any]
    items: tuple[Item, ...]
    text: str


class Malformed(ValueError):
    """No envelope."""


def envelope_of(body: bytes) -> Envelope:
    """Raises `Malformed`."""
    try:
        header, _, rest = body.partition(b"\n")
        return Envelope(json.loads(header), tuple(_items(rest)), body.decode())
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("this is no envelope") from error


def _items(rest: bytes) -> Iterator[Item]:
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        # Without a length, an item ends with its line.
        length = header.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        payload, rest = rest[:length], rest[length:].removeprefix(b"\n")
        yield Item(header["type"], _plain(payload.decode()))


def _plain(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class Receiver:
    """Listens while it is entered, on a thread of its own. `status` is what clients are answered."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self._kept: deque[Envelope] = deque(maxlen=KEPT_MAX)
        self._server = ThreadingHTTPServer((LOOPBACK, port), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._serve, name="sentry", daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def dsn(self) -> str:
        return f"http://{KEY}@{LOOPBACK}:{self.port}/{PROJECT}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self) -> None:
        # How long the end of it may take.
        self._server.serve_forever(poll_interval=0.02)

    def keep(self, envelope: Envelope) -> None:
        self._kept.append(envelope)

    def forget(self) -> None:
        self._kept.clear()

    def envelopes(self) -> list[Envelope]:
        return list(self._kept)

    def payloads(self, type: str) -> list[Any]:
        """Of the items of this type (`event`, `transaction`), in the order in which they came."""
        items = (item for envelope in self.envelopes() for item in envelope.items)
        return [item.payload for item in items if item.type == type]


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        kept_by = receiver

    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in one piece: in two, the second waits for the first to be acknowledged.
    wbufsize = 65_536
    kept_by: Receiver

    def do_POST(self) -> None:
        body = self._body()
        if urlsplit(self.path).path != f"/api/{PROJECT}/envelope/":
            return self._answer(404)
        if f"sentry_key={KEY}" not in self.headers.get("X-Sentry-Auth", ""):
            return self._answer(401)
        if self.kept_by.status != 200:
            return self._answer(self.kept_by.status)
        return self._take_in(body)

    def _take_in(self, body: bytes) -> None:
        encoding = self.headers.get("Content-Encoding", "identity")
        if encoding not in ("gzip", "identity"):
            return self._answer(415)
        try:
            envelope = envelope_of(gzip.decompress(body) if encoding == "gzip" else body)
        except (Malformed, OSError, EOFError):
            return self._answer(400)
        self.kept_by.keep(envelope)
        return self._answer(200, {"id": envelope.header.get("event_id")})

    def do_GET(self) -> None:
        if self.path != "/envelopes":
            return self._answer(404)
        return self._answer(200, [asdict(envelope) for envelope in self.kept_by.envelopes()])

    def do_DELETE(self) -> None:
        self.kept_by.forget()
        self._answer(200)

    def do_PUT(self) -> None:
        body = self._body()
        if self.path != "/answer":
            return self._answer(404)
        self.kept_by.status = int(json.loads(body)["status"])
        return self._answer(200)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: Any = None) -> None:
        body = json.dumps({} if content is None else content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.sentry", description="Takes in error reports.")
    parser.add_argument("--state-dir", type=Path, required=True, help="gets sentry.json")
    parser.add_argument("--port", type=int, default=0, help="0: chosen by the kernel")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    arguments.state_dir.mkdir(parents=True, exist_ok=True)
    try:
        receiver = Receiver(arguments.port)
    except OSError as error:
        sys.exit(f"cannot start: {error}")
    with receiver:
        _announce(arguments.state_dir, receiver)
        stop.wait()


def _announce(state_dir: Path, receiver: Receiver) -> None:
    """Written whole or not at all: whoever waits for the file may read it at once."""
    draft = state_dir / "sentry.json.new"
    draft.write_text(json.dumps({"dsn": receiver.dsn, "url": receiver.url, "pid": os.getpid()}))
    draft.replace(state_dir / "sentry.json")
    print(receiver.dsn, flush=True)


if __name__ == "__main__":
    main()
