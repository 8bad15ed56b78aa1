"""The gates of a job, in their order, and what comes of passing them."""

from datetime import datetime
from uuid import UUID

import pytest

from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.messaging.messages import SendJobs
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
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
    faults,
)
from web.moments import milliseconds


def suppress(store: Store, address: str = "person@example.com", since: datetime = LONG_AGO) -> None:
    entry = SuppressionEntry(
        e_id=UUID(int=7),
        tenant_id=TENANT,
        address=address,
        reason=SuppressionReason.HARD_BOUNCE,
        since=since,
        author="projection",
        created_at=since,
        updated_at=since,
    )
    with store.begin() as tx:
        tx.suppressions.add(entry)


def jobs_of(store: Store) -> int:
    with store.begin() as tx:
        return tx.jobs.in_flight(CONFIGURATION)


def test_an_accepted_job_is_answered_202_with_its_record_and_place(api: Api, store: Store) -> None:
    a_configuration(store)
    response = api.send(a_job(recipient=" Person@Example.COM ", tag="orders"), key="order-7")
    record = response.get_json()
    assert response.status_code == 202
    assert response.headers["Location"].endswith(f"/v1/shop-access/email/job/{record['payload']['eId']}")
    assert record["payload"]["status"] == "QUEUED"
    assert record["payload"]["recipient"] == "person@example.com"
    assert record["payload"]["tag"] == "orders"
    assert record["payload"]["idempotencyKey"] == "order-7"
    assert record["payload"]["error"] is None
    assert record["metadata"]["tenantId"] == str(TENANT)
    assert record["author"] == AUTHOR
    assert record["previous"] is None
    assert record["asOf"]["effective"] == record["payload"]["acceptedAt"]


def test_an_accepted_job_rings_for_its_configuration_alone(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    api.send(a_job())
    assert doorbell.rung == [SendJobs(CONFIGURATION)]


def test_a_job_is_accepted_while_the_broker_is_away(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    doorbell.down = True
    assert api.send(a_job()).status_code == 202
    assert jobs_of(store) == 1


def test_bodies_are_kept_for_the_worker_and_never_answered(api: Api, store: Store) -> None:
    a_configuration(store)
    sent = api.send(a_job(htmlBody="<p>hush</p>", metadata={"order": "7"})).get_json()
    read = api.get(f"/job/{sent['payload']['eId']}")
    assert read.get_json() == sent
    assert "hush" not in read.get_data(as_text=True)
    with store.begin() as tx:
        claim = tx.jobs.claim(CONFIGURATION, claim_id=UUID(int=1), limit=10, lease_seconds=60)
    (job,) = claim.jobs
    assert job.content.html_body == "<p>hush</p>"
    assert job.content.metadata == {"order": "7"}


@pytest.mark.parametrize("key", [None, "", "x" * 256, "naïve", "tab\there"])
def test_a_job_without_a_usable_key_is_400(api: Api, key: str | None) -> None:
    response = api.post("/job", a_job(), headers={"Idempotency-Key": key})
    assert code(response) == (400, "invalid_header")
    assert list(faults(response)) == ["Idempotency-Key"]


def test_the_same_request_again_is_answered_with_the_job_as_it_is_now(
    api: Api, store: Store, doorbell: RecordingDoorbell
) -> None:
    a_configuration(store)
    first = api.send(a_job()).get_json()
    doorbell.rung.clear()
    with store.begin() as tx:
        tx.jobs.claim(CONFIGURATION, claim_id=UUID(int=1), limit=10, lease_seconds=60)
    again = api.send(dict(reversed(a_job().items())))
    assert again.status_code == 200
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.get_json()["payload"]["eId"] == first["payload"]["eId"]
    assert again.get_json()["payload"]["status"] == "SENDING"
    assert again.get_json()["rId"] != first["rId"]
    assert again.get_json()["previous"] is not None
    assert doorbell.rung == []


def test_a_replay_comes_before_every_later_gate(api: Api, store: Store) -> None:
    a_configuration(store)
    api.send(a_job())
    suppress(store)
    assert api.post(f"/configuration/{CONFIGURATION}/lock").status_code == 202
    assert code(api.send(a_job(), key="k2")) == (409, "locking")
    assert api.send(a_job()).status_code == 200


def test_the_same_key_with_another_body_is_422(api: Api, store: Store) -> None:
    a_configuration(store)
    api.send(a_job())
    assert code(api.send(a_job(subject="Another"))) == (422, "key_reused")
    assert jobs_of(store) == 1


def test_a_key_is_unique_in_its_tenant_only(api: Api, store: Store) -> None:
    other = UUID(int=5)
    a_configuration(store)
    a_configuration(store, e_id=other, tenant_id=OTHER_TENANT, slug="other", routing_token_hash=None)
    api.send(a_job())
    headers = {"Idempotency-Key": "k1", "X-Tenant-Id": str(OTHER_TENANT)}
    response = api.post("/job", a_job(configurationEId=str(other)), headers=headers)
    assert response.status_code == 202


def test_the_key_of_an_inconsistent_job_is_412(api: Api, store: Store) -> None:
    a_configuration(store)
    job_id = UUID(api.send(a_job()).get_json()["payload"]["eId"])
    with store.begin() as tx:
        (job,) = tx.jobs.for_events(CONFIGURATION, job_ids=[job_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id=None)
    assert code(api.send(a_job())) == (412, "job_inconsistent")


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
def test_an_unknown_configuration_and_another_tenants_are_one_404(
    api: Api, store: Store, tenant: UUID
) -> None:
    a_configuration(store, tenant_id=OTHER_TENANT)
    wanted = UNKNOWN if tenant == TENANT else CONFIGURATION
    response = api.send(a_job(configurationEId=str(wanted)))
    assert code(response) == (404, "not_found")
    assert jobs_of(store) == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"administrative": Administrative.LOCKED}, "locked"),
        ({"administrative": Administrative.LOCKING}, "locking"),
        ({"operational": Operational.AWAITING_VERIFICATION}, "not_verified"),
        ({"operational": Operational.UNVERIFIED}, "not_verified"),
        ({"operational": Operational.PENDING}, "not_provisioned"),
        ({"operational": Operational.FAILURE}, "failure"),
        ({"retired_at": LONG_AGO, "administrative": Administrative.LOCKED}, "retired"),
    ],
)
def test_a_configuration_that_does_not_send_is_409_with_the_reason(
    api: Api, store: Store, doorbell: RecordingDoorbell, changes: dict[str, object], word: str
) -> None:
    a_configuration(store, **changes)
    assert code(api.send(a_job())) == (409, word)
    assert jobs_of(store) == 0
    assert doorbell.rung == []


