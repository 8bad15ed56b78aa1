"""Health, metrics, the documents, and routes that are switched off."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from shared.config.settings import Settings, Switch
from shared.domain.errors import StoreUnavailable
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import UNKNOWN, Api, a_configuration, a_job, code, container_of
from tests.unit.web.test_problems import failing
from web.problems import CATALOGUE

DOCS = Path(__file__).parents[3] / "docs" / "api.md"


def switched_off(settings: Settings, store: Store, *, group: str) -> Api:
    routes = settings.routes.model_copy(update={group: Switch(enabled=False)})
    return Api(container_of(settings.model_copy(update={"routes": routes}), store, RecordingDoorbell()))


@pytest.mark.parametrize(
    ("group", "off", "on"),
    [
        ("configuration", ["/configuration/query", "/configuration/suppression/query"], ["/job/query"]),
        ("job", ["/job/query", "/job", "/job/batch"], ["/configuration/query"]),
        ("postmark_events", ["/job/postmark-events"], ["/job/query"]),
    ],
)
def test_a_group_that_is_switched_off_is_not_there(
    settings: Settings, store: Store, group: str, off: list[str], on: list[str]
) -> None:
    api = switched_off(settings, store, group=group)
    assert [code(api.post(path)) for path in off] == [(404, "not_found")] * len(off)
    assert [api.post(path).status_code for path in on] == [200] * len(on)


def test_events_are_taken_while_jobs_are_switched_off(settings: Settings, store: Store) -> None:
    a_configuration(store)
    api = switched_off(settings, store, group="job")
    assert api.receive("{}").status_code == 200
    assert code(api.get(f"/job/{UNKNOWN}")) == (404, "not_found")


def test_alive_and_ready_are_two_things(api: Api, settings: Settings) -> None:
    away = failing(settings, StoreUnavailable("x"))
    assert (api.get("/healthz").status_code, api.get("/readyz").status_code) == (200, 200)
    assert (away.get("/healthz").status_code, away.get("/readyz").status_code) == (200, 503)


def test_the_ingress_is_ready_without_a_broker(settings: Settings, store: Store) -> None:
    doorbell = RecordingDoorbell()
    doorbell.down = True
    assert Api(container_of(settings, store, doorbell)).get("/readyz").status_code == 200


def test_accepted_jobs_are_counted(api: Api, store: Store) -> None:
    a_configuration(store)

    def count() -> float:
        text = api.get("/metrics").get_data(as_text=True)
        found = re.search(r"^email_send_accepted_total (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = count()
    api.send(a_job())
    api.send(a_job())
    assert count() == before + 1


def test_pages_carry_the_one_style_their_policy_allows(api: Api) -> None:
    page = api.get("/docs")
    style = re.search(r"<style>(.*?)</style>", page.get_data(as_text=True), re.DOTALL)
    assert style
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', page.get_data(as_text=True))


def test_the_openapi_document_is_valid_and_has_every_route(api: Api) -> None:
    document = api.get("/docs/openApi.json").get_json()
    validate(document)
    described = {(path, method) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in api.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_the_openapi_document_says_who_may_call_what(api: Api) -> None:
    paths = api.get("/docs/openApi.json").get_json()["paths"]
    job = paths["/v1/shop-access/email/job"]["post"]
    assert job["security"] == [{"key": []}]
    assert {parameter["name"] for parameter in job["parameters"] if parameter["required"]} == {
        "X-Tenant-Id",
        "X-Author",
        "Idempotency-Key",
    }
    assert {"202", "200", "403", "409", "412", "413", "415", "422", "503"} <= set(job["responses"])
    assert paths["/healthz"]["get"]["security"] == []


def test_the_openapi_document_says_where_a_version_is_told_and_may_be_asked_for(api: Api) -> None:
    paths = api.get("/docs/openApi.json").get_json()["paths"]
    configuration = "/v1/shop-access/email/configuration"
    read = paths[f"{configuration}/{{e_id}}"]["get"]
    signal = paths[f"{configuration}/{{e_id}}/{{signal}}"]["post"]
    for described, statuses in (
        (paths[configuration]["post"], ["201"]),
        (read, ["200", "304"]),
        (signal, ["200", "202"]),
    ):
        tagged = [
            status for status, answer in described["responses"].items() if "ETag" in answer.get("headers", {})
        ]
        assert tagged == statuses
    optional = [
        {parameter["name"] for parameter in described["parameters"] if parameter["name"].startswith("If-")}
        for described in (read, signal)
    ]
    assert optional == [{"If-Match", "If-None-Match"}, {"If-Match"}]
    assert "precondition_failed" in signal["responses"]["412"]["description"]
    assert not any(
        parameter["required"] for parameter in signal["parameters"] if parameter["name"] == "If-Match"
    )


def test_the_page_explains_every_code_at_its_type(api: Api) -> None:
    page = api.get("/docs").get_data(as_text=True)
    for name in CATALOGUE:
        assert f'id="{name}"' in page


def test_callers_are_told_of_every_route_they_may_call(api: Api) -> None:
    text = DOCS.read_text(encoding="utf-8")
    paths = api.get("/docs/openApi.json").get_json()["paths"]
    ours = [path.removeprefix("/v1/shop-access/email") for path in paths if path.startswith("/v1/")]
    named = [path.replace("e_id", "eId") for path in ours if not path.startswith("/docs")]
    assert [path for path in named if path not in text] == []


def test_the_table_of_errors_for_callers_is_the_catalogue() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: (int(status), title, advice) for name, status, title, advice in rows} == {
        name: (kind.status, kind.title, kind.advice) for name, kind in CATALOGUE.items()
    }
