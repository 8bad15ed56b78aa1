"""Requests, made before they are sent, over raw connections: both cores belong to whoever answers them."""

import json
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from sandbox.ports import LOOPBACK

CONNECTIONS = 64


def request(path: str, body: object, headers: Mapping[str, str]) -> bytes:
    """A POST."""
    sent = json.dumps(body).encode()
    named = {
        "Host": LOOPBACK,
        "Content-Type": "application/json",
        **headers,
        "Content-Length": str(len(sent)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + sent


def post_all(port: int, requests: Sequence[bytes], *, status: int, connections: int = CONNECTIONS) -> float:
    """Seconds that all of them took together. Raises when one is answered with another status."""
    shares = [requests[number::connections] for number in range(connections)]
    with ThreadPoolExecutor(connections) as threads:
        begun = time.perf_counter()
        for done in [threads.submit(_post, port, share, status) for share in shares]:
            done.result()
        return time.perf_counter() - begun


def _post(port: int, requests: Sequence[bytes], status: int) -> None:
    with socket.create_connection((LOOPBACK, port), timeout=60) as connection:
        for sent in requests:
            connection.sendall(sent)
            answer = connection.recv(65_536)
            while not _whole(answer):
                answer += connection.recv(1_048_576)
            if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
                raise RuntimeError(answer[:300].decode(errors="replace"))


def _whole(answer: bytes) -> bool:
    if not answer:
        raise ConnectionError("the server hung up")
    head, ended, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(ended) and len(body) >= int(length)
