"""Tiny roles with the product's manners, to try the supervisor without the product; and plans made of them.

`python -m tests.integration.sandbox.launcher_fixtures ROLE [PORT]` runs one.
"""

import os
import signal
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import psycopg
import redis

from sandbox.roles import Plan, ReadyWhen, Role

_MODULE = "tests.integration.sandbox.launcher_fixtures"


def _role(name: str, does: str, ready_when: ReadyWhen) -> Role:
    return Role(name, (_MODULE, does, "{port}"), ready_when, drain_seconds=5.0)


_WEB = _role("web", "serve", "serves")
_SEND = _role("send", "consume", "reaches valkey")
_SCHEDULER = _role("scheduler", "lead", "reaches postgres")

HEALTHY = Plan(
    roles=(_WEB, _SEND, _SCHEDULER), migrate=(_MODULE, "migrate", ""), postmark=False, tenant=False
)
BROKEN_ROLE = Plan(
    roles=(_WEB, _role("send", "crash", "reaches valkey")), migrate=None, postmark=False, tenant=False
)
BROKEN_MIGRATION = Plan(roles=(_WEB,), migrate=(_MODULE, "crash", ""), postmark=False, tenant=False)


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def serve(port: str) -> None:
    HTTPServer(("127.0.0.1", int(port)), _Ready).serve_forever()


def consume(_: str) -> None:
    # A second process in the group, as dramatiq has: it must not outlive a killed leader.
    os.fork()
    with redis.Redis.from_url(os.environ["EMAIL_REDIS_URL"]) as client:
        client.ping()
        while True:
            signal.pause()


def lead(_: str) -> None:
    with psycopg.connect(os.environ["EMAIL_DATABASE_URL"]):
        while True:
            signal.pause()


def migrate(_: str) -> None:
    with psycopg.connect(os.environ["EMAIL_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE migrated AS SELECT 1 AS one")


def crash(_: str) -> None:
    sys.exit("the reason of this crash")


_ROLES: dict[str, Callable[[str], None]] = {
    "serve": serve,
    "consume": consume,
    "lead": lead,
    "migrate": migrate,
    "crash": crash,
}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](sys.argv[2])
