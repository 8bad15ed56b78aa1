"""A handler's log lines, its rings and its rows are of the trace that its message carries."""

from uuid import UUID

import pytest
import structlog
from dramatiq import Message, MessageProxy
from dramatiq.brokers.stub import StubBroker

from shared.messaging.messages import SendJobs
from shared.messaging.rings import envelope
from shared.messaging.tracing import FollowTrace
from shared.telemetry import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"
ROW = UUID("019b0000-0000-7000-8000-000000000001")


@pytest.fixture
def broker() -> StubBroker:
    return StubBroker(middleware=[FollowTrace()])


def rung_in(trace: str) -> "Message[None]":
    request = tracing.begin_request(trace, route="/job", told=True)
    message = envelope(SendJobs(ROW))
    request.end(202)
    return message


def test_a_message_is_gone_on_with_and_left_behind(broker: StubBroker) -> None:
    message = MessageProxy(rung_in(TRACE))
    broker.emit_before("process_message", message)
    assert structlog.contextvars.get_contextvars()["trace"] == tracing.id_of(TRACE)
    assert envelope(SendJobs(ROW)).options == {tracing.CARRIED_AS: {"sentry-trace": TRACE}}
    broker.emit_after("process_message", message, exception=ValueError())
    assert tracing.current() is None


def test_a_message_that_is_skipped_is_left_behind_too(broker: StubBroker) -> None:
    message = MessageProxy(rung_in(TRACE))
    broker.emit_before("process_message", message)
    broker.emit_after("skip_message", message)
    assert tracing.current() is None


def test_a_ring_of_nobody_carries_nothing() -> None:
    assert envelope(SendJobs(ROW)).options == {}
