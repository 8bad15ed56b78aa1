"""The two descriptions of the interface, for programs and for people, and `docs/api.md` beside them."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from shared.persistence import locators
from tests.unit.web.api import Api
from tests.unit.web.openapi import Document, operations
from web.openapi.answers import problems_of
from web.openapi.document import described_of
from web.operation import Access
from web.problems import CATALOGUE

API_MD = Path(__file__).parents[3] / "docs" / "api.md"
BASE = "/v1/shop-access/email"
# Callers generate code from these: a new one is added here, and none is ever changed.
OPERATION_IDS = {
    "configuration_catch_up",
    "configuration_create",
    "configuration_gaps",
    "configuration_get",
    "configuration_history",
    "configuration_query",
    "configuration_signal",
    "configuration_verification",
    "configuration_webhook",
    "documentation_open_api",
    "documentation_read",
    "health_alive",
    "health_metrics",
    "health_ready",
    "job_decide",
    "job_events",
    "job_get",
    "job_query",
    "job_resolve",
    "job_submit",
    "job_submit_batch",
    "job_timeline",
    "postmark_events_receive",
    "suppression_add",
    "suppression_download",
    "suppression_lift",
    "suppression_query",
    "suppression_upload",
}


@pytest.fixture(scope="module")
def document(application: tuple[object, Api]) -> Document:
    described: Document = application[1].get("/docs/openApi.json").get_json()
    return described


@pytest.fixture(scope="module")
def page(application: tuple[object, Api]) -> str:
    return application[1].get("/docs").get_data(as_text=True)


def test_the_document_is_valid_openapi(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_route_but_the_consoles_is_described(api: Api, document: Document) -> None:
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule).replace("{e_id}", "{eId}"), method.lower())
        for rule in api.app.url_map.iter_rules()
        if not f"{rule.rule}/".startswith("/console/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_records_and_pages_are_called_by_what_is_in_them(document: Document) -> None:
    names = set(document["components"]["schemas"])
    for thing in ("Job", "Configuration", "Suppression"):
        assert {f"{thing}Record", f"{thing}Page", f"{thing}Query", f"{thing}Filter"} <= names
    assert [name for name in names if not name.isalnum()] == []


def test_operations_keep_their_ids(document: Document) -> None:
    assert set(operations(document)) == OPERATION_IDS


def test_every_operation_says_what_it_does_and_belongs_to_a_tag_that_is_described(document: Document) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert not operation["summary"].endswith("."), name
        assert operation["description"].endswith("."), name
        assert set(operation["tags"]) <= set(tags), name


def test_every_operation_names_its_problems_by_their_codes_at_their_statuses(api: Api) -> None:
    described = {each.operation_id: each for each in described_of(api.app)}
    for name, operation in operations(document_of(api)).items():
        found = described[name].found
        for code in problems_of(found):
            answer = operation["responses"][str(CATALOGUE[code].status)]
            content = answer["content"]["application/problem+json"]
            assert code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]
            assert code in {shown["value"]["code"] for shown in content["examples"].values()}
            assert f"`{code}`" in answer["description"]


def document_of(api: Api) -> Document:
    described: Document = api.get("/docs/openApi.json").get_json()
    return described


def test_who_may_call_what_is_said(document: Document) -> None:
    job = document["paths"][f"{BASE}/job"]["post"]
    assert job["security"] == [{"key": []}]
    assert {parameter["name"] for parameter in job["parameters"] if parameter["required"]} == {
        "X-Tenant-Id",
        "X-Author",
        "Idempotency-Key",
    }
    assert {"202", "200", "403", "409", "412", "413", "415", "422", "503"} <= set(job["responses"])
    assert document["paths"]["/healthz"]["get"]["security"] == []


def test_what_waits_for_a_while_names_its_retry_after(document: Document) -> None:
    waits = {
        (name, status): answer["headers"]["Retry-After"].get("required", True)
        for name, operation in operations(document).items()
        for status, answer in operation["responses"].items()
        if "Retry-After" in answer["headers"]
    }
    assert {status for _, status in waits} == {"409", "503"}
    assert {name for name, status in waits if status == "409"} == {"job_submit", "job_decide"}
    assert {needed for (_, status), needed in waits.items() if status == "503"} == {True}
    with_store = {name for name, operation in operations(document).items() if "503" in operation["responses"]}
    assert with_store == {name for name, status in waits if status == "503"}


def test_nothing_promises_a_limit_of_requests_per_caller(document: Document) -> None:
    for operation in operations(document).values():
        assert "429" not in operation["responses"]
        for answer in operation["responses"].values():
            assert not any(name.lower().startswith("ratelimit") for name in answer["headers"])


def test_where_a_version_is_told_and_may_be_asked_for_is_said(document: Document) -> None:
    known = operations(document)
    for name, statuses in (
        ("configuration_create", ["201"]),
        ("configuration_get", ["200", "304", "412"]),
        ("configuration_signal", ["200", "202", "409", "412"]),
    ):
        answers = known[name]["responses"].items()
        assert [status for status, answer in answers if "ETag" in answer["headers"]] == statuses
    optional = [
        {
            parameter["name"]: parameter["required"]
            for parameter in known[name]["parameters"]
            if parameter["name"].startswith("If-")
        }
        for name in ("configuration_get", "configuration_signal")
    ]
    assert optional == [{"If-Match": False, "If-None-Match": False}, {"If-Match": False}]


def test_links_lead_to_operations_with_what_these_need(document: Document) -> None:
    known = operations(document)
    links = [
        (link, status)
        for operation in known.values()
        for status, answer in operation["responses"].items()
        for link in answer.get("links", {}).values()
    ]
    assert len(links) > 20
    for link, _ in links:
        target = known[link["operationId"]]
        in_path = {parameter["name"] for parameter in target["parameters"] if parameter["in"] == "path"}
        assert set(link["parameters"]) == in_path


def test_only_callers_and_the_provider_need_a_key(api: Api, document: Document) -> None:
    described = {each.operation_id: each.found.access for each in described_of(api.app)}
    for name, operation in operations(document).items():
        assert operation["security"] == ([] if described[name] is Access.PUBLIC else [{"key": []}])


class Reader(HTMLParser):
    """What a browser would make of the page, as far as these tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if attributes.get("id"):
            self.ids.append(str(attributes["id"]))
        if tag == "a":
            self.links.append(str(attributes["href"]))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def test_the_page_carries_the_one_style_its_policy_allows_and_nothing_from_elsewhere(api: Api) -> None:
    answer = api.get("/docs")
    text = answer.get_data(as_text=True)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    read = Reader(text)
    assert not {"script", "img", "link", "iframe", "form", "base", "object"} & {tag for tag, _ in read.tags}
    assert not any(name == "style" or name.startswith("on") for _, said in read.tags for name in said)
    assert {link for link in read.links if not link.startswith("#")} == {"docs/openApi.json"}
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_every_anchor_of_the_page_is_there_once_and_every_link_leads_to_one(page: str) -> None:
    read = Reader(page)
    assert len(read.ids) == len(set(read.ids))
    assert {link.removeprefix("#") for link in read.links if link.startswith("#")} - set(read.ids) == set()


