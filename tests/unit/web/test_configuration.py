"""Configurations over HTTP: made, read now and as they were, steered."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.configuration import Provisioned, Step, StepFailure
from shared.domain.dns import MailDns
from shared.domain.lifecycle import Administrative, Operational
from shared.messaging.messages import (
    ProvisionConfiguration,
    RemoveConfiguration,
    VerifyConfiguration,
)
from shared.ports.store import Store
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
    faults,
)
from web.moments import milliseconds

WANTED = {"sendingDomainSlug": "acme", "signatureRequest": {"fromName": "Acme"}}
PATH = f"/configuration/{CONFIGURATION}"
PENDING = {"operational": Operational.PENDING, "administrative": Administrative.LOCKED}


def test_a_new_configuration_is_pending_and_locked_with_its_names(api: Api) -> None:
    response = api.post("/configuration", WANTED)
    record = response.get_json()
    payload = record["payload"]
    assert response.status_code == 201
    assert response.headers["Location"].endswith(f"/configuration/{payload['eId']}")
    assert (payload["operational"], payload["administrative"]) == ("PENDING", "LOCKED")
    assert payload["canSend"] is False
    assert payload["sendingDomain"] == "acme.dev.ardamails.com"
    assert payload["serverName"] == "ardamails-dev-acme"
    assert payload["fromAddress"] == "noreply@acme.dev.ardamails.com"
    assert payload["allowedSignals"] == ["provision", "remove"]
    assert payload["inFlight"] == 0
    assert payload["operationalSince"] == payload["administrativeSince"] == payload["createdAt"]
    assert record["metadata"]["tenantId"] == str(TENANT)
    assert record["author"] == AUTHOR
    assert record["previous"] is None
    assert record["retired"] is False
    assert api.get(f"/configuration/{payload['eId']}").get_json() == record


def test_what_was_asked_of_the_signature_is_kept(api: Api) -> None:
    asked = {"fromLocalPart": "billing", "fromName": "Acme, Bills", "replyToEmail": "Help@acme.example"}
    payload = api.post("/configuration", {**WANTED, "signatureRequest": asked}).get_json()["payload"]
    assert payload["signatureRequest"] == asked
    assert payload["fromAddress"] == "billing@acme.dev.ardamails.com"


def test_a_slug_in_use_is_409(api: Api) -> None:
    api.post("/configuration", WANTED)
    response = api.post("/configuration", WANTED, headers={"X-Tenant-Id": str(OTHER_TENANT)})
    assert code(response) == (409, "slug_in_use")
    assert list(faults(response)) == ["sendingDomainSlug"]


def test_what_provisioning_knows_is_told_and_what_it_keeps_secret_is_not(api: Api, store: Store) -> None:
    a_configuration(
        store,
        provisioned=Provisioned(
            server_id=7, server_token="a1.kv1:sealed", signature_id=8, domain_id=9, webhook_id=10
        ),
        dns=MailDns("k._domainkey.acme.x", "k=rsa; p=AB", "pm-bounces.acme.x", "pm.mtasv.net"),
        failure=StepFailure(Step.INSTALL_WEBHOOK, "1364", "the test post was not answered"),
        verification_started_at=LONG_AGO,
        verification_due_at=LONG_AGO,
    )
    response = api.get(PATH)
    payload = response.get_json()["payload"]
    started_at = payload["verification"]["startedAt"]
    assert payload["postmarkServerId"] == 7
    assert payload["postmarkSignatureId"] == 8
    assert payload["postmarkDomainId"] == 9
    assert payload["postmarkWebhookId"] == 10
    assert payload["dns"][0] == {"name": "k._domainkey.acme.x", "type": "TXT", "value": "k=rsa; p=AB"}
    assert payload["dns"][1]["type"] == "CNAME"
    assert payload["failure"] == {
        "step": "installWebhook",
        "code": "1364",
        "message": "the test post was not answered",
    }
    assert payload["verification"]["windowEndsAt"] - started_at == 24 * 3_600_000
    for hidden in ("sealed", "token", "Token", "hash", "Hash"):
        assert hidden not in response.get_data(as_text=True)


def test_each_state_says_since_when_it_holds(api: Api, store: MemoryStore) -> None:
    a_configuration(store, administrative=Administrative.LOCKED)
    payload = api.post(f"{PATH}/unlock").get_json()["payload"]
    assert payload["operationalSince"] == milliseconds(LONG_AGO)
    assert payload["administrativeSince"] == milliseconds(store.clock.now())
    first, second = api.get(f"{PATH}/history").get_json()["records"]
    assert first["payload"]["administrativeSince"] == milliseconds(LONG_AGO)
    assert second["payload"]["administrativeSince"] == payload["administrativeSince"]


def test_the_next_check_is_told_as_the_last_one_left_it(api: Api, store: MemoryStore) -> None:
    awaiting = {"operational": Operational.AWAITING_VERIFICATION, "administrative": Administrative.LOCKED}
    a_configuration(store, **awaiting, verification_started_at=LONG_AGO, verification_due_at=LONG_AGO)
    with store.begin() as tx:
        tx.configurations.take_verification(CONFIGURATION, next_due_seconds=30, window_seconds=1)
    shown = api.get(PATH).get_json()["payload"]["verification"]
    (listed,) = api.post("/configuration/query").get_json()["results"]
    (record,) = api.get(f"{PATH}/history").get_json()["records"]
    assert shown["nextCheckAt"] == milliseconds(store.clock.now()) + 30_000
    for elsewhere in (listed, record):
        assert elsewhere["payload"]["verification"] == {**shown, "nextCheckAt": None}


@pytest.mark.parametrize("path", ["", "/history", "?effectiveAsOf=1", "/lock"])
def test_another_tenants_configuration_is_404(api: Api, store: Store, path: str) -> None:
    a_configuration(store, tenant_id=OTHER_TENANT)
    call = api.post if path == "/lock" else api.get
    assert code(call(PATH + path)) == (404, "not_found")


def test_a_signal_leaves_a_record_of_who_and_why(api: Api, store: Store) -> None:
    a_configuration(store)
    response = api.post(f"{PATH}/lock", {"reason": "invoice unpaid"}, headers={"X-Author": "olga"})
    first, second = api.get(f"{PATH}/history").get_json()["records"]
    assert response.status_code == 200
    assert response.get_json()["payload"]["administrative"] == "LOCKED"
    assert second["rId"] == response.get_json()["rId"]
    assert second["author"] == "olga"
    assert second["metadata"]["cause"] == "signal:lock"
    assert second["metadata"]["reason"] == "invoice unpaid"
    assert second["previous"] == first["rId"]
    assert first["payload"]["administrative"] == "UNLOCKED"


@pytest.mark.parametrize(
    ("signal", "before", "status", "after", "rung"),
    [
        ("provision", PENDING, 202, ("PROVISIONING", "LOCKED"), [ProvisionConfiguration(CONFIGURATION)]),
        (
            "re-provision",
            {**PENDING, "operational": Operational.MISSING},
            202,
            ("PROVISIONING", "LOCKED"),
            [ProvisionConfiguration(CONFIGURATION)],
        ),
        (
            "re-verify",
            {**PENDING, "operational": Operational.UNVERIFIED},
            202,
            ("AWAITING_VERIFICATION", "LOCKED"),
            [VerifyConfiguration(CONFIGURATION)],
        ),
        ("unlock", {"administrative": Administrative.LOCKED}, 200, ("OK", "UNLOCKED"), []),
        ("lock", {}, 200, ("OK", "LOCKED"), []),
        ("force-lock", {"administrative": Administrative.LOCKING}, 200, ("OK", "LOCKED"), []),
        ("remove", PENDING, 202, ("PENDING", "LOCKED"), [RemoveConfiguration(CONFIGURATION)]),
    ],
)
def test_a_signal_moves_the_configuration_and_rings_for_the_work(
    api: Api,
    store: Store,
    doorbell: RecordingDoorbell,
    signal: str,
    before: dict[str, Any],
    status: int,
    after: tuple[str, str],
    rung: list[Any],
) -> None:
    a_configuration(store, **before)
    response = api.post(f"{PATH}/{signal}")
    payload = response.get_json()["payload"]
    assert response.status_code == status
    assert (payload["operational"], payload["administrative"]) == after
    assert doorbell.rung == rung


@pytest.mark.parametrize(
    ("signal", "before"),
    [
        ("provision", {}),
        ("provision", {**PENDING, "operational": Operational.PROVISIONING}),
        ("unlock", {}),
        ("lock", {"administrative": Administrative.LOCKED}),
        ("force-lock", {"administrative": Administrative.LOCKED}),
        ("re-verify", {}),
        ("remove", {**PENDING, "retired_at": LONG_AGO}),
    ],
)
def test_a_signal_whose_goal_holds_is_200_and_changes_nothing(
    api: Api, store: Store, doorbell: RecordingDoorbell, signal: str, before: dict[str, Any]
) -> None:
    a_configuration(store, **before)
    assert api.post(f"{PATH}/{signal}").status_code == 200
    assert len(api.get(f"{PATH}/history").get_json()["records"]) == 1
    assert doorbell.rung == []


@pytest.mark.parametrize(
    ("signal", "before", "reason", "allowed"),
    [
        ("remove", {}, "not_locked", ["lock", "force-lock"]),
        ("unlock", PENDING, "not_provisioned", ["provision", "remove"]),
        ("re-provision", PENDING, "never_provisioned", ["provision", "remove"]),
        ("unlock", {"administrative": Administrative.LOCKING}, "draining", ["force-lock"]),
        ("lock", {"retired_at": LONG_AGO}, "retired", []),
    ],
)
def test_a_signal_that_makes_no_sense_is_409_and_told_which_do(
    api: Api, store: Store, signal: str, before: dict[str, Any], reason: str, allowed: list[str]
) -> None:
    held = a_configuration(store, **before)
    response = api.post(f"{PATH}/{signal}")
    body = response.get_json()
    assert code(response) == (409, "signal_refused")
    assert body["reason"] == reason
    assert body["allowedSignals"] == allowed
    assert (body["operational"], body["administrative"]) == (held.operational, held.administrative)


def test_a_tenant_has_one_unlocked_configuration_at_a_time(api: Api, store: Store) -> None:
    a_configuration(store)
    second = UUID(int=2)
    a_configuration(
        store, e_id=second, slug="second", administrative=Administrative.LOCKED, routing_token_hash=None
    )
    response = api.post(f"/configuration/{second}/unlock")
    assert code(response) == (409, "signal_refused")
    assert response.get_json()["reason"] == "tenant_has_another_sendable"
    assert "unlock" not in response.get_json()["allowedSignals"]


def test_a_lock_drains_what_is_in_flight(api: Api, store: Store) -> None:
    a_configuration(store)
    api.send(a_job())
    response = api.post(f"{PATH}/lock")
    assert response.status_code == 202
    assert response.get_json()["payload"]["administrative"] == "LOCKING"
    assert response.get_json()["payload"]["inFlight"] == 1


def test_a_forced_lock_cancels_what_waits_in_the_same_breath(api: Api, store: Store) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    response = api.post(f"{PATH}/force-lock")
    assert response.status_code == 200
    assert response.get_json()["payload"]["inFlight"] == 0
    assert api.get(f"/job/{job_id}").get_json()["payload"]["status"] == "CANCELLED"


def test_a_removed_configuration_can_still_be_read(api: Api, store: Store) -> None:
    a_configuration(store, administrative=Administrative.LOCKED)
    assert api.post(f"{PATH}/remove").get_json()["retired"] is True
    assert api.get(PATH).get_json()["retired"] is True
    assert code(api.post(f"{PATH}/unlock")) == (409, "signal_refused")


def test_what_is_read_and_not_signalled_is_allowed_to_be_read_only(api: Api, store: Store) -> None:
    a_configuration(store)
    response = api.post(f"{PATH}/history")
    assert code(response) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("signal", ["explode", "provisioned", "verified", "PROVISION"])
def test_what_is_no_signal_is_404(api: Api, store: Store, signal: str) -> None:
    a_configuration(store)
    assert code(api.post(f"{PATH}/{signal}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "at"), [({"reason": 7}, "reason"), ({"why": "x"}, "why"), ({"reason": "x" * 1001}, "reason")]
)
def test_a_signals_body_holds_a_reason_and_nothing_else(api: Api, store: Store, body: Any, at: str) -> None:
    a_configuration(store)
    response = api.post(f"{PATH}/lock", body)
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [at]


def test_a_record_can_be_read_as_of_the_time_it_was_told_for(api: Api, store: Store) -> None:
    created = api.post("/configuration", WANTED).get_json()
    path = f"/configuration/{created['payload']['eId']}"
    at = created["asOf"]["effective"]
    for query in (f"effectiveAsOf={at}", f"EFFECTIVEASOF={at}", f"recordedasof={at}&effectiveAsOf={at}"):
        assert api.get(f"{path}?{query}").get_json()["rId"] == created["rId"]
    assert code(api.get(f"{path}?effectiveAsOf={at - 1}")) == (404, "not_found")


def test_a_history_can_be_read_as_far_as_it_went_by_then(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    began_at = milliseconds(store.clock.now())
    store.advance(seconds=60)
    api.post(f"{PATH}/lock")

    def causes(query: str) -> list[str]:
        records = api.get(f"{PATH}/history{query}").get_json()["records"]
        return [record["metadata"]["cause"] for record in records]

    assert causes("") == ["create", "signal:lock"]
    for name in ("effectiveAsOf", "RECORDEDASOF"):
        assert causes(f"?{name}={began_at}") == ["create"]
        assert causes(f"?{name}={began_at - 1}") == []
        assert causes(f"?{name}={began_at + 60_000}") == ["create", "signal:lock"]


@pytest.mark.parametrize(
    ("path", "query", "at"),
    [
        ("", "effective_as_of=1", "effective_as_of"),
        ("", "effectiveAsOf=1&asOf=1", "asOf"),
        ("/history", "since=1", "since"),
        ("/verification", "effectiveasof=1", "effectiveAsOf"),
        ("/query", "asOf=1", "asOf"),
    ],
)
def test_a_parameter_that_would_be_lost_is_refused(
    api: Api, store: MemoryStore, path: str, query: str, at: str
) -> None:
    a_configuration(store)
    response = (
        api.post(f"/configuration/query?{query}") if path == "/query" else api.get(f"{PATH}{path}?{query}")
    )
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [at]


@pytest.mark.parametrize(
    "moment", ["", "now", "-1", "1.5", "9" * 15, "9" * 16, "\u0661", "1&effectiveAsOf=2"]
)
def test_a_moment_that_is_none_is_400(api: Api, store: Store, moment: str) -> None:
    a_configuration(store)
    response = api.get(f"{PATH}?effectiveAsOf={moment}")
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == ["effectiveAsOf"]


def test_an_unknown_configuration_is_404(api: Api) -> None:
    assert code(api.get(f"/configuration/{UNKNOWN}")) == (404, "not_found")
    assert code(api.post(f"/configuration/{UNKNOWN}/lock")) == (404, "not_found")
