"""The provider's callbacks: stored as they came, answered as it wants to be answered."""

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from shared.messaging.messages import ProjectEvents
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import (
    CONFIGURATION,
    KEY,
    LONG_AGO,
    OTHER_TENANT,
    PREVIOUS_KEY,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
)

DELIVERY = {
    "RecordType": "Delivery",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "person@example.com",
    "DeliveredAt": "2026-11-02T09:00:00Z",
    "Metadata": {},
}
ZERO = "00000000-0000-0000-0000-000000000000"


def rejected(reason: str = "auth_mismatch") -> float:
    return REGISTRY.get_sample_value("email_webhook_rejected_total", {"reason": reason}) or 0.0


def stored(store: Store) -> list[str]:
    with store.begin() as tx:
        return [event.raw for event in tx.events.unprojected(CONFIGURATION, limit=100)]


def test_an_event_is_stored_as_it_came_and_rung_for(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    raw = '{ "RecordType":"Delivery",\n "ID": 12345678901234567890, "x": "\\u0000é" }'
    response = api.receive(raw.encode())
    assert (response.status_code, response.get_json()) == (200, {})
    assert stored(store) == [raw]
    assert doorbell.rung == [ProjectEvents(CONFIGURATION)]


def test_the_same_event_again_is_200_and_kept_once(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    answers = [api.receive(json.dumps(DELIVERY)).status_code for _ in range(3)]
    assert answers == [200, 200, 200]
    assert len(stored(store)) == 1
    assert len(doorbell.rung) == 1


def test_a_test_post_is_answered_200_and_wakes_nobody(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    assert api.receive(json.dumps({**DELIVERY, "MessageID": ZERO})).status_code == 200
    assert doorbell.rung == []


@pytest.mark.parametrize("event", [{}, {"RecordType": "Tomorrow's"}, {"RecordType": 7}, {"MessageID": None}])
def test_an_event_of_an_unknown_kind_is_stored(api: Api, store: Store, event: dict[str, Any]) -> None:
    a_configuration(store)
    assert api.receive(json.dumps(event)).status_code == 200
    assert len(stored(store)) == 1


def test_the_last_events_of_a_removed_configuration_are_stored(api: Api, store: Store) -> None:
    a_configuration(store, retired_at=LONG_AGO)
    assert api.receive(json.dumps(DELIVERY)).status_code == 200
    assert len(stored(store)) == 1


def test_the_tenant_comes_from_the_routing_token_whatever_the_headers_say(api: Api, store: Store) -> None:
    a_configuration(store)
    api.receive(json.dumps(DELIVERY), headers={"X-Tenant-Id": str(OTHER_TENANT)})
    assert len(stored(store)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": None},
        {"Authorization": "Bearer wrong"},
        {"X-Email-Routing-Token": None},
        {"X-Email-Routing-Token": ""},
        {"X-Email-Routing-Token": "wrong"},
        {"X-Email-Routing-Token": "é"},
    ],
)
def test_a_wrong_credential_is_401_counted_and_never_403(
    api: Api, store: Store, headers: dict[str, str | None]
) -> None:
    a_configuration(store)
    before = rejected()
    assert code(api.receive(json.dumps(DELIVERY), headers)) == (401, "unauthorized")
    assert rejected() == before + 1
    assert stored(store) == []


@pytest.mark.parametrize("key", [KEY, PREVIOUS_KEY])
def test_every_key_that_is_valid_now_is_admitted(api: Api, store: Store, key: str) -> None:
    a_configuration(store)
    assert api.receive(json.dumps(DELIVERY), {"Authorization": f"Bearer {key}"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"x" * 2_000_001, (413, "body_too_large")),
        # Nothing, and no length announced: as if cut off.
        (b"", (408, "body_cut")),
        (b"{", (400, "invalid_json")),
        (b'{"a": "\xff"}', (400, "invalid_json")),
        (b'{"a": "\x00"}', (400, "invalid_json")),
        (b"[" * 33 + b"]" * 33, (400, "invalid_json")),
        (b"[]", (400, "invalid_fields")),
        (b'"event"', (400, "invalid_fields")),
    ],
)
def test_a_body_that_is_no_event_is_refused(
    api: Api, store: Store, body: bytes, expected: tuple[int, str]
) -> None:
    a_configuration(store)
    assert code(api.receive(body)) == expected
    assert stored(store) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"x" * 2_000_001, "body_too_large"), (b"{", "invalid_json"), (b"[]", "invalid_fields")],
)
def test_a_refused_body_is_counted_by_its_reason(api: Api, store: Store, body: bytes, reason: str) -> None:
    a_configuration(store)
    before = rejected(reason)
    api.receive(body)
    assert rejected(reason) == before + 1


def test_a_wrong_token_is_told_before_a_wrong_body(api: Api, store: Store) -> None:
    a_configuration(store)
    response = api.receive(b"x" * 2_000_001, {"X-Email-Routing-Token": "wrong"})
    assert code(response) == (401, "unauthorized")


class Down:
    """A store whose database does not answer."""

    def begin(self) -> Any:
        raise StoreUnavailable("connection refused")

    def ping(self) -> None:
        raise StoreUnavailable("connection refused")


def test_an_event_that_cannot_be_stored_is_503_so_that_it_is_sent_again(
    settings: Settings, doorbell: RecordingDoorbell
) -> None:
    before = rejected("not_stored")
    response = Api(container_of(settings, Down(), doorbell)).receive(json.dumps(DELIVERY))
    assert code(response) == (503, "store_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert rejected("not_stored") == before + 1
    assert doorbell.rung == []


def test_an_event_with_half_a_surrogate_pair_can_be_told_too(api: Api, store: Store) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    api.receive(json.dumps({**DELIVERY, "Details": "\ud83d", "Metadata": {"job": job_id}}))
    with store.begin() as tx:
        (event,) = tx.events.unprojected(CONFIGURATION, limit=10)
        tx.events.mark_projected({event.e_id: event.facts.job_id})
    (told,) = api.get(f"/job/{job_id}/events").get_json()["events"]
    assert told["payload"]["Details"] == "\ud83d"


def test_a_jobs_events_are_told_as_the_provider_sent_them(api: Api, store: Store) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    sent = {**DELIVERY, "Metadata": {"job": job_id}}
    api.receive(json.dumps(sent))
    with store.begin() as tx:
        (event,) = tx.events.unprojected(CONFIGURATION, limit=10)
        tx.events.mark_projected({event.e_id: event.facts.job_id})
    (told,) = api.get(f"/job/{job_id}/events").get_json()["events"]
    assert told["kind"] == "Delivery"
    assert told["payload"] == sent
    assert told["occurredAt"] == 1_793_610_000_000
