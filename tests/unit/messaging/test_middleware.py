"""What is kept of a fault, and what never is; a flag that cannot be taken down; what is measured."""

from collections.abc import Mapping
from uuid import UUID, uuid4

import pytest
import redis
from dramatiq import Message, MessageProxy
from dramatiq.brokers.stub import StubBroker
from prometheus_client import REGISTRY

from shared.domain.errors import InvalidValue, OutcomeUnknown, StoreUnavailable
from shared.messaging.messages import SendJobs
from shared.messaging.middleware import (
    REASON_MAX_CHARACTERS,
    FaultReport,
    HearRing,
    QueueTimes,
    fault_of,
)
from shared.messaging.rings import envelope
from shared.ports.dead_letters import HandlerFault
from shared.telemetry.places import PLACES_MAX

ROW = UUID("019b0000-0000-7000-8000-000000000001")
SECRET = "person@example.com hunter2"


class Away:
    def hear(self, actor: str, row_id: str, redis_message_id: str) -> None:
        raise redis.ConnectionError("refused")


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """With a traceback, as a handler would raise it."""
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def counted(error: str) -> float:
    return REGISTRY.get_sample_value("email_worker_fault_total", {"queue": "send", "error": error}) or 0.0


def report(fault: FaultReport, message: "Message[None]", error: BaseException | None) -> None:
    fault.after_process_message(StubBroker(middleware=[]), MessageProxy(message), exception=error)


def test_a_fault_is_handed_on_with_its_message_and_row() -> None:
    kept: list[HandlerFault] = []
    report(FaultReport(kept.append), envelope(SendJobs(ROW)), raised(StoreUnavailable("down")))
    (fault,) = kept
    assert (fault.actor, fault.row_id, fault.error_class, fault.reason) == (
        "SendJobs",
        ROW,
        "StoreUnavailable",
        "down",
    )


def test_a_handler_that_did_its_work_is_no_fault() -> None:
    kept: list[HandlerFault] = []
    report(FaultReport(kept.append), envelope(SendJobs(ROW)), None)
    assert kept == []


def test_a_sink_that_fails_is_told_of_and_never_raised() -> None:
    def fails(_: HandlerFault) -> None:
        raise StoreUnavailable("down as well")

    before = counted("StoreUnavailable")
    report(FaultReport(fails), envelope(SendJobs(ROW)), raised(ValueError("x")))
    assert counted("StoreUnavailable") == before + 1


@pytest.mark.parametrize("args", [(), ("no id",), (7,), (None,)])
def test_a_message_that_is_not_ours_is_counted_and_not_kept(args: tuple[object, ...]) -> None:
    kept: list[HandlerFault] = []
    foreign: Message[None] = envelope(SendJobs(ROW)).copy(args=args)
    before = counted("ValueError")
    report(FaultReport(kept.append), foreign, raised(ValueError("x")))
    assert kept == []
    assert counted("ValueError") == before + 1


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), RuntimeError(SECRET, SECRET)])
def test_texts_that_are_not_ours_are_not_kept(error: Exception) -> None:
    fault = fault_of("SendJobs", ROW, raised(error, cause=OSError(SECRET)))
    assert "hunter2" not in repr(fault)
    assert "person@" not in repr(fault)
    assert fault.reason == f"builtins.{type(error).__name__}"


def test_an_error_of_ours_says_what_to_do() -> None:
    fault = fault_of("SendJobs", ROW, raised(InvalidValue("replyTo", "use an address")))
    assert fault.reason == "replyTo: use an address"


def test_the_reason_fits_a_row() -> None:
    fault = fault_of("SendJobs", ROW, raised(OutcomeUnknown("timeout", "x" * 5000)))
    assert len(fault.reason) == REASON_MAX_CHARACTERS


def test_a_traceback_is_places_down_to_the_cause() -> None:
    secret_of_the_line = SECRET
    lines = fault_of(
        "SendJobs", ROW, raised(StoreUnavailable("x"), raised(OSError(secret_of_the_line)))
    ).traceback.splitlines()
    assert lines[0] == "StoreUnavailable"
    assert lines[2] == "from OSError"
    assert all(" raised" in line for line in (lines[1], lines[3]))
    assert lines[1].startswith("  unit/messaging/test_middleware.py:")
    assert len(lines) == 4


def test_a_recursion_does_not_fill_the_row() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    assert len(fault_of("SendJobs", ROW, caught.value).traceback.splitlines()) == PLACES_MAX + 1


def test_a_flag_that_cannot_be_taken_down_does_not_keep_the_handler_from_its_work() -> None:
    labels = {"queue": "send", "outcome": "unheard"}
    before = REGISTRY.get_sample_value("email_send_ring_total", labels) or 0.0
    message = envelope(SendJobs(uuid4())).copy(options={"redis_message_id": "x"})
    HearRing(Away()).before_process_message(StubBroker(middleware=[]), MessageProxy(message))
    assert REGISTRY.get_sample_value("email_send_ring_total", labels) == before + 1


RUNG_AT_SECONDS = 1_800_000_000.0
BROKER = StubBroker(middleware=[])


def timed(*, heard_after_seconds: float, took_seconds: float = 0.0) -> tuple[QueueTimes, MessageProxy]:
    """A message that was rung for at RUNG_AT_SECONDS of the ringer's clock."""
    ticks = iter((0.0, took_seconds))
    times = QueueTimes(wall=lambda: RUNG_AT_SECONDS + heard_after_seconds, monotonic=lambda: next(ticks))
    rung: Message[None] = envelope(SendJobs(ROW)).copy(message_timestamp=int(RUNG_AT_SECONDS * 1000))
    return times, MessageProxy(rung)


WAITED = ("email_queue_wait_seconds", {"queue": "send"})
HANDLED = ("email_queue_handled_seconds", {"actor": "SendJobs"})


def measured(name: str, labels: Mapping[str, str]) -> list[float]:
    """How many were measured so far, and their sum."""
    return [REGISTRY.get_sample_value(name + part, dict(labels)) or 0.0 for part in ("_count", "_sum")]


def test_a_wait_is_measured_from_the_ring_to_the_handlers_begin() -> None:
    times, message = timed(heard_after_seconds=2.5)
    count, total = measured(*WAITED)
    times.before_process_message(BROKER, message)
    assert measured(*WAITED) == pytest.approx([count + 1, total + 2.5])


def test_a_clock_that_is_behind_that_of_whoever_rang_makes_no_negative_wait() -> None:
    times, message = timed(heard_after_seconds=-30.0)
    count, total = measured(*WAITED)
    times.before_process_message(BROKER, message)
    assert measured(*WAITED) == [count + 1, total]


@pytest.mark.parametrize("error", [None, ValueError("x")])
def test_a_handler_is_measured_whether_or_not_it_raised(error: Exception | None) -> None:
    times, message = timed(heard_after_seconds=1.0, took_seconds=0.75)
    count, total = measured(*HANDLED)
    times.before_process_message(BROKER, message)
    times.after_process_message(BROKER, message, exception=error)
    assert measured(*HANDLED) == pytest.approx([count + 1, total + 0.75])


def test_a_message_that_was_skipped_was_not_handled() -> None:
    times, message = timed(heard_after_seconds=1.0)
    before = measured(*HANDLED)
    times.before_process_message(BROKER, message)
    times.after_skip_message(BROKER, message)
    times.after_process_message(BROKER, message)
    assert measured(*HANDLED) == before
