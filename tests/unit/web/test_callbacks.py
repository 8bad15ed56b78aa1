"""Whether the provider still tells us, and asking for what it did not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from shared.domain.configuration import Provisioned
from shared.domain.webhook import WebhookHealth, WebhookState, fingerprint
from tests.fakes.store import MemoryStore
from tests.unit.web.api import (
    AUTHOR,
    CONFIGURATION,
    KEY,
    LONG_AGO,
    OTHER_TENANT,
    PREVIOUS_KEY,
    UNKNOWN,
    Api,
    a_configuration,
    code,
    faults,
)
from web.moments import milliseconds

WEBHOOK = f"/configuration/{CONFIGURATION}/webhook"
CATCH_UP = f"/configuration/{CONFIGURATION}/catch-up"
OTHER = {"X-Tenant-Id": str(OTHER_TENANT)}


def with_webhook(store: MemoryStore, **changes: Any) -> None:
    a_configuration(store, provisioned=Provisioned(webhook_id=7), **changes)


def webhook(api: Api, e_id: UUID = CONFIGURATION) -> dict[str, Any]:
    answer = api.get(f"/configuration/{e_id}/webhook")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.get_json()
    return body


# Health.


def test_before_the_first_look_nothing_is_known_of_a_webhook(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    assert webhook(api) == {
        "state": None,
        "since": None,
        "checkedAt": None,
        "webhooks": None,
        "paused": [],
        "requests": None,
        "failures": None,
        "reverified": None,
        "fault": None,
        "key": "unknown",
    }


def test_the_last_look_is_told_with_the_moment_since_which_its_state_holds(
    api: Api, store: MemoryStore
) -> None:
    with_webhook(store)
    paused = WebhookHealth(
        state=WebhookState.PAUSED,
        webhooks=1,
        paused=("Bounce", "Open"),
        requests=40,
        failures=12,
        reverified=False,
    )
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, paused)
    since = milliseconds(store.clock.now())
    store.advance(timedelta(hours=1))
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, replace(paused, failures=13))
        tx.webhook_keys.set(CONFIGURATION, fingerprint(KEY))
    assert webhook(api) == {
        "state": "paused",
        "since": since,
        "checkedAt": since + 3_600_000,
        "webhooks": 1,
        "paused": ["Bounce", "Open"],
        "requests": 40,
        "failures": 13,
        "reverified": False,
        "fault": None,
        "key": "current",
    }


def test_a_provider_that_did_not_answer_is_told_with_its_fault(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    with store.begin() as tx:
        tx.webhook_looks.record(CONFIGURATION, WebhookHealth(state=WebhookState.UNKNOWN, fault="timeout"))
    told = webhook(api)
    assert (told["state"], told["fault"]) == ("unknown", "timeout")


@pytest.mark.parametrize(
    ("key", "which"), [(KEY, "current"), (PREVIOUS_KEY, "previous"), ("a-key-of-another-time", "unknown")]
)
def test_the_key_it_shows_is_told_by_what_it_is_and_not_by_what_it_says(
    api: Api, store: MemoryStore, key: str, which: str
) -> None:
    with_webhook(store)
    # Neighbours in the order of the ids, which show other keys.
    for number in (CONFIGURATION.int - 1, CONFIGURATION.int + 1):
        e_id = UUID(int=number)
        a_configuration(
            store,
            e_id=e_id,
            tenant_id=OTHER_TENANT if number > CONFIGURATION.int else UNKNOWN,
            slug=f"n{number}"[:60],
            routing_token_hash=number.to_bytes(32, "big"),
            provisioned=Provisioned(webhook_id=8),
        )
    with store.begin() as tx:
        tx.webhook_keys.set(CONFIGURATION, fingerprint(key))
        tx.webhook_keys.set(UUID(int=CONFIGURATION.int - 1), fingerprint("a-key-of-a-neighbour"))
    told = api.get(WEBHOOK)
    assert told.get_json()["key"] == which
    assert fingerprint(key) not in told.get_data(as_text=True)
    assert webhook(api)["key"] == which


def test_where_there_is_no_webhook_it_shows_no_key(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    assert webhook(api)["key"] is None


# Catching up.


def ask(api: Api, **body: Any) -> TestResponse:
    headers = body.pop("headers", None)
    return api.post(CATCH_UP, {"reason": "401 since the rotation", **body}, headers=headers)


def test_a_time_is_caught_up_by_an_operators_word(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    now = milliseconds(store.clock.now())
    answer = ask(api, **{"from": now - 7_200_000, "until": now - 3_600_000})
    assert answer.status_code == 202
    with store.begin() as tx:
        (gap,) = tx.gaps.latest(10)
        assert tx.gaps.due(10) == [CONFIGURATION]
    assert answer.get_json() == {
        "eId": str(gap.e_id),
        "from": now - 7_200_000,
        "until": now - 3_600_000,
        "cause": "401 since the rotation",
        "author": AUTHOR,
        "found": 0,
        "tries": 0,
        "fault": None,
        "openedAt": now,
        "finishedAt": None,
    }


def test_until_is_now_unless_it_is_said(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    now = milliseconds(store.clock.now())
    assert ask(api, **{"from": now - 1}).get_json()["until"] == now


def test_a_time_that_is_being_caught_up_is_not_opened_twice(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    now = milliseconds(store.clock.now())
    first = ask(api, **{"from": now - 9000, "until": now})
    again = ask(api, **{"from": now - 8000, "until": now - 1000})
    assert (again.status_code, again.get_json()) == (202, first.get_json())
    assert len(api.get(CATCH_UP).get_json()["gaps"]) == 1


def test_a_configuration_is_caught_up_alone(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    other = UUID(int=5)
    with_webhook(store, e_id=other, slug="other", tenant_id=OTHER_TENANT, routing_token_hash=b"x" * 32)
    ask(api, **{"from": 0})
    with store.begin() as tx:
        assert [gap.configuration_id for gap in tx.gaps.latest(10)] == [CONFIGURATION]


def test_gaps_are_listed_newest_first_with_what_came_of_them(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    now = milliseconds(store.clock.now())
    ask(api, **{"from": now - 9000})
    with store.begin() as tx:
        gap = tx.gaps.take(CONFIGURATION, lease_seconds=60)
        assert gap is not None
        tx.gaps.save(replace(gap, found=3, tries=2, fault="timeout", finished_at=store.clock.now()))
    store.advance(seconds=1)
    ask(api, **{"from": now - 9000, "reason": "once more"})
    second, first = api.get(CATCH_UP).get_json()["gaps"]
    assert (second["cause"], second["finishedAt"]) == ("once more", None)
    assert (first["found"], first["tries"], first["fault"], first["finishedAt"]) == (3, 2, "timeout", now)


def test_without_a_webhook_nothing_can_have_been_lost(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    assert code(ask(api, **{"from": 0})) == (409, "not_provisioned")


def test_a_configuration_that_is_being_removed_is_caught_up_too(api: Api, store: MemoryStore) -> None:
    with_webhook(store, retired_at=LONG_AGO)
    assert ask(api, **{"from": 0}).status_code == 202


NOW = 1_000_000_000_000_000


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": -1}, "from"),
        ({"from": True}, "from"),
        ({"from": 1000, "until": 1000}, "from"),
        ({"from": 2000, "until": 1000}, "from"),
        ({"from": 0, "until": 253_402_214_400_000}, "until"),
        ({"from": NOW}, "from"),
        ({"from": 0, "reason": ""}, "reason"),
        ({"from": 0, "to": 1}, "to"),
    ],
)
def test_a_fault_in_the_times_is_named(api: Api, store: MemoryStore, body: dict[str, Any], at: str) -> None:
    with_webhook(store)
    answer = ask(api, **body)
    assert code(answer) == (400, "invalid_fields")
    assert list(faults(answer)) == [at]
    with store.begin() as tx:
        assert tx.gaps.latest(10) == []


def test_a_catch_up_says_who_wants_it(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    assert code(ask(api, **{"from": 0, "headers": {"X-Author": None}})) == (400, "invalid_header")


def test_another_tenants_callbacks_are_404(api: Api, store: MemoryStore) -> None:
    with_webhook(store)
    assert code(api.get(WEBHOOK, headers=OTHER)) == (404, "not_found")
    assert code(api.get(CATCH_UP, headers=OTHER)) == (404, "not_found")
    assert code(ask(api, **{"from": 0, "headers": OTHER})) == (404, "not_found")
    assert code(api.get(f"/configuration/{UNKNOWN}/webhook")) == (404, "not_found")
    with store.begin() as tx:
        assert tx.gaps.latest(10) == []


@pytest.mark.parametrize("path", [WEBHOOK, CATCH_UP])
def test_there_is_no_past_of_it_to_be_asked_for(api: Api, store: MemoryStore, path: str) -> None:
    with_webhook(store)
    assert code(api.get(f"{path}?effectiveAsOf=1")) == (400, "invalid_fields")
