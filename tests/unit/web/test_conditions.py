"""Entity tags: who decided by an old version is told so, and nothing happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared.config.settings import Settings
from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative, Operational, Trigger
from shared.ports.configurations import Change, Configurations
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction
from shared.steering import steer
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import (
    CONFIGURATION,
    OTHER_TENANT,
    UNKNOWN,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
    faults,
)

PATH = f"/configuration/{CONFIGURATION}"
WANTED = {"sendingDomainSlug": "acme", "signatureRequest": {"fromName": "Acme"}}


def moved_on(store: Store) -> None:
    """To version 1: DEGRADED by now, and as UNLOCKED as before."""
    a_configuration(store, operational=Operational.DEGRADED)
    with store.begin() as tx:
        held = tx.configurations.get(CONFIGURATION, lock=Lock.UPDATE)
        assert held is not None
        steer(tx, held, Trigger.SEND_ACCEPTED, Change("worker", "send-accepted"))


def records(api: Api) -> int:
    return len(api.get(f"{PATH}/history").get_json()["records"])


def test_every_answer_with_a_current_configuration_is_tagged_with_its_version(api: Api) -> None:
    created = api.post("/configuration", WANTED)
    path = f"/configuration/{created.get_json()['payload']['eId']}"
    read = api.get(path)
    work_follows = api.post(f"{path}/provision")
    goal_holds = api.post(f"{path}/provision")
    assert [response.status_code for response in (created, read, work_follows, goal_holds)] == [
        201,
        200,
        202,
        200,
    ]
    for response in (created, read, work_follows, goal_holds):
        assert response.headers["ETag"] == f'"{response.get_json()["payload"]["version"]}"'
    assert (created.headers["ETag"], work_follows.headers["ETag"]) == ('"0"', '"1"')


@pytest.mark.parametrize("path", ["/history", "?effectiveAsOf=4102444800000", "/verification"])
def test_what_is_not_one_current_configuration_has_no_tag(api: Api, store: Store, path: str) -> None:
    a_configuration(store)
    response = api.get(PATH + path)
    assert response.status_code == 200
    assert "ETag" not in response.headers


@pytest.mark.parametrize("sent", ['"1"', "*", ' "1" ', '"0", "1"', ',"7" ,, "1",', '"a,b","1"', 'W/"7", "1"'])
def test_a_signal_at_the_version_it_names_is_carried_out(api: Api, store: Store, sent: str) -> None:
    moved_on(store)
    response = api.post(f"{PATH}/lock", headers={"If-Match": sent})
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'


@pytest.mark.parametrize(
    "sent", ['"0"', 'W/"1"', '"0", "2", W/"1"', '"01"', '"+1"', '"1a"', '""', '"*"', '"\xb9"']
)
def test_a_signal_at_another_version_is_412_and_changes_nothing(
    api: Api, store: Store, doorbell: RecordingDoorbell, sent: str
) -> None:
    moved_on(store)
    response = api.post(f"{PATH}/lock", headers={"If-Match": sent})
    body = response.get_json()
    assert code(response) == (412, "precondition_failed")
    assert response.headers["ETag"] == '"1"'
    assert (body["version"], body["operational"], body["administrative"]) == (1, "OK", "UNLOCKED")
    assert body["allowedSignals"] == ["lock", "force-lock"]
    assert records(api) == 2
    assert doorbell.rung == []


def test_the_tag_of_the_answer_opens_the_way(api: Api, store: Store) -> None:
    moved_on(store)
    refused = api.post(f"{PATH}/lock", headers={"If-Match": '"0"'})
    assert api.post(f"{PATH}/lock", headers={"If-Match": refused.headers["ETag"]}).status_code == 200


def test_of_two_operators_who_read_the_same_only_the_first_is_heard(api: Api, store: Store) -> None:
    a_configuration(store, administrative=Administrative.LOCKED)
    read = api.get(PATH).headers["ETag"]
    first = api.post(f"{PATH}/unlock", headers={"If-Match": read})
    second = api.post(f"{PATH}/remove", headers={"If-Match": read})
    assert first.status_code == 200
    assert code(second) == (412, "precondition_failed")


def test_a_repeated_signal_at_the_old_version_is_412_though_its_goal_holds(api: Api, store: Store) -> None:
    a_configuration(store)
    for expected in (200, 412):
        assert api.post(f"{PATH}/lock", headers={"If-Match": '"0"'}).status_code == expected


def test_the_version_is_looked_at_before_what_the_state_allows(api: Api, store: Store) -> None:
    moved_on(store)
    assert code(api.post(f"{PATH}/remove", headers={"If-Match": '"0"'})) == (412, "precondition_failed")
    assert code(api.post(f"{PATH}/remove", headers={"If-Match": '"1"'})) == (409, "signal_refused")


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    "sent",
    ["", "1", "W/1", 'w/"1"', '"1', '1"', '"1" "2"', '"1"; "2"', ",", '"1", *', "**", '"a"b"', '"a b"'],
)
def test_a_tag_that_is_none_is_400_with_advice(api: Api, store: Store, header: str, sent: str) -> None:
    a_configuration(store)
    for path in (PATH, f"{PATH}?effectiveAsOf=1"):
        response = api.get(path, headers={header: sent})
        assert code(response) == (400, "invalid_header")
        assert 'quotes included ("7")' in faults(response)[header]


def test_a_signal_with_a_tag_that_is_none_is_400_and_changes_nothing(api: Api, store: Store) -> None:
    a_configuration(store)
    response = api.post(f"{PATH}/lock", headers={"If-Match": "0"})
    assert code(response) == (400, "invalid_header")
    assert list(faults(response)) == ["If-Match"]
    assert records(api) == 1


@pytest.mark.parametrize("sent", ["*", '"0"'])
def test_what_is_not_there_is_404_whatever_version_was_named(api: Api, store: Store, sent: str) -> None:
    a_configuration(store, tenant_id=OTHER_TENANT)
    for e_id in (CONFIGURATION, UNKNOWN):
        response = api.post(f"/configuration/{e_id}/lock", headers={"If-Match": sent})
        assert code(response) == (404, "not_found")
        assert "ETag" not in response.headers


@pytest.mark.parametrize("sent", ['"1"', 'W/"1"', "*", '"0", "1"'])
def test_a_reader_who_has_the_current_version_is_told_just_that(api: Api, store: Store, sent: str) -> None:
    moved_on(store)
    response = api.get(PATH, headers={"If-None-Match": sent})
    assert response.status_code == 304
    assert response.get_data() == b""
    assert response.headers["ETag"] == '"1"'
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("sent", [None, '"0"', 'W/"0"', '"10"'])
def test_a_reader_who_has_another_version_gets_the_current_one(
    api: Api, store: Store, sent: str | None
) -> None:
    moved_on(store)
    response = api.get(PATH, headers={"If-None-Match": sent})
    assert response.status_code == 200
    assert response.get_json()["payload"]["version"] == 1


def test_a_read_may_name_the_version_it_wants(api: Api, store: Store) -> None:
    moved_on(store)
    assert code(api.get(PATH, headers={"If-Match": '"0"'})) == (412, "precondition_failed")
    assert api.get(PATH, headers={"If-Match": '"1"'}).status_code == 200
    both = api.get(PATH, headers={"If-Match": '"1"', "If-None-Match": '"1"'})
    assert both.status_code == 304


def test_neither_faults_nor_leases_nor_jobs_nor_checks_make_another_version(api: Api, store: Store) -> None:
    a_configuration(store)
    before = api.get(PATH).headers["ETag"]
    with store.begin() as tx:
        tx.configurations.count_send_fault(CONFIGURATION)
        tx.configurations.take_lease(CONFIGURATION, token=UUID(int=1), lease_seconds=5)
    api.send(a_job())
    assert api.get(PATH).headers["ETag"] == before


class Outrun:
    """Somebody is always quicker: reads without a lock on the row see the version before."""

    def __init__(self, inner: Configurations) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(
        self, e_id: UUID, *, tenant_id: UUID | None = None, lock: Lock = Lock.NONE
    ) -> EmailConfiguration | None:
        found = self._inner.get(e_id, tenant_id=tenant_id, lock=lock)
        outdated = found is not None and lock is not Lock.UPDATE
        return replace(found, version=found.version - 1) if found and outdated else found


class OutrunStore:
    def __init__(self, inner: Store) -> None:
        self._inner = inner

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._inner.begin() as tx:
            tx.configurations = Outrun(tx.configurations)
            yield tx

    def ping(self) -> None:
        self._inner.ping()


def test_the_version_is_compared_under_the_rows_lock(settings: Settings, store: Store) -> None:
    moved_on(store)
    api = Api(container_of(settings, OutrunStore(store), RecordingDoorbell()))
    assert code(api.post(f"{PATH}/lock", headers={"If-Match": '"0"'})) == (412, "precondition_failed")
    assert api.post(f"{PATH}/lock", headers={"If-Match": '"1"'}).status_code == 200


def test_a_tag_is_of_the_record_that_is_shown_also_when_the_row_moved_between(
    settings: Settings, store: Store
) -> None:
    moved_on(store)
    response = Api(container_of(settings, OutrunStore(store), RecordingDoorbell())).get(PATH)
    assert response.headers["ETag"] == '"1"'
    assert response.get_json()["payload"]["version"] == 1
