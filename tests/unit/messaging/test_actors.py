"""Message types, their actors, and the middleware around them."""

from collections.abc import Iterator
from dataclasses import fields
from typing import get_args
from uuid import UUID, uuid4

import dramatiq
import pytest
import structlog
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from prometheus_client import REGISTRY

import workers.drift.actors
import workers.projection.actors
import workers.provisioning.actors
import workers.send.actors
from shared.domain.errors import StoreUnavailable
from shared.messaging import messages, queues
from shared.messaging.actors import declare
from shared.messaging.messages import Message, ProjectEvents, SendJobs, actor_name
from shared.messaging.middleware import FaultReport, LogContext
from shared.messaging.rings import envelope
from tests.unit.workers import (
    drift_world,
    provisioning_world,
    send_world,
    test_catch_up,
    test_lifts,
    test_projection,
    test_retention,
)


@pytest.fixture
def broker() -> Iterator[StubBroker]:
    broker = StubBroker(middleware=[LogContext(), FaultReport()])
    broker.emit_after("process_boot")
    yield broker
    broker.flush_all()
    broker.close()


def register_all(broker: StubBroker) -> None:
    workers.provisioning.actors.register(broker, provisioning_world.World().deps())
    workers.send.actors.register(broker, send_world.World().deps)
    workers.projection.actors.register(
        broker, test_projection.World().deps, test_catch_up.World().catching_up, test_lifts.World().deps
    )
    workers.drift.actors.register(broker, drift_world.DriftWorld().deps, test_retention.World().deps())


def work(broker: StubBroker, queue: str) -> None:
    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    try:
        broker.join(queue)
        worker.join()
    finally:
        worker.stop()


def test_every_message_type_has_one_actor_of_its_name_on_its_queue(broker: StubBroker) -> None:
    register_all(broker)
    expected = {actor_name(one): one.queue for one in messages.TYPES}
    assert {name: actor.queue_name for name, actor in broker.actors.items()} == expected


def test_the_list_of_types_is_the_union_and_each_carries_an_id_only() -> None:
    assert set(messages.TYPES) == set(get_args(Message))
    assert {field.name for one in messages.TYPES for field in fields(one)} == {"id"}
    assert {one.queue for one in messages.TYPES} == set(queues.ALL)


def test_an_actor_retries_nothing_by_itself_and_has_no_delay(broker: StubBroker) -> None:
    register_all(broker)
    assert all(actor.options == {} for actor in broker.actors.values())


@pytest.mark.parametrize("message_type", messages.TYPES, ids=actor_name)
def test_a_message_calls_its_handler_with_the_id(broker: StubBroker, message_type: type[Message]) -> None:
    called: list[UUID] = []
    declare(broker, message_type, called.append)
    message = message_type(uuid4())
    broker.enqueue(envelope(message))
    work(broker, message.queue)
    assert called == [message.id]


def test_the_send_actor_sends(broker: StubBroker) -> None:
    world = send_world.World()
    jobs = world.accept("person@example.com")
    workers.send.actors.register(broker, world.deps)
    broker.enqueue(envelope(SendJobs(world.e_id)))
    work(broker, queues.SEND)
    assert world.taken() == jobs


def test_a_handler_that_raises_is_told_of_once_and_its_message_is_done(broker: StubBroker) -> None:
    labels = {"queue": "send", "error": "StoreUnavailable"}
    before = REGISTRY.get_sample_value("email_worker_fault_total", labels) or 0.0
    called = []

    def fail(e_id: UUID) -> None:
        called.append(e_id)
        raise StoreUnavailable("down, because the test says so")

    declare(broker, SendJobs, fail)
    broker.enqueue(envelope(SendJobs(uuid4())))
    work(broker, queues.SEND)
    assert len(called) == 1
    assert REGISTRY.get_sample_value("email_worker_fault_total", labels) == before + 1
    assert not broker.dead_letters


def test_the_log_lines_of_a_handler_name_its_message(broker: StubBroker) -> None:
    seen: list[dict[str, object]] = []
    declare(broker, ProjectEvents, lambda _: seen.append(structlog.contextvars.get_contextvars()))
    sent: dramatiq.Message[None] = envelope(ProjectEvents(uuid4()))
    broker.enqueue(sent)
    work(broker, queues.PROJECTION)
    assert seen == [{"actor": "ProjectEvents", "message": sent.message_id}]
