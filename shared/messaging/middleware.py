"""One policy a class. The watch over the whole worker is in `watch`."""

import time
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import redis
import structlog
from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware

from shared.domain.errors import EmailModuleError
from shared.ports.dead_letters import HandlerFault
from shared.telemetry.errors import report_fault
from shared.telemetry.metrics import record_handled, record_queue_wait, record_ring, record_worker_fault
from shared.telemetry.places import places_of

REASON_MAX_CHARACTERS = 500


class LogContext(Middleware):
    """Every log line of a handler names the message it works on."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        structlog.contextvars.bind_contextvars(actor=message.actor_name, message=message.message_id)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        structlog.contextvars.unbind_contextvars("actor", "message")


class Hearing(Protocol):
    """What of `rings.Rings` is needed here."""

    def hear(self, actor: str, row_id: str, redis_message_id: str) -> None: ...


class HearRing(Middleware):
    """Takes the message's flag down before its handler begins: a later commit needs a ring of its own."""

    def __init__(self, rings: Hearing) -> None:
        self._rings = rings

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        redis_message_id = message.options.get("redis_message_id")
        if redis_message_id is None or not message.args:
            return
        try:
            self._rings.hear(message.actor_name, message.args[0], redis_message_id)
        except redis.RedisError:
            # Until the message is acknowledged rings coalesce with it in vain; then the next sweep's is heard.
            record_ring(message.queue_name, outcome="unheard")


class FaultReport(Middleware):
    """A handler that raised is told of once. Its message is done: the row still waits, and the sweep rings again.

    Each fault also goes to `sink`, which keeps what comes again and again. Whoever collects errors hears of it from a
    middleware of their own: see `telemetry.errors`.
    """

    def __init__(self, sink: Callable[[HandlerFault], None] | None = None) -> None:
        self._sink = sink

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is None:
            return
        record_worker_fault(message.queue_name, exception)
        row_id = _row_id(message)
        if self._sink is None or row_id is None:
            return
        try:
            self._sink(fault_of(message.actor_name, row_id, exception))
        except Exception as error:  # noqa: BLE001 - keeping the fault is no reason to make another of it
            record_worker_fault(message.queue_name, error)
            report_fault(error)


class QueueTimes(Middleware):
    """Measures from the ring to the handler, and the handler. Last of those that act before it: their time is a wait.

    `wall` and `monotonic` in seconds; the former is compared with that of whoever rang, on another machine perhaps.
    """

    def __init__(
        self, *, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._begun: dict[str, float] = {}

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        # Never negative: a clock that is behind must not spoil the sum of the others.
        record_queue_wait(message.queue_name, max(0.0, self._wall() - message.message_timestamp / 1000))
        self._begun[message.message_id] = self._monotonic()

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        begun = self._begun.pop(message.message_id, None)
        if begun is not None:
            record_handled(message.actor_name, self._monotonic() - begun)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        self._begun.pop(message.message_id, None)


def fault_of(actor: str, row_id: UUID, error: BaseException) -> HandlerFault:
    """The text is told of errors of ours only: those of others may quote what they stumbled over."""
    kind = type(error)
    reason = str(error) if isinstance(error, EmailModuleError) else f"{kind.__module__}.{kind.__qualname__}"
    return HandlerFault(
        actor=actor,
        row_id=row_id,
        error_class=kind.__name__,
        reason=reason[:REASON_MAX_CHARACTERS],
        traceback="\n".join(places_of(error)),
    )


def _row_id(message: MessageProxy) -> UUID | None:
    """None for a message that is not one of ours."""
    try:
        return UUID(message.args[0])
    except (IndexError, TypeError, ValueError, AttributeError):
        return None
