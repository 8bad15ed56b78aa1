"""Queries over HTTP: what a caller writes, what is found, and in which order."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID

import pytest

from shared.domain.lifecycle import Administrative, Operational
from tests.fakes.store import MemoryStore
from tests.unit.web.api import OTHER_TENANT, Api, a_configuration, a_job, code, faults
from web.moments import milliseconds

# Slug to states, made a minute apart.
MADE = {
    "acme": (Operational.OK, Administrative.UNLOCKED),
    "birch": (Operational.PENDING, Administrative.LOCKED),
    "cedar": (Operational.OK, Administrative.LOCKED),
    "delta": (Operational.MISSING, Administrative.LOCKED),
}
SLUGS = list(MADE)


def e_id_of(slug: str) -> UUID:
    return UUID(int=SLUGS.index(slug) + 1)


@pytest.fixture
def made(store: MemoryStore) -> dict[str, int]:
    """Slug to `createdAt`; and one of another tenant, which must never be found. The last one is retired."""
    created: dict[str, int] = {}
    a_configuration(store, e_id=UUID(int=99), tenant_id=OTHER_TENANT, slug="strange")
    for slug, (operational, administrative) in MADE.items():
        now = store.advance(seconds=60)
        a_configuration(
            store,
            e_id=e_id_of(slug),
            slug=slug,
            operational=operational,
            administrative=administrative,
            routing_token_hash=None,
            retired_at=now if slug == "delta" else None,
            created_at=now,
            updated_at=now,
        )
        created[slug] = milliseconds(now)
    return created


def found(api: Api, **asked: Any) -> list[str]:
    response = api.post("/configuration/query", asked)
    assert response.status_code == 200, response.get_json()
    return [row["payload"]["sendingDomainSlug"] for row in response.get_json()["results"]]


def leaf(locator: str, **said: Any) -> dict[str, Any]:
    return {"locator": locator, **said}


SLUG = "sendingDomainSlug"
FILTERS: list[tuple[Any, list[str]]] = [
    (True, SLUGS),
    (leaf(SLUG, eq="birch"), ["birch"]),
    (leaf(SLUG, ne="birch"), ["acme", "cedar", "delta"]),
    (leaf(SLUG, gt="birch"), ["cedar", "delta"]),
    (leaf(SLUG, ge="birch"), ["birch", "cedar", "delta"]),
    (leaf(SLUG, lt="birch"), ["acme"]),
    (leaf(SLUG, le="birch"), ["acme", "birch"]),
    ({"locator": SLUG, "in": ["delta", "acme", "strange"]}, ["acme", "delta"]),
    ({"locator": SLUG, "in": []}, []),
    (leaf(SLUG, isNull=True), []),
    (leaf(SLUG, isNull=False), SLUGS),
    (leaf("eId", eq=str(e_id_of("cedar"))), ["cedar"]),
    (leaf("retired", eq=True), ["delta"]),
    (leaf("retired", ne=True), ["acme", "birch", "cedar"]),
    ({"locator": "retired", "in": [True, False]}, SLUGS),
    (leaf("administrative", eq="UNLOCKED"), ["acme"]),
    ({"not": leaf("administrative", eq="LOCKED")}, ["acme"]),
    ({"not": {"not": leaf("operational", eq="OK")}}, ["acme", "cedar"]),
    ({"and": [leaf("operational", eq="OK"), leaf("administrative", eq="LOCKED")]}, ["cedar"]),
    ({"or": [leaf("operational", eq="PENDING"), leaf(SLUG, eq="delta"), {"not": True}]}, ["birch", "delta"]),
    (
        {"and": [True, {"or": [leaf(SLUG, lt="b"), {"not": leaf("retired", eq=False)}]}]},
        ["acme", "delta"],
    ),
]


@pytest.mark.parametrize(("filter_", "expected"), FILTERS, ids=[str(filter_) for filter_, _ in FILTERS])
def test_a_filter_finds_what_it_says_and_only_of_the_tenant(
    api: Api, made: dict[str, int], filter_: Any, expected: list[str]
) -> None:
    assert found(api, filter=filter_) == expected


def test_times_are_asked_for_as_they_were_told(api: Api, made: dict[str, int]) -> None:
    at = made["birch"]
    assert found(api, filter=leaf("createdAt", eq=at)) == ["birch"]
    assert found(api, filter=leaf("createdAt", gt=at)) == ["cedar", "delta"]
    assert found(api, filter=leaf("updatedAt", le=at)) == ["acme", "birch"]
    assert found(api, filter={"locator": "createdAt", "in": [at, at + 1]}) == ["birch"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([], SLUGS),
        ([{"locator": SLUG, "descending": True}], SLUGS[::-1]),
        (
            [{"locator": "operational"}, {"locator": SLUG, "descending": True}],
            ["delta", "cedar", "acme", "birch"],
        ),
        (
            [{"locator": "operational", "descending": True}, {"locator": SLUG}],
            ["birch", "acme", "cedar", "delta"],
        ),
        ([{"locator": "administrative"}], ["birch", "cedar", "delta", "acme"]),
    ],
)
def test_rows_come_in_the_order_asked_for_and_equal_ones_by_id(
    api: Api, made: dict[str, int], sort: list[dict[str, Any]], expected: list[str]
) -> None:
    assert found(api, sort=sort) == expected


def test_a_page_of_configurations_leads_to_the_next_with_the_same_question(
    api: Api, made: dict[str, int]
) -> None:
    asked = {"filter": leaf("administrative", eq="LOCKED"), "paginate": {"size": 2}}
    first = api.post("/configuration/query", asked).get_json()
    second = api.post("/configuration/query", {"page": first["nextPage"]}).get_json()
    slugs = [row["payload"]["sendingDomainSlug"] for page in (first, second) for row in page["results"]]
    assert slugs == ["birch", "cedar", "delta"]
    assert second["nextPage"] is None
    assert api.post("/configuration/query", {"page": second["previousPage"]}).get_json() == first


@pytest.mark.parametrize(
    ("filter_", "at"),
    [
        (leaf("operational", eq="FINE"), "operational"),
        (leaf("administrative", eq=True), "administrative"),
        (leaf("retired", eq="true"), "retired"),
        (leaf("retired", gt=False), "retired"),
        (leaf("createdAt", eq="2026-01-05"), "createdAt"),
        (leaf("createdAt", ge=-1), "createdAt"),
        (leaf("createdAt", ge=10**15), "createdAt"),
        (leaf("eId", eq="7"), "eId"),
        ({"locator": "operational", "in": ["OK", "FINE"]}, "operational"),
        (leaf("serverToken", isNull=True), "locator"),
        (leaf("tenant_id", eq=str(OTHER_TENANT)), "locator"),
    ],
)
def test_a_value_that_the_field_cannot_have_is_400_and_told_where(api: Api, filter_: Any, at: str) -> None:
    response = api.post("/configuration/query", {"filter": filter_})
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == [at]


JOBS: list[tuple[Any, list[str]]] = [
    (leaf("tag", isNull=True), ["plain"]),
    (leaf("tag", isNull=False), ["early", "late"]),
    (leaf("tag", ne="a"), ["plain", "late"]),
    (leaf("tag", gt="a"), ["late"]),
    ({"not": leaf("tag", gt="a")}, ["plain", "early"]),
    (leaf("providerMessageId", isNull=True), ["plain", "early", "late"]),
    ({"and": [leaf("status", eq="QUEUED"), {"locator": "tag", "in": ["a", "z"]}]}, ["early", "late"]),
    (leaf("recipient", eq="person@example.com"), ["plain", "early", "late"]),
]


@pytest.mark.parametrize(("filter_", "expected"), JOBS, ids=[str(filter_) for filter_, _ in JOBS])
def test_jobs_are_found_also_by_what_they_lack(
    api: Api, store: MemoryStore, filter_: Any, expected: list[str]
) -> None:
    a_configuration(store)
    for key, tag in (("plain", None), ("early", "a"), ("late", "z")):
        api.send(a_job(tag=tag), key=key)
        store.advance(seconds=1)
    page = api.post("/job/query", {"filter": filter_}).get_json()
    assert [row["payload"]["idempotencyKey"] for row in page["results"]] == expected


@pytest.mark.parametrize("path", ["/job/query", "/configuration/query"])
@pytest.mark.parametrize("change", ["cut", "turned", "longer", "spaced"])
def test_a_token_that_was_tampered_with_is_400(
    api: Api, store: MemoryStore, made: dict[str, int], path: str, change: str
) -> None:
    token = api.post(path).get_json()["thisPage"]
    packed = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    packed[len(packed) // 2] ^= 1
    tampered = {
        "cut": token[:-6],
        "turned": urlsafe_b64encode(packed).decode(),
        "longer": token + "AAAA",
        "spaced": f"{token[:20]} {token[20:]}",
    }[change]
    response = api.post(path, {"page": tampered})
    assert code(response) == (400, "invalid_fields")
    assert list(faults(response)) == ["page"]


def test_a_token_of_one_route_is_no_way_into_another(
    api: Api, store: MemoryStore, made: dict[str, int]
) -> None:
    token = api.post("/job/query", {"filter": leaf("status", eq="SENT")}).get_json()["thisPage"]
    response = api.post("/configuration/query", {"page": token})
    assert code(response) == (400, "invalid_fields")


def test_a_token_of_another_tenant_finds_the_callers_own(api: Api, made: dict[str, int]) -> None:
    token = api.post("/configuration/query", {}, headers={"X-Tenant-Id": str(OTHER_TENANT)}).get_json()[
        "thisPage"
    ]
    page = api.post("/configuration/query", {"page": token}).get_json()
    assert [row["payload"]["sendingDomainSlug"] for row in page["results"]] == SLUGS
