"""The door on the real store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from shared.config.settings import Settings
from shared.messaging.messages import ProjectEvents
from shared.persistence import PostgresStore, make_engine, new_id
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import CONFIGURATION, Api, a_configuration, a_job, code, container_of

PATH = f"/configuration/{CONFIGURATION}"


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements sent meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_job_alone_and_five_hundred_take_the_same_few_statements(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    with counted(engine) as alone:
        assert api.send(a_job(), key="alone").status_code == 202
    jobs = [
        {"idempotencyKey": f"k{number}", **a_job(recipient=f"p{number}@example.com")} for number in range(500)
    ]
    with counted(engine) as batch:
        answer = api.post("/job/batch", {"jobs": jobs})
    assert {result["status"] for result in answer.get_json()["results"]} == {202}
    assert len(batch) == len(alone) <= 6


def test_a_replay_is_one_statement(api: Api, postgres_store: PostgresStore, engine: Engine) -> None:
    a_configuration(postgres_store)
    api.send(a_job())
    with counted(engine) as replay:
        assert api.send(a_job()).status_code == 200
    assert len([statement for statement in replay if "email_job" in statement]) == 1


def test_the_life_of_a_configuration_can_be_read_back(api: Api) -> None:
    wanted = {"sendingDomainSlug": "acme", "signatureRequest": {"fromName": "Acme"}}
    created = api.post("/configuration", wanted).get_json()
    path = f"/configuration/{created['payload']['eId']}"
    assert api.post(f"{path}/provision", {"reason": "new tenant"}).status_code == 202
    assert code(api.post(f"{path}/remove")) == (409, "signal_refused")
    first, second = api.get(f"{path}/history").get_json()["records"]
    assert first["payload"]["operational"] == "PENDING"
    assert second["payload"]["operational"] == "PROVISIONING"
    assert second["previous"] == first["rId"] == created["rId"]
    now = api.get(path).get_json()
    assert now["rId"] == second["rId"]
    assert api.get(f"{path}?recordedAsOf={second['asOf']['recorded']}").get_json()["rId"] == second["rId"]
    found = api.post("/configuration/query", {"filter": {"locator": "operational", "eq": "PROVISIONING"}})
    assert [row["rId"] for row in found.get_json()["results"]] == [second["rId"]]


def test_an_event_is_kept_once_and_rung_for_once(
    api: Api, postgres_store: PostgresStore, doorbell: RecordingDoorbell
) -> None:
    a_configuration(postgres_store)
    raw = json.dumps({"RecordType": "Delivery", "MessageID": "m-1", "Details": "\0 and \ud83d"})
    assert [api.receive(raw).status_code for _ in range(2)] == [200, 200]
    assert doorbell.rung == [ProjectEvents(CONFIGURATION)]
    with postgres_store.begin() as tx:
        (kept,) = tx.events.unprojected(CONFIGURATION, limit=10)
    assert kept.raw == raw


def test_a_suppression_closes_the_gate_and_lifting_it_opens_it(
    api: Api, postgres_store: PostgresStore
) -> None:
    a_configuration(postgres_store)
    added = api.post("/configuration/suppression", {"address": "PERSON@example.com"}).get_json()
    refused = api.send(a_job())
    assert code(refused) == (403, "suppressed")
    assert refused.get_json()["since"] == added["payload"]["since"]
    assert api.post(f"/configuration/suppression/{added['payload']['eId']}/lift").status_code == 200
    assert api.send(a_job()).status_code == 202


def test_a_database_that_is_not_there_is_503_everywhere_and_alive_all_the_same(settings: Settings) -> None:
    nowhere = make_engine("postgresql://nobody@127.0.0.1:1/none", connect_timeout_seconds=1)
    api = Api(container_of(settings, PostgresStore(nowhere), RecordingDoorbell(), new_id))
    assert code(api.send(a_job())) == (503, "store_unavailable")
    assert code(api.receive("{}")) == (503, "store_unavailable")
    assert api.get("/readyz").status_code == 503
    assert api.get("/healthz").status_code == 200
    nowhere.dispose()
