"""The door on the real store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, text

from shared.config.settings import Settings
from shared.domain.configuration import Provisioned
from shared.domain.webhook import WebhookHealth, WebhookState, fingerprint
from shared.messaging.messages import LiftSuppressions, ProjectEvents
from shared.persistence import PostgresStore, make_engine, new_id
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.web.api import (
    CONFIGURATION,
    KEY,
    OTHER_TENANT,
    Api,
    a_configuration,
    a_job,
    code,
    container_of,
)
from web.intake.keys import KeyPorts, Which, api_keys
from workers.projection.handler import ProjectionDeps, project_batch
from workers.projection.policy import ProjectionPolicy

PATH = f"/configuration/{CONFIGURATION}"


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements sent meanwhile in transactions; what arrives by itself goes past SQLAlchemy."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_two_jobs_and_five_hundred_take_the_same_few_statements(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    # The first request of a process notes the use of its key.
    api.send(a_job(), key="first")

    def statements(count: int) -> int:
        jobs = [
            {"idempotencyKey": f"{count}-{number}", **a_job(recipient=f"p{number}@example.com")}
            for number in range(count)
        ]
        with counted(engine) as batch:
            answer = api.post("/job/batch", {"jobs": jobs})
        assert {result["status"] for result in answer.get_json()["results"]} == {202}
        return len(batch)

    assert statements(2) == statements(500) == 1


def test_a_replay_is_found_by_one_look_at_its_key(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
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


def test_an_event_is_stored_without_a_transaction_around_it(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    api.receive('{"first": "of the process"}')
    with counted(engine) as in_transactions:
        assert api.receive('{"RecordType": "Delivery", "MessageID": "m-1"}').status_code == 200
    assert in_transactions == []


HARSH = {
    "long names": {
        "Email": "".join(map(chr, range(0x4E00, 0x5E00))),
        "MessageID": "".join(map(chr, range(0x4E00, 0x5E00))),
    },
    "NUL": {"Email": "a\0b@x.example", "MessageID": "\0", "Details": "\0"},
    "half a pair": {"Email": "\ud83d@x.example", "MessageID": "\ud83d", "\ud83d": 1},
    "the first date": {"BouncedAt": "0001-01-01T00:00:00+14:00"},
    "the last date": {"BouncedAt": "9999-12-31T23:59:59.9999999-12:00"},
    "the first moment": {"BouncedAt": "0001-01-01T00:00:00Z"},
    "the last moment": {"BouncedAt": "9999-12-31T23:59:59.9999999Z"},
    "an id of 80 bits": {"ID": 2**80},
}

OTHER_DATES = {"Delivery": "DeliveredAt", "SubscriptionChange": "ChangedAt"}


@pytest.mark.parametrize("odd", HARSH.values(), ids=HARSH)
@pytest.mark.parametrize("kind", ["Bounce", "SubscriptionChange", "Delivery"])
def test_what_a_database_may_choke_on_is_stored_folded_and_told(
    api: Api, postgres_store: PostgresStore, kind: str, odd: dict[str, object]
) -> None:
    a_configuration(postgres_store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    names = {} if kind == "Bounce" else {"Email": "Recipient", "BouncedAt": OTHER_DATES[kind]}
    named = {names.get(name, name): value for name, value in odd.items()}
    facts = {"RecordType": kind, "Inactive": True, "SuppressSending": True, "Metadata": {"job": job_id}}
    raw = json.dumps({**facts, **named})
    assert [api.receive(raw).status_code for _ in range(2)] == [200, 200]
    policy = ProjectionPolicy(batch_size=100, retry_seconds=60, give_up_after=timedelta(hours=24))
    assert project_batch(CONFIGURATION, ProjectionDeps(postgres_store, RecordingDoorbell(), policy))
    (told,) = api.get(f"/job/{job_id}/events").get_json()["events"]
    assert told["payload"] == json.loads(raw)
    assert api.post("/configuration/suppression/query", {}).status_code == 200
    assert api.get("/configuration/suppression/export").status_code == 200


def test_a_list_goes_out_as_a_file_and_comes_back_somewhere_else(
    api: Api, postgres_store: PostgresStore
) -> None:
    text = "address,reason,note\n" + "".join(
        f"p{number:05}@x.example,MANUAL,n{number}\n" for number in range(10_000)
    )

    def upload(file: str, **headers: str) -> dict[str, int]:
        path = "/configuration/suppression/import"
        answer: dict[str, int] = api.post(
            path, data=file, content_type="text/csv", headers=headers
        ).get_json()
        return answer

    told = upload(text)
    assert (told["added"], told["alreadyThere"], told["errorsTotal"]) == (10_000, 0, 0)
    assert upload(text)["alreadyThere"] == 10_000
    exported = api.get("/configuration/suppression/export").get_data(as_text=True)
    lines = exported.splitlines()
    assert len(lines) == 10_001
    assert lines[1:] == sorted(lines[1:])
    assert upload(exported, **{"X-Tenant-Id": str(OTHER_TENANT)})["added"] == 10_000


def test_while_the_list_is_not_there_nothing_is_accepted(
    api: Api, postgres_store: PostgresStore, engine: Engine
) -> None:
    a_configuration(postgres_store)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE suppression_entry RENAME TO suppression_entry_away"))
    try:
        assert code(api.send(a_job())) == (503, "store_unavailable")
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE suppression_entry_away RENAME TO suppression_entry"))
    assert api.send(a_job()).status_code == 202


def test_what_is_wanted_of_the_provider_is_kept_with_the_lift(
    api: Api, postgres_store: PostgresStore, doorbell: RecordingDoorbell
) -> None:
    a_configuration(postgres_store, provisioned=Provisioned(server_id=1, server_token="a1.k1:sealed"))
    added = api.post("/configuration/suppression", {"address": "person@example.com"}).get_json()["payload"]
    lifted = api.post(f"/configuration/suppression/{added['eId']}/lift").get_json()["payload"]
    assert (lifted["active"], lifted["provider"]) == (False, "asked")
    assert doorbell.rung == [LiftSuppressions(CONFIGURATION)]
    with postgres_store.begin() as tx:
        (lift,) = tx.lifts.take(CONFIGURATION, limit=10, lease_seconds=60)
        tx.lifts.refused(CONFIGURATION, lift.address, "no authority")
    (row,) = api.post("/configuration/suppression/query", {}).get_json()["results"]
    assert (row["payload"]["provider"], row["payload"]["providerMessage"]) == ("refused", "no authority")


def test_keys_and_callbacks_are_told_from_rows(api: Api, postgres_store: PostgresStore) -> None:
    a_configuration(postgres_store, provisioned=Provisioned(webhook_id=7))
    assert api.get(f"{PATH}/webhook").get_json()["key"] == "unknown"
    with postgres_store.begin() as tx:
        tx.webhook_keys.set(CONFIGURATION, fingerprint(KEY))
        tx.webhook_looks.record(CONFIGURATION, WebhookHealth(state=WebhookState.OK, webhooks=1, requests=4))
    told = api.get(f"{PATH}/webhook").get_json()
    assert (told["state"], told["webhooks"], told["requests"], told["key"]) == ("ok", 1, 4, "current")
    (row,) = api_keys(KeyPorts(postgres_store, (KEY,)))
    assert (row.which, row.purpose, row.webhooks) == (Which.CURRENT, "caller", 1)
    opened = api.post(f"{PATH}/catch-up", {"from": 0, "reason": "they say so"})
    assert opened.status_code == 202
    assert api.get(f"{PATH}/catch-up").get_json() == {"gaps": [opened.get_json()]}


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
