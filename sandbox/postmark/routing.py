"""Which function answers a call, and what it is given.

Paths are matched without regard to case or a final slash: the official clients disagree on both.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.postmark.entities import Json, Server
from sandbox.postmark.errors import ApiError
from sandbox.postmark.world import World

TokenKind = Literal["Server", "Account"]
MAX_PAGE = 500


@dataclass
class Call:
    world: World
    request_id: str
    params: dict[str, str]
    query: dict[str, str]
    body: Any = None
    caller: Server | None = None
    endpoint: str = ""
    fault: str | None = None

    @property
    def server(self) -> Server:
        """The server whose token was sent; only calls that need a server token may ask."""
        assert self.caller is not None
        return self.caller

    def object(self, empty_code: int = 402, text: str = "The request body is not valid JSON.") -> Json:
        """The body with its keys in lower case: any is accepted. Raises ApiError if it is no object."""
        if not isinstance(self.body, dict) or not self.body:
            raise ApiError(empty_code if self.body in (None, {}) else 403, text)
        return folded(self.body)

    def number(self, name: str) -> int | None:
        """A path parameter as an id, or None when it is not a number."""
        text = self.params[name]
        return int(text) if text.isascii() and text.isdigit() else None

    def page(self, code: int, *, reach: int | None = None) -> tuple[int, int]:
        """`count` and `offset` of the query. Raises ApiError with the listing's own code."""
        count, offset = self._natural("count", code), self._natural("offset", code)
        if count > MAX_PAGE:
            raise ApiError(code, f"Parameter 'count' must be {MAX_PAGE} or less.")
        if reach is not None and count + offset > reach:
            raise ApiError(code, f"The sum of 'count' and 'offset' must be {reach} or less.")
        return count, offset

    def _natural(self, name: str, code: int) -> int:
        text = self.query.get(name, "")
        if not (text.isascii() and text.isdigit()):
            raise ApiError(code, f"Parameter '{name}' is required and must be a non-negative number.")
        return int(text)


def folded(item: Json) -> Json:
    return {key.lower(): value for key, value in item.items()}


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    method: str
    template: str
    token: TokenKind
    handler: Handler
    max_bytes: int = 10 * 1024 * 1024


class Router:
    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        self._open: list[tuple[list[str], dict[str, Route]]] = []
        for route in routes:
            self._methods_of(route.template)[route.method] = route

    def find(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        """The routes of a path by method (none: unknown path) and the path's parameters."""
        wanted = path.rstrip("/")
        if methods := self._fixed.get(wanted.lower()):
            return methods, {}
        parts = wanted.split("/")
        for template, methods in self._open:
            params = _match(template, parts)
            if params is not None:
                return methods, params
        return {}, {}

    def _methods_of(self, template: str) -> dict[str, Route]:
        if "{" not in template:
            return self._fixed.setdefault(template.lower(), {})
        parts = template.split("/")
        for known, methods in self._open:
            if known == parts:
                return methods
        self._open.append((parts, {}))
        return self._open[-1][1]


def _match(template: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(template) != len(parts):
        return None
    params = {}
    for wanted, part in zip(template, parts, strict=True):
        if wanted.startswith("{"):
            params[wanted[1:-1]] = part
        elif wanted.lower() != part.lower():
            return None
    return params
