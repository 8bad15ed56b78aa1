"""The module as a caller sees it: an application on fakes, and requests with the headers that every caller sends."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast
from uuid import UUID

from werkzeug.test import TestResponse

from shared.bootstrap import Container
from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative, Operational
from shared.gateways.postmark.events import PostmarkEvents
from shared.persistence import PostgresArrivals, PostgresStore
from shared.ports.clock import Clock, NewId
from shared.ports.configurations import Change
from shared.ports.database import Lead
from shared.ports.doorbell import Doorbell
from shared.ports.store import Store
from tests.fakes.clock import FixedClock, SequentialIds
from tests.fakes.dns import FakeZone
from tests.fakes.inventory import FakeMailInventory, FakeZoneInventory
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailAccount, FakeMailSender, FakeSentMessages, FakeTakenMessages
from tests.fakes.pace import FreePace
from tests.fakes.postmark import FakePostmark
from tests.fakes.store.arrivals import MemoryArrivals
from web import BASE
from web.app import create_app

KEY = "a-key-that-is-valid-now"
PREVIOUS_KEY = "a-key-that-was-valid-before"
TENANT = UUID("11111111-1111-4111-8111-111111111111")
OTHER_TENANT = UUID("22222222-2222-4222-8222-222222222222")
CONFIGURATION = UUID("33333333-3333-4333-8333-333333333333")
UNKNOWN = UUID("99999999-9999-4999-8999-999999999999")
AUTHOR = "orders-service"
ROUTING_TOKEN = "a-routing-token-of-256-random-bits"
LONG_AGO = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class NoLeadership:
    """The ingress leads nothing."""

    def hold(self, *, silence_seconds: float) -> bool:
        return False

    def holds(self) -> bool:
        return False

    def resign(self) -> None:
        pass

    def lead(self) -> Lead | None:
        return None


def container_of(
    settings: Settings,
    store: Store,
    doorbell: Doorbell,
    new_id: NewId | None = None,
    clock: Clock | None = None,
) -> Container:
    postmark = FakePostmark()
    return Container(
        settings=settings,
        clock=clock or FixedClock(),
        new_id=new_id or SequentialIds(),
        store=store,
        arrivals=PostgresArrivals(store.engine)
        if isinstance(store, PostgresStore)
        else MemoryArrivals(store),
        leadership=NoLeadership(),
        lead_look=NoLeadership(),
        doorbell=doorbell,
        cipher=(cipher := FakeCipher()),
        key_versions=cipher,
        mail_account=FakeMailAccount(postmark),
        mail_sender=FakeMailSender(postmark),
        sent_messages=FakeSentMessages(postmark),
        taken_messages=FakeTakenMessages(postmark),
        event_reader=PostmarkEvents(),
        # The ingress asks nobody for history and lifts nothing by itself.
        event_history=cast("Any", None),
        history_pace=FreePace(),
        suppression_list=cast("Any", None),
        dns_zone=(zone := FakeZone()),
        mail_inventory=FakeMailInventory(postmark),
        zone_inventory=FakeZoneInventory(zone),
        pause=lambda _: None,
    )


def a_configuration(store: Store, **changes: Any) -> EmailConfiguration:
    """Of TENANT, ready to send, unless `changes` says otherwise."""
    values: dict[str, Any] = {
        "e_id": CONFIGURATION,
        "tenant_id": TENANT,
        "slug": "acme",
        "from_name": "Acme",
        "operational": Operational.OK,
        "administrative": Administrative.UNLOCKED,
        "routing_token_hash": sha256(ROUTING_TOKEN.encode()).digest(),
        "operational_since": LONG_AGO,
        "administrative_since": LONG_AGO,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    configuration = EmailConfiguration(**{**values, **changes})
    with store.begin() as tx:
        tx.configurations.add(configuration, Change("setup", "create"))
    return configuration


def a_job(**changes: Any) -> dict[str, Any]:
    """The body of a job that passes every gate. A change to None leaves the field out."""
    body: dict[str, Any] = {
        "configurationEId": str(CONFIGURATION),
        "recipient": "person@example.com",
        "subject": "Your order",
        "textBody": "It is on its way.",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


class Api:
    """`tenant` and `key` go with every request; `headers` adds to them, and None takes one away."""

    def __init__(self, container: Container, *, tenant: UUID = TENANT, key: str = KEY) -> None:
        self.app = create_app(container)
        self._client = self.app.test_client()
        self._headers = {"Authorization": f"Bearer {key}", "X-Tenant-Id": str(tenant), "X-Author": AUTHOR}

    def get(self, path: str, *, headers: Mapping[str, str | None] | None = None) -> TestResponse:
        return self._client.get(_url(path), headers=self._with(headers))

    def post(
        self,
        path: str,
        json: Any = None,
        *,
        headers: Mapping[str, str | None] | None = None,
        **options: Any,
    ) -> TestResponse:
        if json is not None:
            options["json"] = json
        return self._client.post(_url(path), headers=self._with(headers), **options)

    def send(self, body: Any, key: str = "k1", **options: Any) -> TestResponse:
        return self.post("/job", body, headers={"Idempotency-Key": key}, **options)

    def receive(self, body: str | bytes, headers: Mapping[str, str | None] | None = None) -> TestResponse:
        """As the provider posts an event."""
        sent = {"X-Email-Routing-Token": ROUTING_TOKEN, "X-Tenant-Id": None, "X-Author": None}
        return self.post(
            "/job/postmark-events",
            data=body,
            content_type="application/json",
            headers={**sent, **(headers or {})},
        )

    def _with(self, headers: Mapping[str, str | None] | None) -> dict[str, str]:
        wanted = {**self._headers, **(headers or {})}
        return {name: value for name, value in wanted.items() if value is not None}


def _url(path: str) -> str:
    """Of the module's base, unless it is outside."""
    return path if path in {"/healthz", "/readyz", "/metrics", "/console"} else BASE + path


def faults(response: TestResponse) -> dict[str, str]:
    """Field to advice, of a problem."""
    assert response.mimetype == "application/problem+json"
    return {fault["field"]: fault["advice"] for fault in response.get_json()["errors"]}


def code(response: TestResponse) -> tuple[int, str]:
    """Status and code of a problem, which says the same status in its body."""
    assert response.mimetype == "application/problem+json", response.get_data(as_text=True)
    body = response.get_json()
    assert body["status"] == response.status_code
    return response.status_code, body["code"]
