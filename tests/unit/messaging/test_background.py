"""Rings that nobody waits for."""

from threading import Event
from uuid import uuid4

import pytest

from shared.messaging.background import BackgroundDoorbell
from shared.messaging.messages import ProjectEvents, SendJobs
from shared.messaging.rings import Traces
from shared.ports.doorbell import Message

PATIENCE_SECONDS = 10


class SlowDoorbell:
    """Each ring takes until it is let go on."""

    def __init__(self) -> None:
        self.rung: list[Traces] = []
        self.begun, self.go_on, self.done = Event(), Event(), Event()
        self.fault: Exception | None = None

    def ring_for(self, traces: Traces) -> bool:
        self.begun.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        self.rung.append(traces)
        if len(self.rung) == 2:
            self.done.set()
        if self.fault:
            raise self.fault
        return True

    def ring_again(self, *messages: Message) -> bool:
        return False


@pytest.fixture
def slow() -> SlowDoorbell:
    return SlowDoorbell()


def test_what_is_asked_for_while_a_ring_is_under_way_costs_one_more(slow: SlowDoorbell) -> None:
    doorbell = BackgroundDoorbell(slow)
    first, again, other = SendJobs(uuid4()), SendJobs(uuid4()), ProjectEvents(uuid4())
    assert doorbell.ring(first)
    assert slow.begun.wait(PATIENCE_SECONDS)
    assert doorbell.ring(again)
    assert doorbell.ring(other, again)
    assert slow.rung == []
    slow.go_on.set()
    assert slow.done.wait(PATIENCE_SECONDS)
    assert [list(traces) for traces in slow.rung] == [[first], [again, other]]


def test_each_carries_the_trace_of_who_asked_first(
    slow: SlowDoorbell, monkeypatch: pytest.MonkeyPatch
) -> None:
    doorbell, message = BackgroundDoorbell(slow), SendJobs(uuid4())
    doorbell.ring(SendJobs(uuid4()))
    assert slow.begun.wait(PATIENCE_SECONDS)
    for trace in ("one", "two"):
        monkeypatch.setattr("shared.messaging.background.carried", lambda trace=trace: {"trace": trace})
        doorbell.ring(message)
    slow.go_on.set()
    assert slow.done.wait(PATIENCE_SECONDS)
    assert slow.rung[1] == {message: {"trace": "one"}}


def test_a_fault_of_one_ring_does_not_silence_the_next(slow: SlowDoorbell) -> None:
    slow.fault = TypeError("not a message")
    doorbell = BackgroundDoorbell(slow)
    doorbell.ring(SendJobs(uuid4()))
    assert slow.begun.wait(PATIENCE_SECONDS)
    doorbell.ring(SendJobs(uuid4()))
    slow.go_on.set()
    assert slow.done.wait(PATIENCE_SECONDS)


def test_a_sweep_rings_by_itself_and_hears_whether_it_was_heard(slow: SlowDoorbell) -> None:
    assert not BackgroundDoorbell(slow).ring_again(SendJobs(uuid4()))
