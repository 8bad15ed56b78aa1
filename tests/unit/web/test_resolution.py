"""An operator settles a job whose events contradict one another."""

import json
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from shared.config.settings import Settings
from shared.domain.job import JobStatus, Settlement
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.web.api import AUTHOR, CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, Api, a_job, code, faults
from tests.unit.web.doubtful import CLAIM, claimed, in_doubt, job_of
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

DELIVERY = {"RecordType": "Delivery", "DeliveredAt": "2026-11-02T09:00:00Z"}
BOUNCE = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "Inactive": True}
COMPLAINT = {"RecordType": "SpamComplaint", "ID": 2}
OPEN = {"RecordType": "Open", "ReceivedAt": "2026-11-02T09:05:00Z"}
EVENTS: dict[str, dict[str, Any]] = {
    "Delivery": DELIVERY,
    "Bounce": BOUNCE,
    "SpamComplaint": COMPLAINT,
    "Open": OPEN,
}


def resolve(api: Api, e_id: UUID, reason: str = "the recipient has it", **options: Any) -> TestResponse:
    return api.post(f"/job/{e_id}/resolve", {"reason": reason}, **options)


@pytest.fixture
def project(settings: Settings, store: MemoryStore, doorbell: RecordingDoorbell) -> Any:
    deps = ProjectionDeps(store, doorbell, ProjectionPolicy.of(settings.projection))
    return lambda: project_events(CONFIGURATION, deps)


class Story:
    """A job that was sent, and what the provider tells of it."""

    def __init__(self, api: Api, store: MemoryStore, project: Any) -> None:
        self._api = api
        self.project = project
        self.e_id = claimed(api, store)
        with store.begin() as tx:
            tx.jobs.record(CLAIM, [Settlement(self.e_id, JobStatus.SENT, provider_message_id="m-1")])

    def tell(self, *kinds: str, project: bool = True) -> None:
        for kind in kinds:
            event = {**EVENTS[kind], "MessageID": "m-1", "Recipient": "person@example.com"}
            assert self._api.receive(json.dumps(event)).status_code == 200
            if project:
                self.project()


@pytest.fixture
def story(api: Api, store: MemoryStore, project: Any) -> Story:
    return Story(api, store, project)


def status_of(store: MemoryStore, e_id: UUID) -> str:
    return job_of(store, e_id).status.value


