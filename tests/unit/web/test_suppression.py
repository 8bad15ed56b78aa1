"""A tenant's suppression list over HTTP."""

from uuid import UUID

import pytest

from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.store import Store
from tests.unit.web.api import (
    AUTHOR,
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