def test_a_degraded_configuration_sends(api: Api, store: Store) -> None:
    a_configuration(store, operational=Operational.DEGRADED)
    assert api.send(a_job()).status_code == 202


def test_a_suppressed_recipient_is_403_with_why_and_since_when(api: Api, store: Store) -> None:
    a_configuration(store)
    suppress(store)
    response = api.send(a_job(recipient="Person@Example.com"))
    assert code(response) == (403, "suppressed")
    assert response.get_json()["reason"] == "HARD_BOUNCE"
    assert response.get_json()["since"] == milliseconds(LONG_AGO)
    assert "person@example.com" not in response.get_data(as_text=True).lower()
    assert jobs_of(store) == 0


def test_a_locked_configuration_is_told_before_a_suppressed_recipient(api: Api, store: Store) -> None:
    a_configuration(store, administrative=Administrative.LOCKED)
    suppress(store)
    assert code(api.send(a_job())) == (409, "locked")


def test_a_refused_request_may_come_again_with_the_same_key_and_another_body(api: Api, store: Store) -> None:
    a_configuration(store)
    suppress(store)
    assert code(api.send(a_job())) == (403, "suppressed")
    assert api.send(a_job(recipient="other@example.com")).status_code == 202


def test_another_tenants_job_is_404(api: Api, store: Store) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    for path in (f"/job/{job_id}", f"/job/{job_id}/events"):
        assert code(api.get(path, headers={"X-Tenant-Id": str(OTHER_TENANT)})) == (404, "not_found")
        assert api.get(path).status_code == 200


@pytest.mark.parametrize("e_id", ["7", "not-an-id"])
def test_an_id_that_is_none_is_404(api: Api, e_id: str) -> None:
    assert code(api.get(f"/job/{e_id}")) == (404, "not_found")
