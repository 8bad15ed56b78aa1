"""What happened to a job, as one list."""

from typing import Any
from uuid import UUID

from shared.domain.job import JobStatus, Settlement
from tests.fakes.store import MemoryStore
from tests.unit.web.api import AUTHOR, CONFIGURATION, OTHER_TENANT, TENANT, UNKNOWN, Api, code
from tests.unit.web.doubtful import accepted, in_doubt
from web.moments import milliseconds


def entries(api: Api, e_id: UUID) -> list[dict[str, Any]]:
    response = api.get(f"/job/{e_id}/timeline")
    assert response.status_code == 200
    told: list[dict[str, Any]] = response.get_json()["entries"]
    assert [entry["at"] for entry in told] == sorted(entry["at"] for entry in told)
    return told


def test_a_timeline_begins_with_the_acceptance(api: Api, store: MemoryStore) -> None:
    e_id = accepted(api, store)
    now = milliseconds(store.clock.now())
    (accepted_entry,) = entries(api, e_id)
    trace = accepted_entry.pop("trace")
    assert accepted_entry == {"type": "accepted", "at": now, "author": AUTHOR}
    with store.begin() as tx:
        job = tx.jobs.get(TENANT, e_id)
    assert job is not None
    assert job.trace is not None
    assert (len(trace), job.trace[:32]) == (32, trace)


def test_a_timeline_tells_attempts_decisions_and_events_in_the_order_in_which_they_came(
    api: Api, store: MemoryStore
) -> None:
    e_id = in_doubt(api, store)
    api.post(f"/job/{e_id}/decide", {"verdict": "resend", "reason": "not at the provider"})
    store.advance(seconds=1)
    second = UUID(int=0xC1A2)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=second, limit=10, lease_seconds=60)
    with store.begin() as tx:
        tx.jobs.record(second, [Settlement(e_id, JobStatus.SENT, provider_message_id="m-2")])
    store.advance(seconds=1)
    api.receive(f'{{"RecordType": "Delivery", "MessageID": "m-2", "Metadata": {{"job": "{e_id}"}}}}')
    with store.begin() as tx:
        (event,) = tx.events.unprojected(CONFIGURATION, limit=10)
        tx.events.mark_projected({event.e_id: e_id})
    told = entries(api, e_id)
    assert [entry["type"] for entry in told] == ["accepted", "attempt", "action", "attempt", "event"]
    _, lost, action, sent, delivered = told
    assert (lost["number"], lost["outcome"], lost["code"], lost["messageId"]) == (
        1,
        "IN_DOUBT",
        "read_timeout",
        None,
    )
    assert (action["action"], action["author"], action["reason"]) == (
        "job.decide.resend",
        AUTHOR,
        "not at the provider",
    )
    assert (sent["number"], sent["outcome"], sent["messageId"]) == (2, "SENT", "m-2")
    assert (sent["claimId"], sent["fenced"]) == (str(second), False)
    assert (delivered["kind"], delivered["eId"]) == ("Delivery", str(event.e_id))
    assert delivered["at"] == milliseconds(store.clock.now())


def test_an_attempt_without_result_and_one_that_came_too_late_are_told_as_such(
    api: Api, store: MemoryStore
) -> None:
    e_id = accepted(api, store)
    claim = UUID(int=1)
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=claim, limit=10, lease_seconds=60)
    _, attempt = entries(api, e_id)
    assert (attempt["outcome"], attempt["finishedAt"], attempt["fenced"]) == (None, None, False)
    store.advance(seconds=60)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10)
    with store.begin() as tx:
        tx.jobs.record(claim, [Settlement(e_id, JobStatus.SENT, provider_message_id="m-1")])
    _, attempt = entries(api, e_id)
    assert (attempt["outcome"], attempt["messageId"], attempt["fenced"]) == ("SENT", "m-1", True)
    assert attempt["finishedAt"] == milliseconds(store.clock.now())
    assert api.get(f"/job/{e_id}").get_json()["payload"]["status"] == "IN_DOUBT"


def test_another_tenants_timeline_is_404(api: Api, store: MemoryStore) -> None:
    e_id = accepted(api, store)
    path = f"/job/{e_id}/timeline"
    assert code(api.get(path, headers={"X-Tenant-Id": str(OTHER_TENANT)})) == (404, "not_found")
    assert code(api.get(f"/job/{UNKNOWN}/timeline")) == (404, "not_found")


def test_the_openapi_document_tells_the_kinds_of_entries_apart(api: Api) -> None:
    document = api.get("/docs/openApi.json").get_json()
    entry = document["components"]["schemas"]["Timeline"]["properties"]["entries"]["items"]
    assert set(entry["discriminator"]["mapping"]) == {"accepted", "attempt", "action", "event"}
    decide = document["paths"]["/v1/shop-access/email/job/{eId}/decide"]["post"]
    assert {"200", "400", "404", "409"} <= set(decide["responses"])
    assert "still_looking" in decide["responses"]["409"]["description"]
