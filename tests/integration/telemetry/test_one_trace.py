"""One send is one trace: request, message, provider's call, callback and what is made of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from dramatiq import Broker, Worker

from shared.bootstrap import Container
from shared.config.settings import Settings
from shared.domain.job import EmailJob, JobStatus
from shared.persistence import PostgresStore, new_id
from shared.ports.configurations import Change
from tests import factories
from tests.fakes.key_material import FakeCipher
from tests.fakes.mail import FakeMailSender
from tests.fakes.postmark import FakePostmark
from tests.integration.messaging.world import Bell
from tests.integration.telemetry.collecting import Collector, trace_of
from tests.unit.web.api import CONFIGURATION, ROUTING_TOKEN, TENANT, Api, a_job, container_of
from tests.waiting import eventually
from workers.main import register_projection, register_send

ID = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1" * 32
SPAN = "b7ad6b7169203331"

Register = Callable[[Broker, Container], None]


class World:
    """The door and its workers on one database and one broker; the provider is a fake."""

    def __init__(self, settings: Settings, store: PostgresStore, bell: Bell) -> None:
        self.bell, self.store = bell, store
        postmark, cipher = FakePostmark(), FakeCipher()
        plain = container_of(settings, store, bell.doorbell, new_id)
        sender = FakeMailSender(postmark)
        self.container = replace(plain, mail_sender=sender, cipher=cipher, key_versions=cipher)
        token = postmark.sendable("acme.dev.ardamails.com")
        configuration = factories.sendable(
            e_id=CONFIGURATION,
            tenant_id=TENANT,
            slug="acme",
            provisioned=factories.provisioned(
                server_token=cipher.encrypt(token, tenant_id=TENANT, configuration_id=CONFIGURATION)
            ),
            routing_token_hash=sha256(ROUTING_TOKEN.encode()).digest(),
        )
        with store.begin() as tx:
            tx.configurations.add(configuration, Change("setup", "create"))
        self.api = Api(self.container)

    def accept(self, key: str, *, trace: str) -> UUID:
        headers = {"Idempotency-Key": key, "traceparent": f"00-{trace}-{SPAN}-01"}
        answer = self.api.post("/job", a_job(), headers=headers)
        return UUID(answer.get_json()["payload"]["eId"])

    def job(self, e_id: UUID) -> EmailJob:
        with self.store.begin() as tx:
            found = tx.jobs.get(TENANT, e_id)
        assert found is not None
        return found

    def become(self, status: JobStatus, register: Register, *jobs: UUID) -> None:
        """As soon as workers of this pool are there, the jobs move to this status; and all messages are done."""
        queue = register.__name__.removeprefix("register_")
        with self.working(queue, register):
            assert eventually(lambda: {self.job(e_id).status for e_id in jobs} == {status})
            assert eventually(lambda: self.bell.client.hlen(f"{self.bell.namespace}:{queue}.msgs") == 0)

    @contextmanager
    def working(self, queue: str, register: Register) -> Iterator[None]:
        broker = self.bell.new_broker()
        register(broker, self.container)
        worker = Worker(broker, queues={queue}, worker_timeout=10, worker_threads=2)
        worker.start()
        try:
            yield
        finally:
            worker.stop()
            broker.client.close()

    def delivered(self, e_id: UUID) -> None:
        """The provider calls back; of traces it knows nothing."""
        message_id = self.job(e_id).provider_message_id
        body = f'{{"RecordType": "Delivery", "MessageID": "{message_id}", "Metadata": {{"job": "{e_id}"}}}}'
        assert self.api.receive(body).status_code == 200


@pytest.fixture
def make(
    settings: Settings,
    postgres_store: PostgresStore,
    make_bell: Callable[..., Bell],
    valkey_url: str,
    collector: Collector,
) -> Callable[..., World]:
    def make(**given: Any) -> World:
        collector.collect(**given)
        return World(settings, postgres_store, make_bell(valkey_url))

    return make


Make = Callable[..., World]


def named(collector: Collector, name: str) -> list[dict[str, Any]]:
    return [told for told in collector.transactions() if told["transaction"] == name]


def test_a_send_is_one_trace_from_its_request_to_its_callback(make: Make, collector: Collector) -> None:
    world = make(traces_sample_rate=0.000001)
    e_id = world.accept("k1", trace=ID)
    world.become(JobStatus.SENT, register_send, e_id)
    world.delivered(e_id)
    world.become(JobStatus.DELIVERED, register_projection, e_id)
    told = {one["transaction"]: one for one in collector.transactions() if trace_of(one) == ID}
    assert told.keys() == {"/v1/shop-access/email/job", "SendJobs", "send", "webhook"}
    request = told["/v1/shop-access/email/job"]["contexts"]["trace"]["span_id"]
    parents = {name: one["contexts"]["trace"]["parent_span_id"] for name, one in told.items()}
    assert parents == {
        "/v1/shop-access/email/job": SPAN,
        "SendJobs": request,
        "send": request,
        "webhook": request,
    }
    (sent,), (heard,) = told["send"]["spans"], told["webhook"]["spans"]
    assert sent["data"] == {"job": str(e_id), "claim": str(world.job(e_id).claim_id), "outcome": "Accepted"}
    assert (heard["data"]["job"], heard["data"]["kind"]) == (str(e_id), "Delivery")
    assert told["SendJobs"]["start_timestamp"] <= sent["start_timestamp"] <= sent["timestamp"]
    assert sent["timestamp"] <= told["SendJobs"]["timestamp"] <= heard["timestamp"]


def test_jobs_of_two_requests_in_one_call_are_told_each_in_its_own_trace(
    make: Make, collector: Collector
) -> None:
    """They were rung for once, by the first; the call is a step of both."""
    world = make(traces_sample_rate=0.000001)
    first, second = world.accept("k1", trace=ID), world.accept("k2", trace=OTHER)
    assert world.bell.waiting() == 1
    world.become(JobStatus.SENT, register_send, first, second)
    sends = {trace_of(one): one for one in named(collector, "send")}
    assert sends.keys() == {ID, OTHER}
    spans = {trace: [span["data"]["job"] for span in one["spans"]] for trace, one in sends.items()}
    assert spans == {ID: [str(first)], OTHER: [str(second)]}
    assert sends[ID]["spans"][0]["timestamp"] == sends[OTHER]["spans"][0]["timestamp"]


def test_jobs_of_one_request_are_one_step_with_a_part_for_each(make: Make, collector: Collector) -> None:
    world = make(traces_sample_rate=0.000001)
    jobs = [{"idempotencyKey": f"k{number}", **a_job()} for number in range(3)]
    world.api.post("/job/batch", {"jobs": jobs}, headers={"traceparent": f"00-{ID}-{SPAN}-01"})
    with world.store.begin() as tx:
        accepted = [job.e_id for job in tx.jobs.find_by_keys(TENANT, {"k0", "k1", "k2"}).values()]
    world.become(JobStatus.SENT, register_send, *accepted)
    (send,) = named(collector, "send")
    assert {span["data"]["job"] for span in send["spans"]} == set(map(str, accepted))


def test_a_job_that_is_not_followed_tells_no_step_and_keeps_its_trace(
    make: Make, collector: Collector
) -> None:
    world = make(traces_sample_rate=0.000001)
    headers = {"Idempotency-Key": "k", "sentry-trace": f"{ID}-{SPAN}-0"}
    e_id = UUID(world.api.post("/job", a_job(), headers=headers).get_json()["payload"]["eId"])
    world.become(JobStatus.SENT, register_send, e_id)
    world.delivered(e_id)
    world.become(JobStatus.DELIVERED, register_projection, e_id)
    assert collector.transactions() == []
    entries = world.api.get(f"/job/{e_id}/timeline").get_json()["entries"]
    assert entries[0]["trace"] == ID


def test_of_a_callback_nobody_knows_the_job_of_no_step_is_told(make: Make, collector: Collector) -> None:
    world = make(traces_sample_rate=0.000001)
    e_id = world.accept("k1", trace=ID)
    world.become(JobStatus.SENT, register_send, e_id)
    body = f'{{"RecordType": "Delivery", "MessageID": "unknown", "Metadata": {{"job": "{uuid4()}"}}}}'
    assert world.api.receive(body).status_code == 200
    world.delivered(e_id)
    world.become(JobStatus.DELIVERED, register_projection, e_id)
    (heard,) = named(collector, "webhook")
    assert len(heard["spans"]) == 1