def test_it_becomes_what_the_most_concerning_event_says(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    assert status_of(store, story.e_id) == "INCONSISTENT"
    answer = resolve(api, story.e_id)
    assert answer.status_code == 200
    assert answer.get_json()["payload"]["status"] == "BOUNCED"
    assert answer.get_json() == api.get(f"/job/{story.e_id}").get_json()


@pytest.mark.parametrize(
    "order",
    [
        order
        for order in permutations(["Delivery", "Bounce", "SpamComplaint"])
        if order[-1] != "SpamComplaint"
    ],
    ids="-".join,
)
def test_in_whatever_order_they_came_a_complaint_decides(
    api: Api, store: MemoryStore, story: Story, order: tuple[str, ...]
) -> None:
    story.tell(*order, "Open")
    assert status_of(store, story.e_id) == "INCONSISTENT"
    assert resolve(api, story.e_id).get_json()["payload"]["status"] == "COMPLAINED"


def test_a_job_that_had_failed_and_was_delivered_is_delivered_and_has_no_error(
    api: Api, store: MemoryStore, project: Any
) -> None:
    e_id = in_doubt(api, store)
    api.post(f"/job/{e_id}/decide", {"verdict": "fail", "reason": "nobody knows"})
    api.receive(json.dumps({**DELIVERY, "MessageID": "m-1", "Metadata": {"job": str(e_id)}}))
    project()
    assert status_of(store, e_id) == "INCONSISTENT"
    payload = resolve(api, e_id).get_json()["payload"]
    assert (payload["status"], payload["error"], payload["providerMessageId"]) == ("DELIVERED", None, "m-1")


def test_the_timeline_says_who_resolved_it_and_why(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    store.advance(seconds=1)
    resolve(api, story.e_id, "  the mailbox is full of it  ")
    last = api.get(f"/job/{story.e_id}/timeline").get_json()["entries"][-1]
    assert (last["type"], last["action"]) == ("action", "job.resolve")
    assert (last["author"], last["reason"]) == (AUTHOR, "the mailbox is full of it")


def test_sent_again_it_is_200_and_changes_nothing(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    first = resolve(api, story.e_id)
    again = resolve(api, story.e_id, headers={"X-Author": "olga"})
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    with store.begin() as tx:
        assert len(tx.jobs.actions(TENANT, story.e_id)) == 1


def test_it_may_become_inconsistent_and_be_resolved_once_more(
    api: Api, store: MemoryStore, story: Story
) -> None:
    story.tell("Bounce", "Delivery")
    resolve(api, story.e_id)
    store.advance(seconds=1)
    api.receive(json.dumps({**DELIVERY, "MessageID": "m-1", "Recipient": "p@example.com"}))
    story.project()
    assert status_of(store, story.e_id) == "INCONSISTENT"
    assert resolve(api, story.e_id).get_json()["payload"]["status"] == "BOUNCED"
    with store.begin() as tx:
        assert len(tx.jobs.actions(TENANT, story.e_id)) == 2


def test_an_event_that_is_stored_and_not_folded_yet_is_folded_afterwards(
    api: Api, store: MemoryStore, story: Story
) -> None:
    story.tell("Bounce", "Delivery")
    story.tell("SpamComplaint", project=False)
    assert resolve(api, story.e_id).get_json()["payload"]["status"] == "BOUNCED"
    story.project()
    assert status_of(store, story.e_id) == "COMPLAINED"


def test_a_resolved_job_is_a_replay_again_for_its_key(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    assert code(api.send(a_job())) == (412, "job_inconsistent")
    resolve(api, story.e_id)
    replay = api.send(a_job())
    assert (replay.status_code, replay.headers["Idempotent-Replayed"]) == (200, "true")


@pytest.mark.parametrize(
    ("told", "held"), [((), "SENT"), (("Delivery",), "DELIVERED"), (("Bounce",), "BOUNCED")]
)
def test_there_is_nothing_to_resolve_in_a_job_that_is_consistent(
    api: Api, store: MemoryStore, story: Story, told: tuple[str, ...], held: str
) -> None:
    story.tell(*told)
    answer = resolve(api, story.e_id)
    assert code(answer) == (409, "not_inconsistent")
    assert answer.get_json()["jobStatus"] == held
    with store.begin() as tx:
        assert tx.jobs.actions(TENANT, story.e_id) == []


def test_a_job_in_doubt_is_for_another_decision(api: Api, store: MemoryStore) -> None:
    e_id = in_doubt(api, store)
    assert code(resolve(api, e_id)) == (409, "not_inconsistent")
    assert status_of(store, e_id) == "IN_DOUBT"


def test_an_inconsistent_job_is_not_decided(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    answer = api.post(f"/job/{story.e_id}/decide", {"verdict": "fail", "reason": "enough"})
    assert code(answer) == (409, "not_in_doubt")
    assert status_of(store, story.e_id) == "INCONSISTENT"


def test_another_tenants_job_is_404(api: Api, store: MemoryStore, story: Story) -> None:
    story.tell("Bounce", "Delivery")
    other = resolve(api, story.e_id, headers={"X-Tenant-Id": str(OTHER_TENANT)})
    assert code(other) == (404, "not_found")
    assert code(resolve(api, UNKNOWN)) == (404, "not_found")
    assert status_of(store, story.e_id) == "INCONSISTENT"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"reason": "because", "status": "SENT"}, "status"),
    ],
)
def test_a_resolution_says_why_and_nothing_else(
    api: Api, story: Story, body: dict[str, str], at: str
) -> None:
    answer = api.post(f"/job/{story.e_id}/resolve", body)
    assert code(answer) == (400, "invalid_fields")
    assert list(faults(answer)) == [at]


def test_a_resolution_has_an_author(api: Api, story: Story) -> None:
    assert code(resolve(api, story.e_id, headers={"X-Author": None})) == (400, "invalid_header")
