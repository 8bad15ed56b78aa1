"""What of a request is reported, and what never is."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Response

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from shared.ports.store import Transaction
from shared.telemetry.errors import flush
from tests.fakes.clock import FixedClock
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.integration.telemetry.collecting import Collector, kinds, trace_of
from tests.unit.web.api import AUTHOR, CONFIGURATION, KEY, ROUTING_TOKEN, TENANT, Api, a_configuration, a_job
from tests.unit.web.api import container_of as plain_container

ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
CANARIES = {
    name: f"canary-{name}" for name in ("header", "cookie", "query", "body", "error", "key", "baggage")
}


class Store(MemoryStore):
    """Raises `fault` while there is one."""

    fault: Exception | None = None

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        if self.fault is not None:
            raise self.fault
        with super().begin() as tx:
            yield tx


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def make_api(settings: Settings, store: Store, collector: Collector) -> Callable[..., Api]:
    def make(**given: Any) -> Api:
        collector.collect(role="web", **given)
        a_configuration(store)
        return Api(plain_container(settings, store, RecordingDoorbell(), clock=FixedClock(datetime.now(UTC))))

    return make


MakeApi = Callable[..., Api]


def test_a_fault_is_one_event_with_its_route_and_its_request_id(
    make_api: MakeApi, store: Store, collector: Collector
) -> None:
    api = make_api()
    store.fault = RuntimeError(CANARIES["error"])
    assert api.get(f"/job/{CONFIGURATION}", headers={"X-Request-ID": "r-1"}).status_code == 500
    (event,) = collector.events()
    assert kinds(event) == ["RuntimeError"]
    assert event["transaction"] == "/v1/shop-access/email/job/<uuid:e_id>"
    assert event["request"] == {"method": "GET"}
    assert event["tags"] == {"role": "web", "request_id": "r-1"}
    assert CANARIES["error"] not in collector.text()


def test_a_fault_of_the_answer_itself_is_one_event(make_api: MakeApi, collector: Collector) -> None:
    """No handler of ours sees it: the integration does."""
    api = make_api()

    def fail(_: Response) -> Response:
        raise RuntimeError(CANARIES["error"])

    api.app.after_request_funcs.setdefault(None, []).insert(0, fail)
    assert api.get(f"/job/{CONFIGURATION}").status_code == 500
    assert [kinds(event) for event in collector.events()] == [["RuntimeError"]]


def test_a_database_that_is_away_is_one_event(make_api: MakeApi, store: Store, collector: Collector) -> None:
    api = make_api()
    store.fault = StoreUnavailable("no connection")
    assert [api.send(a_job()).status_code for _ in range(3)] == [503] * 3
    assert [kinds(event) for event in collector.events()] == [["StoreUnavailable"]]


def test_a_refusal_is_never_an_event(make_api: MakeApi, store: Store, collector: Collector) -> None:
    api = make_api(traces_sample_rate=1.0)
    answers = [
        api.get("/job/not-an-id"),
        api.get(f"/job/{CONFIGURATION}"),
        api.get(f"/job/{CONFIGURATION}", headers={"Authorization": "Bearer wrong"}),
        api.get(f"/job/{CONFIGURATION}", headers={"X-Tenant-Id": "none"}),
        api.post("/job"),
        api.send({"recipient": 7}),
        api.send("rubbish"),
        api.post("/configuration", {"sendingDomainSlug": "acme", "signatureRequest": {"fromName": "Acme"}}),
        api.receive("{}", headers={"X-Email-Routing-Token": "wrong"}),
        api.receive("no json"),
    ]
    assert {answer.status_code for answer in answers} == {400, 401, 404, 409}
    assert collector.events() == []


def test_secrets_of_a_request_never_leave(make_api: MakeApi, store: Store, collector: Collector) -> None:
    api = make_api(traces_sample_rate=1.0)
    given = {
        "Idempotency-Key": CANARIES["key"],
        "Cookie": f"session={CANARIES['cookie']}",
        "User-Agent": CANARIES["header"],
        "X-Forwarded-For": CANARIES["header"],
        "baggage": f"sentry-transaction={CANARIES['baggage']},sentry-public_key=1,x={CANARIES['baggage']}",
        "sentry-trace": f"{ID}-{SPAN}-1",
    }
    body = a_job(subject=CANARIES["body"], recipient=f"{CANARIES['body']}@example.com")
    assert api.post(f"/job?a={CANARIES['query']}", body, headers=given).status_code == 202
    api.receive(json.dumps({"RecordType": "Delivery", "Details": CANARIES["body"]}), headers=given)
    store.fault = RuntimeError(f"{CANARIES['error']} {KEY}")
    assert api.post(f"/job?a={CANARIES['query']}", body, headers=given).status_code == 500
    assert (len(collector.events()), len(collector.transactions())) == (1, 3)
    secrets = {*CANARIES.values(), KEY, ROUTING_TOKEN, str(TENANT), AUTHOR}
    assert {secret for secret in secrets if secret in collector.text()} == set()


def test_a_request_goes_on_with_the_trace_of_its_caller(make_api: MakeApi, collector: Collector) -> None:
    api = make_api(traces_sample_rate=0.000001)
    api.send(a_job(), key="k1")
    api.post("/job", a_job(), headers={"Idempotency-Key": "k2", "traceparent": f"00-{ID}-{SPAN}-01"})
    (told,) = collector.transactions()
    assert (trace_of(told), told["contexts"]["trace"]["parent_span_id"]) == (ID, SPAN)
    assert told["transaction"] == "/v1/shop-access/email/job"
    assert told["contexts"]["trace"]["data"] == {"http.response.status_code": 202}


def test_a_callers_wish_to_be_followed_is_not_granted_where_nothing_is(
    make_api: MakeApi, store: Store, collector: Collector
) -> None:
    api = make_api(traces_sample_rate=0.0)
    api.post("/job", a_job(), headers={"Idempotency-Key": "k", "sentry-trace": f"{ID}-{SPAN}-1"})
    assert collector.transactions() == []
    (job,) = store._state.jobs.values()
    assert (job.trace or "")[:32] == ID
    assert (job.trace or "")[-2:] == "-0"


def test_whoever_shows_no_key_is_not_followed(make_api: MakeApi, collector: Collector) -> None:
    api = make_api(traces_sample_rate=1.0)
    api.post("/job", a_job(), headers={"Authorization": None, "sentry-trace": f"{ID}-{SPAN}-1"})
    api.receive("{}", headers={"X-Email-Routing-Token": "wrong"})
    assert collector.transactions() == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/nowhere"])
def test_a_probe_and_a_path_that_is_not_there_are_not_followed(
    make_api: MakeApi, collector: Collector, path: str
) -> None:
    api = make_api(traces_sample_rate=1.0)
    api.get(path)
    assert collector.transactions() == []


def test_an_event_has_the_trace_of_its_request(make_api: MakeApi, store: Store, collector: Collector) -> None:
    api = make_api()
    store.fault = RuntimeError()
    api.get(f"/job/{CONFIGURATION}", headers={"traceparent": f"00-{ID}-{SPAN}-01"})
    (event,) = collector.events()
    assert trace_of(event) == ID


def test_log_lines_of_whatever_level_are_not_reported(make_api: MakeApi, collector: Collector) -> None:
    make_api()
    logging.getLogger("some.library").error("odd: %s", CANARIES["error"])
    try:
        raise ValueError(CANARIES["error"])
    except ValueError:
        logging.getLogger("some.library").exception(CANARIES["error"])
    assert flush(10)
    assert collector.receiver.envelopes() == []
