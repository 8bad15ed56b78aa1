"""An application in which the examples of the documents can be sent, each in a world of its own."""

import json
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from werkzeug.test import TestResponse

from shared import config
from shared.ports.doorbell import Message
from shared.ports.store import Transaction
from tests.fakes.store import MemoryStore
from tests.unit.web import scenes
from tests.unit.web.api import KEY, Api, container_of
from web.examples import common
from web.openapi.document import Described, described_of, document
from web.operation import Access, Example

_ENVIRONMENT = {
    "EMAIL_INFRASTRUCTURE": "Alpha002",
    "EMAIL_PARTITION": "dev",
    "EMAIL_DATABASE_URL": "postgresql://nobody@localhost/none",
    "EMAIL_REDIS_URL": "redis://localhost:1/0",
    "EMAIL_MAIL_ZONE_ID": "Z1",
    "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
    "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
    "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
    "ARDA_API_KEY": KEY,
    "EMAIL_KEY_MATERIAL_FILE": "nowhere.json",
}


class World:
    """The store, the clock, the doorbell and the ids of the example that is being sent."""

    store: MemoryStore
    ids: scenes.Ids

    def set(self, scene: str) -> None:
        self.store, self.ids = scenes.empty_store(), scenes.Ids(1)
        scenes.SCENES[scene](self.store)

    def begin(self) -> AbstractContextManager[Transaction]:
        return self.store.begin()

    def ping(self) -> None:
        self.store.ping()

    def now(self) -> datetime:
        return self.store.clock.now()

    def new_id(self) -> UUID:
        return self.ids()

    def ring(self, *_: Message) -> bool:
        return True

    ring_again = ring


class Sender:
    """Sends examples as callers send requests."""

    def __init__(self) -> None:
        self.world = World()
        settings = config.read(_ENVIRONMENT)
        container = container_of(settings, self.world, self.world, self.world.new_id, self.world)
        self.api = Api(container, tenant=scenes.TENANT)
        self.document = document(self.api.app)
        self.described = list(described_of(self.api.app))

    def send(self, operation: Described, example: Example) -> TestResponse:
        self.world.set(example.given)
        return self.api.app.test_client().open(
            operation.path.format(**example.path),
            method=operation.method.upper(),
            query_string=dict(example.query),
            headers={**_headers(operation), **example.headers},
            **_body(operation, example),
        )


@cache
def sender() -> Sender:
    return Sender()


def _headers(operation: Described) -> dict[str, str]:
    always = {"X-Request-ID": common.REQUEST, "Authorization": f"Bearer {KEY}"}
    if operation.found.access is not Access.CALLER:
        return always
    return {**always, "X-Tenant-Id": common.TENANT, "X-Author": common.AUTHOR}


def _body(operation: Described, example: Example) -> dict[str, Any]:
    if example.body is None:
        return {}
    if operation.found.body_text:
        return {"data": str(example.body).encode(), "content_type": operation.found.body_text}
    # Not by the client's own means, which sort the names.
    return {"data": json.dumps(example.body), "content_type": "application/json"}
