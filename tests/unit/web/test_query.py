"""Queries and their pages."""

import base64
import gzip
import json
from random import Random
from typing import Any

import pytest

from shared.domain.query import And, Compare, Everything, IsNull, Not, Operator, Or, Query, Sort
from shared.ports.store import Store
from tests.unit.web.api import Api, a_configuration, a_job, code
from web.paging import question_of
from web.problems import Problem


def token_of(said: Any) -> str:
    return base64.urlsafe_b64encode(gzip.compress(json.dumps(said).encode())).rstrip(b"=").decode()


def refused_at(said: dict[str, object]) -> str:
    with pytest.raises(Problem) as raised:
        question_of(said)
    assert raised.value.code == "invalid_fields"
    return raised.value.errors[0].field


def test_an_empty_body_asks_for_everything() -> None:
    assert question_of({}).query == Query(Everything(), (), 0, 100)


def test_a_filter_is_read_as_it_is_written() -> None:
    said: dict[str, object] = {
        "filter": {
            "and": [
                {"locator": "status", "in": ["SENT", "DELIVERED"]},
                {"or": [{"locator": "acceptedAt", "ge": 5}, {"not": {"locator": "tag", "isNull": True}}]},
                True,
            ]
        },
        "sort": [{"locator": "acceptedAt", "descending": True}, {"locator": "eId"}],
        "paginate": {"index": 20, "size": 10},
    }
    assert question_of(said).query == Query(
        And(
            (
                Compare("status", Operator.IN, ("SENT", "DELIVERED")),
                Or((Compare("acceptedAt", Operator.GE, 5), Not(IsNull("tag")))),
                Everything(),
            )
        ),
        (Sort("acceptedAt", True), Sort("eId")),
        20,
        10,
    )


@pytest.mark.parametrize(
    ("filter_", "at"),
    [
        (False, "filter"),
        (None, "filter"),
        ("true", "filter"),
        ([], "filter"),
        ({}, "filter.locator"),
        ({"locator": 7, "eq": 1}, "filter.locator"),
        ({"locator": "x" * 65, "eq": 1}, "filter.locator"),
        ({"locator": "status"}, "filter"),
        ({"locator": "status", "like": "%"}, "filter"),
        ({"locator": "status", "ge": 1, "le": 2}, "filter"),
        ({"locator": "status", "eq": None}, "filter.eq"),
        ({"locator": "status", "eq": 1.5}, "filter.eq"),
        ({"locator": "status", "eq": [1]}, "filter.eq"),
        ({"locator": "status", "eq": 2**63}, "filter.eq"),
        ({"locator": "status", "eq": "x" * 1001}, "filter.eq"),
        ({"locator": "status", "in": "SENT"}, "filter.in"),
        ({"locator": "status", "in": [["SENT"]]}, "filter.in"),
        ({"locator": "status", "in": ["SENT"] * 501}, "filter.in"),
        ({"locator": "status", "isNull": "yes"}, "filter.isNull"),
        ({"and": []}, "filter.and"),
        ({"or": {}}, "filter.or"),
        ({"and": [True], "or": [True]}, "filter"),
        ({"not": {"locator": "status", "isNull": True}, "locator": "tag"}, "filter"),
        ({"and": [True, {"not": 7}]}, "filter.and.1.not"),
        ({"or": [{"locator": "tag", "isNull": True}] * 201}, "filter.or.200"),
    ],
)
def test_a_filter_that_is_none_is_told_where(filter_: Any, at: str) -> None:
    assert refused_at({"filter": filter_}) == at


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"sort": "status"}, "sort"),
        ({"sort": ["status"]}, "sort.0"),
        ({"sort": [{"locator": "status", "order": "asc"}]}, "sort.0"),
        ({"sort": [{"locator": "status", "descending": 1}]}, "sort.0.descending"),
        ({"sort": [{"locator": "status"}] * 9}, "sort"),
        ({"paginate": {"size": 501}}, "paginate.size"),
        ({"paginate": {"size": 0}}, "paginate.size"),
        ({"paginate": {"index": -1}}, "paginate.index"),
        ({"paginate": {"index": 10_000_001}}, "paginate.index"),
        ({"paginate": {"index": True}}, "paginate.index"),
        ({"paginate": []}, "paginate"),
        ({"select": "*"}, "select"),
        ({"page": 7}, "page"),
        ({"page": "x", "filter": True}, "filter"),
    ],
)
def test_a_query_that_is_none_is_told_where(said: dict[str, object], at: str) -> None:
    assert refused_at(said) == at


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not a token",
        "é",
        base64.urlsafe_b64encode(b"no gzip").decode(),
        base64.urlsafe_b64encode(gzip.compress(b"{}")[:-4]).decode(),
        base64.urlsafe_b64encode(gzip.compress(b"{}") + b"more").decode(),
        token_of({"page": "again"}),
        "A" * 65_537,
    ],
)
def test_a_token_that_cannot_be_read_is_refused(token: str) -> None:
    assert refused_at({"page": token}) == "page"


