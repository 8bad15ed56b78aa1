"""Ringing softly: whoever rings has committed already."""

from collections.abc import Iterator
from uuid import uuid4

import dramatiq
import pytest
import redis
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import ConnectionClosed
from prometheus_client import REGISTRY

from shared.messaging import queues
from shared.messaging.messages import ProjectEvents, SendJobs
from shared.messaging.publisher import RedisDoorbell, envelope


class AwayBroker(StubBroker):
    """Cannot be reached while `fault` is set; counts how often somebody tried."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.fault: Exception | None = None
        self.tries = 0

    def enqueue(
        self, message: "dramatiq.Message[None]", *, delay: int | None = None
    ) -> "dramatiq.Message[None]":
        self.tries += 1
        if self.fault is not None:
            raise self.fault
        return super().enqueue(message, delay=delay)


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def broker() -> Iterator[AwayBroker]:
    broker = AwayBroker()
    for queue in queues.ALL:
        broker.declare_queue(queue)
    yield broker
    broker.flush_all()
    broker.close()


def rings(outcome: str) -> float:
    return REGISTRY.get_sample_value("email_send_ring_total", {"queue": "send", "outcome": outcome}) or 0.0


def test_a_ring_is_a_message_with_one_id_and_nothing_else(broker: AwayBroker) -> None:
    message = SendJobs(uuid4())
    assert RedisDoorbell(broker).ring(message)
    queued = dramatiq.Message.decode(broker.queues[queues.SEND].get_nowait())
    assert (queued.queue_name, queued.actor_name) == ("send", "SendJobs")
    assert (queued.args, queued.kwargs, queued.options) == ((str(message.id),), {}, {})


def test_several_messages_go_to_their_own_queues(broker: AwayBroker) -> None:
    assert RedisDoorbell(broker).ring(SendJobs(uuid4()), ProjectEvents(uuid4()), SendJobs(uuid4()))
    assert (broker.queues[queues.SEND].qsize(), broker.queues[queues.PROJECTION].qsize()) == (2, 1)


@pytest.mark.parametrize(
    "fault", [redis.ConnectionError("refused"), redis.TimeoutError("slow"), ConnectionClosed("gone")]
)
def test_a_broker_that_is_away_is_told_of_and_never_raised(broker: AwayBroker, fault: Exception) -> None:
    broker.fault = fault
    before = rings("broker_away")
    assert not RedisDoorbell(broker).ring(SendJobs(uuid4()))
    assert rings("broker_away") == before + 1


def test_after_a_failed_ring_the_next_ones_cost_nothing_for_a_second(broker: AwayBroker) -> None:
    seconds = Seconds()
    doorbell = RedisDoorbell(broker, monotonic=seconds)
    broker.fault = redis.ConnectionError("refused")
    before = rings("skipped")
    assert not doorbell.ring(*(SendJobs(uuid4()) for _ in range(5)))
    seconds.now += 0.999
    broker.fault = None
    assert not doorbell.ring(SendJobs(uuid4()))
    assert broker.tries == 1
    assert rings("skipped") == before + 5
    seconds.now += 0.001
    assert doorbell.ring(SendJobs(uuid4()))


def test_one_lost_ring_among_several_is_not_all_rung(broker: AwayBroker) -> None:
    broker.fault = redis.ConnectionError("refused")
    assert not RedisDoorbell(broker).ring(SendJobs(uuid4()), SendJobs(uuid4()))


def test_ringing_for_nothing_is_done(broker: AwayBroker) -> None:
    assert RedisDoorbell(broker).ring()
    assert broker.tries == 0


def test_a_fault_of_ours_is_not_swallowed(broker: AwayBroker) -> None:
    broker.fault = TypeError("not a message")
    with pytest.raises(TypeError):
        RedisDoorbell(broker).ring(SendJobs(uuid4()))


def test_a_message_survives_the_wire() -> None:
    message = ProjectEvents(uuid4())
    decoded = dramatiq.Message.decode(envelope(message).encode())
    assert (decoded.queue_name, decoded.actor_name, decoded.args) == (
        "projection",
        "ProjectEvents",
        (str(message.id),),
    )
