"""A tenant's suppression list over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from shared.config.settings import Settings
from shared.domain.configuration import Provisioned
from shared.domain.errors import StoreUnavailable
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.messaging.messages import LiftSuppressions
from shared.persistence.faults import DatabaseFault
from shared.ports.store import Store, Transaction
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import (
    AUTHOR,
    CONFIGURATION,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    UNKNOWN,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
    faults,
)
from web.moments import milliseconds

ADDRESS = {"address": "Person@Example.com", "note": "asked by phone"}


def test_an_added_address_is_refused_and_a_lifted_one_is_not(api: Api, store: Store) -> None:
    a_configuration(store)
    added = api.post("/configuration/suppression", ADDRESS)
    assert added.status_code == 201
    assert added.get_json()["payload"]["address"] == "person@example.com"
    assert added.get_json()["payload"]["reason"] == "MANUAL"
    assert added.get_json()["author"] == AUTHOR
    assert code(api.send(a_job())) == (403, "suppressed")
    lifted = api.post(f"/configuration/suppression/{added.get_json()['payload']['eId']}/lift")
    assert lifted.status_code == 200
    assert lifted.get_json()["payload"]["active"] is False
    assert lifted.get_json()["retired"] is True
    assert lifted.get_json()["payload"]["liftedAt"] is not None
    assert api.send(a_job()).status_code == 202


def test_an_address_that_is_on_the_list_is_told_as_it_is(api: Api) -> None:
    first = api.post("/configuration/suppression", ADDRESS)
    again = api.post("/configuration/suppression", {"address": "PERSON@example.com"})
    assert again.status_code == 200
    assert again.get_json() == first.get_json()


def test_lifting_twice_is_once(api: Api) -> None:
    e_id = api.post("/configuration/suppression", ADDRESS).get_json()["payload"]["eId"]
    path = f"/configuration/suppression/{e_id}/lift"
    first = api.post(path, {"note": "asked again"})
    again = api.post(path, {"note": "and again"})
    assert first.get_json()["payload"]["note"] == "asked again"
    assert again.get_json() == first.get_json()


def test_a_spam_complaint_is_not_lifted(api: Api, store: Store) -> None:
    entry = SuppressionEntry(
        e_id=UUID(int=7),
        tenant_id=TENANT,
        address="person@example.com",
        reason=SuppressionReason.SPAM_COMPLAINT,
        since=LONG_AGO,
        author="projection",
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )
    with store.begin() as tx:
        tx.suppressions.add(entry)
    assert code(api.post(f"/configuration/suppression/{entry.e_id}/lift")) == (409, "complaint_stays")
    (row,) = api.post("/configuration/suppression/query", {}).get_json()["results"]
    assert row["payload"]["active"] is True


def test_a_list_is_its_tenants_alone(api: Api, store: Store) -> None:
    a_configuration(store)
    other = {"X-Tenant-Id": str(OTHER_TENANT)}
    e_id = api.post("/configuration/suppression", ADDRESS, headers=other).get_json()["payload"]["eId"]
    assert api.post("/configuration/suppression/query", {}).get_json()["results"] == []
    assert code(api.post(f"/configuration/suppression/{e_id}/lift")) == (404, "not_found")
    assert api.send(a_job()).status_code == 202


def test_an_unknown_entry_is_404(api: Api) -> None:
    assert code(api.post(f"/configuration/suppression/{UNKNOWN}/lift")) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "address"),
        ({"address": "nobody"}, "address"),
        ({"address": "a@b.example", "reason": "HARD_BOUNCE"}, "reason"),
        ({"address": "a@b.example", "note": "x" * 1001}, "note"),
    ],
)
def test_a_fault_in_an_entry_is_named(api: Api, body: dict[str, str], at: str) -> None:
    response = api.post("/configuration/suppression", body)
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [at]


# At the provider.


def with_server(store: Store, **changes: Any) -> None:
    a_configuration(store, provisioned=Provisioned(server_id=1, server_token="sealed"), **changes)


def suppressed(api: Api) -> str:
    e_id: str = api.post("/configuration/suppression", ADDRESS).get_json()["payload"]["eId"]
    return e_id


def lift(api: Api, e_id: str) -> dict[str, Any]:
    payload: dict[str, Any] = api.post(f"/configuration/suppression/{e_id}/lift").get_json()["payload"]
    return payload


def listed(api: Api) -> dict[str, Any]:
    (row,) = api.post("/configuration/suppression/query", {}).get_json()["results"]
    payload: dict[str, Any] = row["payload"]
    return payload


def wanted(store: Store) -> list[str]:
    with store.begin() as tx:
        return [each.address for each in tx.lifts.take(CONFIGURATION, limit=10, lease_seconds=60)]


def test_a_lift_has_the_provider_asked_and_rings_once(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    with_server(store)
    e_id = suppressed(api)
    assert (listed(api)["provider"], doorbell.rung) == (None, [])
    assert lift(api, e_id)["provider"] == "asked"
    assert lift(api, e_id)["provider"] == "asked"
    assert doorbell.rung == [LiftSuppressions(CONFIGURATION)]
    assert wanted(store) == ["person@example.com"]


def test_a_lift_is_not_kept_when_nobody_can_be_asked(
    settings: Settings, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    with_server(store)
    api = Api(container_of(settings, Unasked(store), doorbell))
    e_id = suppressed(api)
    assert code(api.post(f"/configuration/suppression/{e_id}/lift")) == (503, "store_unavailable")
    assert listed(api)["active"] is True
    assert doorbell.rung == []


class Unasked:
    """A store in which nothing can be asked of the provider."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            tx.lifts.want = self._fail  # type: ignore[method-assign]
            yield tx

    def ping(self) -> None:
        self._store.ping()

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable("connection lost")