@pytest.mark.parametrize("said", [[], "x", {"filter": "x" * 70_000}])
def test_a_token_that_unpacks_to_no_query_is_refused(said: Any) -> None:
    with pytest.raises(Problem):
        question_of({"page": token_of(said)})


def test_a_small_token_cannot_unpack_to_a_large_text() -> None:
    bomb = base64.urlsafe_b64encode(gzip.compress(b" " * 10_000_000)).decode()
    assert len(bomb) < 20_000
    assert refused_at({"page": bomb}) == "page"


def test_a_tokens_query_is_held_to_the_same_limits() -> None:
    assert refused_at({"page": token_of({"paginate": {"size": 501}})}) == "paginate.size"


def noise(seed: int, size: int, alphabet: str) -> str:
    return "".join(Random(seed).choices(alphabet, k=size))


@pytest.mark.parametrize(
    ("alphabet", "sizes"),
    [
        # Three bytes each, in a query of just under 65,536 bytes; escaped they would be twice as many.
        ("\u4e00\u6587\u5b57\u7b26\u9580\u9b5a", [1000] * 21 + [700]),
        # What no compression makes shorter by much.
        ("".join(map(chr, range(0x30, 0x5B))) + "".join(map(chr, range(0x61, 0x7F))), [1000] * 65),
    ],
)
def test_every_token_that_is_given_can_be_sent_back(api: Api, alphabet: str, sizes: list[int]) -> None:
    texts = [noise(seed, size, alphabet) for seed, size in enumerate(sizes)]
    asked = json.dumps({"filter": {"locator": "recipient", "in": texts}}, ensure_ascii=False)
    first = api.post("/job/query", data=asked.encode(), content_type="application/json")
    assert first.status_code == 200
    again = api.post("/job/query", {"page": first.get_json()["thisPage"]})
    assert again.get_json() == first.get_json()


def test_a_question_that_is_too_long_is_413_and_no_token_holds_it(api: Api) -> None:
    filter_ = {"locator": "recipient", "in": ["x" * 1000] * 66}
    for asked in ({"filter": filter_}, {"filter": {"not": filter_}, "sort": [{"locator": "eId"}]}):
        assert code(api.post("/job/query", asked)) == (413, "body_too_large")
    assert refused_at({"page": token_of({"filter": filter_})}) == "page"
    assert code(api.post("/job/query", {"filter": ["x" * 1000] * 100})) == (413, "body_too_large")


def test_pages_lead_through_all_rows_and_back(api: Api, store: Store) -> None:
    a_configuration(store)
    for number in range(5):
        api.send(a_job(subject=f"Order {number}"), key=f"k{number}")
    asked = {"sort": [{"locator": "idempotencyKey"}], "paginate": {"size": 2}}
    seen, pages = [], []
    page: Any = api.post("/job/query", asked).get_json()
    while True:
        seen += [row["payload"]["idempotencyKey"] for row in page["results"]]
        pages.append(page)
        if page["nextPage"] is None:
            break
        page = api.post("/job/query", {"page": page["nextPage"]}).get_json()
    assert seen == ["k0", "k1", "k2", "k3", "k4"]
    assert [len(page["results"]) for page in pages] == [2, 2, 1]
    assert pages[0]["previousPage"] is None
    assert api.post("/job/query", {"page": pages[2]["previousPage"]}).get_json() == pages[1]
    assert api.post("/job/query", {"page": pages[1]["thisPage"]}).get_json() == pages[1]


@pytest.mark.parametrize("path", ["/job/query", "/configuration/query", "/configuration/suppression/query"])
def test_a_field_that_does_not_exist_is_400(api: Api, path: str) -> None:
    for asked in ({"filter": {"locator": "colour", "eq": "red"}}, {"sort": [{"locator": "colour"}]}):
        assert code(api.post(path, asked)) == (400, "invalid_fields")


def test_the_tenants_configurations_are_found_by_their_payload(api: Api, store: Store) -> None:
    a_configuration(store)
    found = api.post("/configuration/query", {"filter": {"locator": "operational", "eq": "OK"}}).get_json()
    (row,) = found["results"]
    assert row["payload"]["sendingDomainSlug"] == "acme"
    assert row["payload"]["allowedSignals"] == ["lock", "force-lock"]
    none = api.post("/configuration/query", {"filter": {"locator": "operational", "eq": "MISSING"}})
    assert none.get_json()["results"] == []


def test_a_query_without_a_body_is_everything(api: Api, store: Store) -> None:
    a_configuration(store)
    assert len(api.post("/configuration/query").get_json()["results"]) == 1
