"""Health, metrics, the documents, and routes that are switched off."""

import re
from pathlib import Path

import pytest

from shared.config.settings import Settings, Switch
from shared.domain.errors import StoreUnavailable
from shared.ports.store import Store
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import UNKNOWN, Api, a_configuration, a_job, code, container_of
from tests.unit.web.test_problems import failing

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
    assert int(away.get("/readyz").headers["Retry-After"]) > 0


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
