"""What the control routes share: reading requests, refusing them clearly, answering in JSON."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[Any]]


@dataclass(frozen=True)
class ControlRoute:
    """What it does is the first line of the handler's docstring."""

    method: str
    path: str
    handler: Handler

    @property
    def does(self) -> str:
        return (self.handler.__doc__ or "").strip()


class Refused(Exception):
    def __init__(self, message: str, *, status: int = 400, details: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, "details": details or []}


@web.middleware
async def as_json(request: web.Request, handler: Handler) -> web.Response:
    try:
        return web.json_response(await handler(request))
    except Refused as refusal:
        return web.json_response(refusal.body, status=refusal.status)
    except web.HTTPException as refusal:
        return web.json_response({"error": refusal.reason, "details": []}, status=refusal.status)


async def read_json(request: web.Request) -> Any:
    """An empty body counts as an empty object. Raises Refused."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw.strip() else {}
    except ValueError as error:
        raise Refused("the body is not JSON") from error


async def read_body(request: web.Request, model: type[M]) -> M:
    """Raises Refused for unknown fields and wrong values."""
    try:
        return model.model_validate(await read_json(request))
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Refused:
    details = [{"at": ".".join(map(str, row["loc"])), "problem": row["msg"]} for row in error.errors()]
    return Refused("the body is not valid", details=details)


def known_query(request: web.Request, *names: str) -> dict[str, str]:
    """Raises Refused for a parameter of another name."""
    if unknown := set(request.query) - set(names):
        raise Refused(f"unknown query parameters: {', '.join(sorted(unknown))}")
    return dict(request.query)


def number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{text!r} is not a number")
    return int(text)
