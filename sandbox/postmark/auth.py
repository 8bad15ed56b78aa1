"""Tokens: which header a route wants, and whose server a token is."""

import hmac
from collections.abc import Mapping

from sandbox.postmark.entities import Server
from sandbox.postmark.errors import unauthorized
from sandbox.postmark.routing import Route
from sandbox.postmark.world import World

TEST_TOKEN = "postmark_api_test"


def caller(world: World, headers: Mapping[str, str]) -> Server | None:
    """The server that a server token belongs to."""
    return world.state.server_by_token(headers.get("X-Postmark-Server-Token", ""))


def check(world: World, route: Route, headers: Mapping[str, str], server: Server | None) -> None:
    """Raises ApiError 10. Header names and token values count in any letter case."""
    if route.token == "Account":
        given = headers.get("X-Postmark-Account-Token", "").lower()
        if not hmac.compare_digest(given.encode(), world.account_token.lower().encode()):
            raise unauthorized("Account")
    elif server is None and not _is_test(route, headers):
        raise unauthorized("Server")


def _is_test(route: Route, headers: Mapping[str, str]) -> bool:
    token = headers.get("X-Postmark-Server-Token", "").lower()
    return token == TEST_TOKEN and route.template.startswith("/email")
