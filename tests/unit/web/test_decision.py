"""An operator's word on a job in doubt."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from shared.config.settings import Settings
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.messaging.messages import SendJobs
from shared.ports.configurations import Change
from shared.ports.jobs import Jobs
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import (
    CONFIGURATION,
    OTHER_TENANT,
    TENANT,
    UNKNOWN,
    Api,
    code,
    container_of,
    faults,
)
from tests.unit.web.doubtful import LIMIT, accepted, in_doubt, job_of
from web.moments import milliseconds

VERDICTS = ["sent", "resend", "fail"]


def decide(api: Api, e_id: UUID, verdict: str, **given: Any) -> TestResponse:
    headers = given.pop("headers", None)
    body = {"verdict": verdict, "reason": "seen at the provider", **given}
    return api.post(f"/job/{e_id}/decide", body, headers=headers)


def move(store: MemoryStore, trigger: str, **changes: Any) -> None:
    with store.begin() as tx:
        held = tx.configurations.get(CONFIGURATION, lock=Lock.UPDATE)
        assert held is not None
        tx.configurations.save(replace(held, **changes), Change("olga", trigger))


def test_the_limit_of_these_tests_is_that_of_the_settings(settings: Settings) -> None:
    assert timedelta(hours=settings.send.doubt_limit_hours) == LIMIT


def test_sent_makes_it_sent_under_the_message_id_that_was_found(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    response = decide(api, e_id, "sent", providerMessageId="b7bc2f4a")
    payload = response.get_json()["payload"]
    assert response.status_code == 200
    assert (payload["status"], payload["providerMessageId"]) == ("SENT", "b7bc2f4a")
    assert (payload["inDoubtSince"], payload["awaitsDecision"], payload["error"]) == (None, False, None)
    assert response.get_json() == api.get(f"/job/{e_id}").get_json()


def test_sent_needs_no_message_id(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    assert decide(api, e_id, "sent").get_json()["payload"]["status"] == "SENT"
    assert job_of(store, e_id).provider_message_id is None


def test_resend_queues_it_now_with_its_age_begun_anew_and_rings(
    api: Api, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    e_id = in_doubt(api, store)
    doorbell.rung.clear()
    assert decide(api, e_id, "resend").status_code == 200
    job = job_of(store, e_id)
    now = store.clock.now()
    assert (job.status, job.due_at, job.replayed_at) == (JobStatus.QUEUED, now, now)
    assert doorbell.rung == [SendJobs(CONFIGURATION)]


def test_a_resent_job_is_claimed_by_the_next_worker(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    decide(api, e_id, "resend")
    with store.begin() as tx:
        claim = tx.jobs.claim(CONFIGURATION, claim_id=UUID(int=2), limit=10, lease_seconds=60)
    assert [job.e_id for job in claim.jobs] == [e_id]


def test_fail_ends_it_with_a_code_of_its_own_and_no_dead_letter(
    api: Api, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    e_id = in_doubt(api, store)
    doorbell.rung.clear()
    payload = decide(api, e_id, "fail").get_json()["payload"]
    assert (payload["status"], payload["error"]["code"]) == ("FAILED", "decided")
    assert doorbell.rung == []
    assert not store._state.letters


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_decision_is_kept_with_its_author_and_reason(api: Api, store: MemoryStore, verdict: str) -> None:
    e_id = in_doubt(api, store)
    decide(api, e_id, verdict, reason="  the recipient has it  ", headers={"X-Author": "olga"})
    with store.begin() as tx:
        (action,) = tx.jobs.actions(TENANT, e_id)
    assert (action.action, action.author, action.reason) == (
        f"job.decide.{verdict}",
        "olga",
        "the recipient has it",
    )
    assert action.at == store.clock.now()


@pytest.mark.parametrize("verdict", VERDICTS)
def test_while_workers_still_look_it_is_409_with_the_moment_from_which_it_is_not(
    api: Api, store: MemoryStore, verdict: str
) -> None:
    e_id = in_doubt(api, store, age=LIMIT - timedelta(milliseconds=1))
    response = decide(api, e_id, verdict)
    assert code(response) == (409, "still_looking")
    assert response.get_json()["mayDecideFrom"] == milliseconds(store.clock.now()) + 1
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT
    with store.begin() as tx:
        assert tx.jobs.actions(TENANT, e_id) == []
    store.advance(timedelta(milliseconds=1))
    assert decide(api, e_id, verdict).status_code == 200


@pytest.mark.parametrize("status", [each for each in JobStatus if each is not JobStatus.IN_DOUBT])
def test_what_is_not_in_doubt_is_not_to_be_decided(api: Api, store: MemoryStore, status: JobStatus) -> None:
    e_id = accepted(api, store)
    held = replace(job_of(store, e_id), status=status, in_doubt_since=store.clock.now() - 2 * LIMIT)
    store._state.jobs[e_id] = held
    response = decide(api, e_id, "sent")
    assert code(response) == (409, "not_in_doubt")
    assert response.get_json()["jobStatus"] == status.value
    assert job_of(store, e_id) == held


def test_a_second_decision_finds_nothing_to_decide(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    assert decide(api, e_id, "sent").status_code == 200
    assert code(decide(api, e_id, "resend")) == (409, "not_in_doubt")
    assert job_of(store, e_id).status is JobStatus.SENT


class Overtaken:
    """A store whose transactions read a job as it was, and find at their write that it has moved."""

    def __init__(self, store: MemoryStore, stale: EmailJob) -> None:
        self._store = store
        self._stale = stale

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            tx.jobs = cast("Jobs", StaleJobs(tx.jobs, self._stale))
            yield tx

    def ping(self) -> None:
        self._store.ping()


class StaleJobs:
    def __init__(self, jobs: Jobs, stale: EmailJob) -> None:
        self._jobs = jobs
        self._stale = stale

    def get(self, tenant_id: UUID, e_id: UUID) -> EmailJob:
        return self._stale

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)


def test_a_look_that_began_after_the_decision_was_read_makes_a_conflict_of_it(
    api: Api, settings: Settings, store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    e_id = in_doubt(api, store)
    stale = job_of(store, e_id)
    with store.begin() as tx:
        tx.jobs.take_doubts(CONFIGURATION, limit=10, lease_seconds=60)
    overtaken = Api(container_of(settings, Overtaken(store, stale), doorbell, clock=store.clock))
    doorbell.rung.clear()
    assert code(decide(overtaken, e_id, "resend")) == (409, "conflict")
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT
    assert doorbell.rung == []
    with store.begin() as tx:
        assert tx.jobs.actions(TENANT, e_id) == []


def test_another_tenants_job_and_none_are_404(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    assert code(decide(api, e_id, "sent", headers={"X-Tenant-Id": str(OTHER_TENANT)})) == (404, "not_found")
    assert code(decide(api, UNKNOWN, "sent")) == (404, "not_found")
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"administrative": Administrative.LOCKED}, "locked"),
        ({"administrative": Administrative.LOCKED, "operational": Operational.FAILURE}, "locked"),
    ],
)
def test_nothing_is_queued_behind_a_lock(
    api: Api, store: MemoryStore, changes: dict[str, object], word: str
) -> None:
    e_id = in_doubt(api, store)
    move(store, "force-lock", **changes)
    assert code(decide(api, e_id, "resend")) == (409, word)
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT
    assert decide(api, e_id, "sent").status_code == 200


def test_nothing_is_queued_behind_a_configuration_that_was_removed(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    move(store, "remove", administrative=Administrative.LOCKED, retired_at=store.clock.now())
    assert code(decide(api, e_id, "resend")) == (409, "retired")
    assert decide(api, e_id, "fail").status_code == 200


@pytest.mark.parametrize("verdict", ["sent", "fail"])
def test_a_drain_ends_with_the_decision_on_its_last_job(api: Api, store: MemoryStore, verdict: str) -> None:
    e_id = in_doubt(api, store)
    api.post(f"/configuration/{CONFIGURATION}/lock")
    decide(api, e_id, verdict)
    assert api.get(f"/configuration/{CONFIGURATION}").get_json()["payload"]["administrative"] == "LOCKED"


def test_a_drain_goes_on_until_what_is_sent_again_is_sent(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    api.post(f"/configuration/{CONFIGURATION}/lock")
    assert decide(api, e_id, "resend").status_code == 200
    assert api.get(f"/configuration/{CONFIGURATION}").get_json()["payload"]["administrative"] == "LOCKING"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"reason": None}, "reason"),
        ({"providerMessageId": ""}, "providerMessageId"),
        ({"providerMessageId": "x" * 101}, "providerMessageId"),
        ({"verdict": "resend", "providerMessageId": "b7bc2f4a"}, "body"),
        ({"because": "I can"}, "because"),
    ],
)
def test_a_body_to_mend_is_400_and_decides_nothing(
    api: Api, store: MemoryStore, given: dict[str, Any], field: str
) -> None:
    e_id = in_doubt(api, store)
    response = decide(api, e_id, **{"verdict": "sent", **given})
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [field]
    assert job_of(store, e_id).status is JobStatus.IN_DOUBT


def test_a_decision_needs_an_author(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    assert code(decide(api, e_id, "sent", headers={"X-Author": None})) == (400, "invalid_header")


# --- what a job says of itself ---------------------------------------------------------


def test_a_job_says_since_when_it_is_in_doubt_and_whether_somebody_has_to_decide(
    api: Api, store: MemoryStore
) -> None:
    e_id = in_doubt(api, store, age=LIMIT - timedelta(milliseconds=1))
    since = milliseconds(store.clock.now() + timedelta(milliseconds=1) - LIMIT)
    payload = api.get(f"/job/{e_id}").get_json()["payload"]
    assert (payload["inDoubtSince"], payload["awaitsDecision"]) == (since, False)
    store.advance(timedelta(milliseconds=1))
    assert api.get(f"/job/{e_id}").get_json()["payload"]["awaitsDecision"] is True
    (found,) = api.post("/job/query").get_json()["results"]
    assert found["payload"]["awaitsDecision"] is True


def test_a_job_that_was_never_in_doubt_awaits_nothing(api: Api, store: MemoryStore) -> None:
    e_id = accepted(api, store)
    store.advance(10 * LIMIT)
    payload = api.get(f"/job/{e_id}").get_json()["payload"]
    assert (payload["inDoubtSince"], payload["awaitsDecision"], payload["workerDeaths"]) == (None, False, 0)


def test_a_job_counts_the_workers_that_died_with_it(api: Api, store: MemoryStore) -> None:
    e_id = accepted(api, store)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=UUID(int=1), limit=10, lease_seconds=60)
    store.advance(seconds=60)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10)
    payload = api.get(f"/job/{e_id}").get_json()["payload"]
    assert (payload["status"], payload["workerDeaths"]) == ("IN_DOUBT", 1)