def test_a_tenant_without_a_server_has_nobody_asked(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    lift(api, suppressed(api))
    assert doorbell.rung == []


def test_a_refusal_of_the_provider_is_shown_with_its_words(api: Api, store: Store) -> None:
    with_server(store)
    lift(api, suppressed(api))
    words = "You do not have the required authority to change this suppression."
    with store.begin() as tx:
        tx.lifts.refused(CONFIGURATION, "person@example.com", words)
    assert (listed(api)["provider"], listed(api)["providerMessage"]) == ("refused", words)


def test_what_the_provider_let_go_of_is_shown_as_lifted(api: Api, store: Store) -> None:
    with_server(store)
    lift(api, suppressed(api))
    assert wanted(store) == ["person@example.com"]
    with store.begin() as tx:
        tx.lifts.done(CONFIGURATION, ["person@example.com"])
    assert (listed(api)["provider"], listed(api)["providerMessage"]) == ("lifted", None)


def test_a_complaint_that_comes_while_it_is_lifted_stays(
    settings: Settings, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    with_server(store)
    api = Api(container_of(settings, Complaining(store), doorbell))
    e_id = suppressed(api)
    assert code(api.post(f"/configuration/suppression/{e_id}/lift")) == (409, "conflict")
    assert listed(api)["active"] is True
    assert (doorbell.rung, wanted(store)) == ([], [])


class Complaining:
    """A store in which somebody complains between the look at an entry and its lift."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            as_it_was = tx.suppressions.lift

            def lift(entry: SuppressionEntry, **options: Any) -> SuppressionEntry:
                return replace(as_it_was(entry, **options), reason=SuppressionReason.SPAM_COMPLAINT)

            tx.suppressions.lift = lift  # type: ignore[method-assign]
            yield tx

    def ping(self) -> None:
        self._store.ping()


# The gate.


def entry_of(reason: SuppressionReason, source: UUID | None = None) -> SuppressionEntry:
    return SuppressionEntry(
        e_id=UUID(int=7),
        tenant_id=TENANT,
        address="person@example.com",
        reason=reason,
        since=LONG_AGO,
        source_event_id=source,
        author="provider",
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


@pytest.mark.parametrize("source", [None, UUID(int=9)])
def test_a_refused_send_is_told_why_since_when_and_by_which_event(
    api: Api, store: Store, source: UUID | None
) -> None:
    a_configuration(store)
    with store.begin() as tx:
        tx.suppressions.add(entry_of(SuppressionReason.HARD_BOUNCE, source))
    with capture_logs() as logs:
        answer = api.send(a_job(recipient="PERSON@example.com "))
    assert code(answer) == (403, "suppressed")
    body = answer.get_json()
    assert (body["reason"], body["since"]) == ("HARD_BOUNCE", milliseconds(LONG_AGO))
    assert body["sourceEventId"] == (str(source) if source else None)
    assert body["suppressionEId"] == str(UUID(int=7))
    assert "person@" not in (answer.get_data(as_text=True) + json.dumps(logs)).lower()


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("connection lost"),
        DatabaseFault("InsufficientPrivilege"),
        RuntimeError("relation suppression_entry does not exist"),
        KeyError("person@example.com"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("many", [False, True])
def test_while_the_list_cannot_be_read_nothing_is_accepted(
    settings: Settings, store: MemoryStore, doorbell: RecordingDoorbell, error: Exception, many: bool
) -> None:
    a_configuration(store)
    api = Api(container_of(settings, Unreadable(store, error), doorbell))
    with capture_logs() as logs:
        answer = (
            api.post("/job/batch", {"jobs": [{"idempotencyKey": "k1", **a_job()}]})
            if many
            else api.send(a_job())
        )
    assert code(answer) == (503, "store_unavailable")
    assert "Retry-After" in answer.headers
    assert "person@" not in json.dumps(logs)
    assert doorbell.rung == []
    with store.begin() as tx:
        assert tx.jobs.in_flight(CONFIGURATION) == 0


class Unreadable:
    """A store whose suppression list cannot be read."""

    def __init__(self, store: MemoryStore, error: Exception) -> None:
        self._store = store
        self._error = error

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            tx.suppressions.active_among = self._fail  # type: ignore[method-assign]
            tx.jobs.offer = self._fail  # type: ignore[method-assign]
            yield tx

    def ping(self) -> None:
        self._store.ping()

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise self._error
