"""Answers as bytes, and the ways to break a connection off."""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: close sends RST
HTML = "text/html"


@dataclass
class Answer:
    """`payload`: text goes out as it is, None as an empty body, anything else as JSON."""

    status: int
    payload: Any
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def body(self) -> bytes:
        if self.payload is None:
            return b""
        return (self.payload if isinstance(self.payload, str) else json.dumps(self.payload)).encode()


def html_page(status: int, title: str) -> Answer:
    head = f"<head><title>{status} {title}</title></head>"
    page = f"<html>\r\n{head}\r\n<body><h1>{status} {title}</h1></body>\r\n</html>"
    return Answer(status, page, content_type=HTML)


def response(answer: Answer, request_id: str) -> web.Response:
    headers = {"Server": "unicorns-double-rainbow", "X-Request-Id": request_id, "Cache-Control": "private"}
    body = answer.body()
    if body:
        headers["Content-Type"] = f"{answer.content_type}; charset=utf-8"
    return web.Response(status=answer.status, body=body, headers={**headers, **answer.headers})


def reset(request: web.Request) -> web.Response:
    """Break the connection with RST; the returned response goes nowhere."""
    transport = request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def cut_short(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Status line, headers and half of the body, then the end of the connection."""
    body = whole.body
    assert isinstance(body, bytes)
    partial = web.StreamResponse(status=whole.status, headers=whole.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.abort()
    return partial
