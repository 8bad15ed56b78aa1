"""Questions about the past over HTTP: the moments are parameters, and a page's token holds them."""

from typing import Any

import pytest

from tests.fakes.store import MemoryStore
from tests.unit.web.api import OTHER_TENANT, Api, a_configuration, code, faults
from web.moments import milliseconds

PATH = "/configuration/query"


@pytest.fixture
def moments(api: Api, store: MemoryStore) -> list[int]:
    """`acme`, `birch` and `cedar` are made a minute apart, then `acme` is locked; when each of the four happened."""
    at = []
    a_configuration(store, e_id=OTHER_TENANT, tenant_id=OTHER_TENANT, slug="strange", routing_token_hash=None)
    for slug in ("acme", "birch", "cedar"):
        made = api.post("/configuration", {"sendingDomainSlug": slug, "signatureRequest": {"fromName": slug}})
        assert made.status_code == 201
        at.append(made.get_json()["asOf"]["recorded"])
        store.advance(seconds=60)
    first = found(api, {"filter": {"locator": "sendingDomainSlug", "eq": "acme"}})["results"][0]
    e_id = first["payload"]["eId"]
    assert api.post(f"/configuration/{e_id}/provision").status_code == 202
    return [*at, milliseconds(store.clock.now())]


def found(api: Api, asked: Any = None, query: str = "") -> Any:
    response = api.post(f"{PATH}{query}", asked)
    assert response.status_code == 200, response.get_json()
    return response.get_json()


def slugs(answer: Any) -> list[str]:
    return [row["payload"]["sendingDomainSlug"] for row in answer["results"]]


@pytest.mark.parametrize("parameter", ["effectiveAsOf", "recordedasof"])
def test_it_finds_what_was_there_then(api: Api, moments: list[int], parameter: str) -> None:
    for number, expected in enumerate((["acme"], ["acme", "birch"], ["acme", "birch", "cedar"])):
        assert slugs(found(api, query=f"?{parameter}={moments[number]}")) == expected
    assert slugs(found(api, query=f"?{parameter}={moments[0] - 1}")) == []


def test_the_filter_asks_about_what_held_then(api: Api, moments: list[int]) -> None:
    pending = {"filter": {"locator": "operational", "eq": "PENDING"}}
    assert slugs(found(api, pending)) == ["birch", "cedar"]
    then = found(api, pending, f"?effectiveAsOf={moments[3] - 1}")
    assert slugs(then) == ["acme", "birch", "cedar"]
    assert [row["payload"]["operational"] for row in then["results"]] == ["PENDING"] * 3
    assert slugs(found(api, pending, f"?effectiveAsOf={moments[3]}")) == ["birch", "cedar"]


def test_records_of_the_past_do_not_say_what_is_allowed_now(api: Api, moments: list[int]) -> None:
    (row,) = found(api, query=f"?effectiveAsOf={moments[0]}")["results"]
    assert (row["payload"]["allowedSignals"], row["payload"]["inFlight"]) == (None, None)


def test_states_can_be_asked_by_when_they_were_entered(api: Api, moments: list[int]) -> None:
    since = {"filter": {"locator": "operationalSince", "gt": moments[1]}}
    assert sorted(slugs(found(api, since))) == ["acme", "cedar"]
    newest = {"sort": [{"locator": "administrativeSince", "descending": True}]}
    assert slugs(found(api, newest)) == ["cedar", "birch", "acme"]


def test_a_page_of_the_past_turns_to_pages_of_the_same_moment(api: Api, moments: list[int]) -> None:
    at = f"?recordedAsOf={moments[1]}"
    first = found(api, {"paginate": {"size": 1}}, at)
    second = found(api, {"page": first["nextPage"]})
    assert (slugs(first), slugs(second), second["nextPage"]) == (["acme"], ["birch"], None)
    assert found(api, {"page": first["nextPage"]}, at) == second
    assert found(api, {"page": second["previousPage"]}) == first


def test_a_page_of_one_moment_is_not_asked_for_at_another(api: Api, moments: list[int]) -> None:
    then = found(api, query=f"?effectiveAsOf={moments[1]}")["thisPage"]
    now = found(api)["thisPage"]
    for token in (then, now):
        response = api.post(f"{PATH}?effectiveAsOf={moments[0]}", {"page": token})
        assert code(response) == (400, "invalid_fields")
        assert list(faults(response)) == ["page"]


@pytest.mark.parametrize("path", ["/job/query", "/configuration/suppression/query"])
def test_a_page_of_the_past_is_no_page_of_what_has_none(api: Api, moments: list[int], path: str) -> None:
    token = found(api, query=f"?effectiveAsOf={moments[1]}")["thisPage"]
    assert code(api.post(path, {"page": token})) == (400, "invalid_fields")


def test_moments_are_no_fields_of_a_question(api: Api) -> None:
    response = api.post(PATH, {"effectiveAsOf": 1})
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == ["effectiveAsOf"]