def test_the_page_shows_every_operation_every_schema_and_every_code(page: str, document: Document) -> None:
    ids = set(Reader(page).ids)
    assert set(operations(document)) <= ids
    assert {f"schema-{name}" for name in document["components"]["schemas"]} <= ids
    assert set(CATALOGUE) <= ids


def test_the_page_can_be_read_by_keyboard_and_by_ear(page: str) -> None:
    read = Reader(page)
    assert ("html", {"lang": "en"}) in read.tags
    assert read.links[0] == "#content"
    assert read.headings.count(1) == 1
    assert all(
        after - before <= 1 for before, after in zip(read.headings[1:], read.headings[2:], strict=False)
    )
    for tag, said in read.tags:
        if tag == "pre" or said.get("class") == "wide":
            assert said.get("tabindex") == "0"
            assert said.get("role") == "region"
            assert said.get("aria-label")
        if tag == "th":
            assert said.get("scope") in {"row", "col"}


def colours(page: str) -> list[dict[str, str]]:
    """The light and the dark ones."""
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", block)) for block in blocks]


def luminance(colour: str) -> float:
    """WCAG 2, relative luminance."""
    digits = colour.lstrip("#")
    parts = [digits[i] * 2 for i in range(3)] if len(digits) == 3 else re.findall("..", digits)
    values = [int(part, 16) / 255 for part in parts]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_stands_out_from_its_ground_by_day_and_by_night(page: str) -> None:
    themes = colours(page)
    assert len(themes) == 2
    for theme in themes:
        for ink in ("ink", "quiet", "link", "good", "bad"):
            for ground in ("ground", "raised"):
                lighter, darker = sorted((luminance(theme[ink]), luminance(theme[ground])), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, ground)


def test_what_examples_hold_is_shown_as_text(page: str) -> None:
    assert "&lt;p&gt;It is on its way.&lt;/p&gt;" in page
    assert "<p>It is on its way.</p>" not in page


def test_callers_are_told_of_every_route_they_may_call(document: Document) -> None:
    text = API_MD.read_text(encoding="utf-8")
    ours = [path.removeprefix(BASE) for path in document["paths"] if path.startswith(BASE)]
    assert [path for path in ours if not path.startswith("/docs") and path not in text] == []


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("jobs", locators.JOB),
        ("configurations", locators.CONFIGURATION),
        ("suppressions", locators.SUPPRESSION),
    ],
)
def test_callers_are_told_of_every_locator(table: str, known: locators.Locators) -> None:
    (row,) = re.findall(rf"^\| {table} \| `(.+?)` \|$", API_MD.read_text(encoding="utf-8"), re.MULTILINE)
    assert row.split() == list(known)


def test_the_table_of_errors_for_callers_is_the_catalogue() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", API_MD.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: (int(status), title, advice) for name, status, title, advice in rows} == {
        name: (kind.status, kind.title, kind.advice) for name, kind in CATALOGUE.items()
    }
