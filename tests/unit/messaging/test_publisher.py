"""Ringing softly: whoever rings has committed already. What Redis makes of it is in tests/integration/messaging."""

from collections.abc import Sequence
from uuid import uuid4

import dramatiq
import pytest
import redis
from prometheus_client import REGISTRY

from shared.messaging.messages import ProjectEvents, SendJobs
from shared.messaging.publisher import RedisDoorbell
from shared.messaging.rings import HERE, Traces, envelope
from shared.ports.doorbell import Message


class FakeRings:
    """Puts every ring; raises `fault` while there is one."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.calls: list[tuple[str, list[Message], bool]] = []
        self.traces: list[Traces] = []

    def put(self, queue: str, messages: Sequence[Message], *, by_sweep: bool, traces: Traces = HERE) -> int:
        self.traces.append(traces)
        self.calls.append((queue, list(messages), by_sweep))
        if self.fault is not None:
            raise self.fault
        return len(messages)


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def rings() -> FakeRings:
    return FakeRings()


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("email_send_ring_total", {"queue": "send", "outcome": outcome}) or 0.0


def test_the_messages_of_each_queue_travel_together_in_their_order(rings: FakeRings) -> None:
    first, second, event = SendJobs(uuid4()), SendJobs(uuid4()), ProjectEvents(uuid4())
    assert RedisDoorbell(rings).ring(first, event, second)
    assert sorted(rings.calls) == [("projection", [event], False), ("send", [first, second], False)]


def test_a_sweep_says_that_it_is_one(rings: FakeRings) -> None:
    message = SendJobs(uuid4())
    assert RedisDoorbell(rings).ring_again(message)
    assert rings.calls == [("send", [message], True)]


@pytest.mark.parametrize(
    "fault",
    [
        redis.ConnectionError("refused"),
        redis.TimeoutError("slow"),
        redis.BusyLoadingError("loading its data"),
        redis.AuthenticationError("another password"),
        redis.exceptions.ReadOnlyError("a replica"),
        redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
        redis.ResponseError("MISCONF errors writing to the AOF file"),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("ring", ["ring", "ring_again"])
def test_whatever_redis_answers_is_told_of_and_never_raised(
    rings: FakeRings, ring: str, fault: Exception
) -> None:
    rings.fault = fault
    before = counted("broker_away")
    assert not getattr(RedisDoorbell(rings), ring)(SendJobs(uuid4()))
    assert counted("broker_away") == before + 1


def test_after_a_failed_ring_the_next_ones_cost_nothing_for_a_second(rings: FakeRings) -> None:
    seconds = Seconds()
    doorbell = RedisDoorbell(rings, monotonic=seconds)
    rings.fault = redis.ConnectionError("refused")
    before = counted("skipped")
    assert not doorbell.ring(SendJobs(uuid4()))
    seconds.now += 0.999
    rings.fault = None
    assert not doorbell.ring(*(SendJobs(uuid4()) for _ in range(5)))
    assert not doorbell.ring_again(SendJobs(uuid4()))
    assert len(rings.calls) == 1
    assert counted("skipped") == before + 6
    seconds.now += 0.001
    assert doorbell.ring(SendJobs(uuid4()))


def test_one_queue_lost_among_several_is_not_all_rung(rings: FakeRings) -> None:
    rings.fault = redis.ConnectionError("refused")
    assert not RedisDoorbell(rings).ring(SendJobs(uuid4()), ProjectEvents(uuid4()))


def test_ringing_for_nothing_is_done(rings: FakeRings) -> None:
    assert RedisDoorbell(rings).ring()
    assert rings.calls == []


def test_a_fault_of_ours_is_not_swallowed(rings: FakeRings) -> None:
    rings.fault = TypeError("not a message")
    with pytest.raises(TypeError):
        RedisDoorbell(rings).ring(SendJobs(uuid4()))


def test_a_message_survives_the_wire() -> None:
    message = ProjectEvents(uuid4())
    decoded = dramatiq.Message.decode(envelope(message).encode())
    assert (decoded.queue_name, decoded.actor_name, decoded.args) == (
        "projection",
        "ProjectEvents",
        (str(message.id),),
    )
