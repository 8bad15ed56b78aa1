"""Callers are kept out while a recovery is open: a 404 would be taken for "not sent"."""

import pytest

from shared.domain.lifecycle import Administrative, Operational
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.restored import begin, end
from tests.unit.web.api import CONFIGURATION, UNKNOWN, Api, a_configuration, a_job, code
from tests.unit.web.doubtful import in_doubt

RECOVERING = (503, "recovering")
PATH = f"/configuration/{CONFIGURATION}"


@pytest.fixture
def restored(store: MemoryStore) -> MemoryStore:
    a_configuration(store)
    return store


def test_nothing_is_accepted_until_it_has_ended(
    api: Api, restored: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    begin(restored)
    refused = api.send(a_job(), key="order-7")
    assert code(refused) == RECOVERING
    assert refused.headers["Retry-After"] == "60"
    assert doorbell.rung == []
    end(restored)
    assert api.send(a_job(), key="order-7").status_code == 202


def test_a_batch_is_refused_whole(api: Api, restored: MemoryStore) -> None:
    begin(restored)
    batch = {"jobs": [{**a_job(), "idempotencyKey": "order-7"}]}
    assert code(api.post("/job/batch", batch)) == RECOVERING
    with restored.begin() as tx:
        assert tx.jobs.in_flight(CONFIGURATION) == 0


def test_a_replay_waits_too(api: Api, restored: MemoryStore) -> None:
    assert api.send(a_job(), key="order-7").status_code == 202
    begin(restored)
    assert code(api.send(a_job(), key="order-7")) == RECOVERING


@pytest.mark.parametrize("path", ["", "/events", "/timeline"])
def test_a_job_that_is_not_here_may_yet_be_found(api: Api, restored: MemoryStore, path: str) -> None:
    begin(restored)
    assert code(api.get(f"/job/{UNKNOWN}{path}")) == RECOVERING
    end(restored)
    assert code(api.get(f"/job/{UNKNOWN}{path}")) == (404, "not_found")


def test_a_list_of_jobs_waits_until_it_is_whole(api: Api, restored: MemoryStore) -> None:
    begin(restored)
    assert code(api.post("/job/query")) == RECOVERING
    end(restored)
    assert api.post("/job/query").status_code == 200


@pytest.mark.parametrize("path", ["", "/events", "/timeline"])
def test_a_job_that_is_here_is_shown(api: Api, restored: MemoryStore, path: str) -> None:
    e_id = api.send(a_job(), key="order-7").get_json()["payload"]["eId"]
    begin(restored)
    assert api.get(f"/job/{e_id}{path}").status_code == 200


def test_no_configuration_is_made(api: Api, restored: MemoryStore) -> None:
    begin(restored)
    wanted = {"sendingDomainSlug": "other", "signatureRequest": {"fromName": "Acme"}}
    assert code(api.post("/configuration", wanted)) == RECOVERING
    assert api.get(PATH).status_code == 200


@pytest.mark.parametrize("signal", ["provision", "re-verify", "unlock", "remove"])
def test_nothing_is_begun(api: Api, store: MemoryStore, signal: str) -> None:
    a_configuration(store, operational=Operational.PENDING, administrative=Administrative.LOCKED)
    begin(store)
    assert code(api.post(f"{PATH}/{signal}")) == RECOVERING


@pytest.mark.parametrize("signal", ["lock", "force-lock"])
def test_what_stops_may_be_stopped(api: Api, restored: MemoryStore, signal: str) -> None:
    begin(restored)
    assert api.post(f"{PATH}/{signal}").status_code < 300


def test_nobody_decides_about_a_doubt_that_the_provider_is_asked_about(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    begin(store)
    body = {"verdict": "resend", "reason": "it never came"}
    assert code(api.post(f"/job/{e_id}/decide", body)) == RECOVERING


def test_suppressions_are_taken(api: Api, restored: MemoryStore) -> None:
    begin(restored)
    assert api.post("/configuration/suppression", {"address": "person@example.com"}).status_code == 201
