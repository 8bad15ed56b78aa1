"""One policy a class."""

import os
import signal
import threading
import time
from typing import Any

import redis
import structlog
from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from shared.telemetry.metrics import record_broker_gone, record_worker_fault


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


class FaultReport(Middleware):
    """A handler that raised is told of once. Its message is done: the row still waits, and the sweep rings again."""

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        if exception is not None:
            record_worker_fault(message.queue_name, exception)


class EndWithoutBroker(Middleware):
    """Ends the worker when its broker has been away for long, so that the supervisor starts it afresh.

    A Dramatiq consumer that lives through a long outage keeps its identity and may sit on messages it no longer knows.
    """

    def __init__(
        self, client: "redis.Redis", *, give_up_after_seconds: float, look_seconds: float = 2.0
    ) -> None:
        self._client = client
        self._give_up_after_seconds = give_up_after_seconds
        self._look_seconds = look_seconds
        self._stopping = threading.Event()

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        threading.Thread(target=self._watch, name="broker-watch", daemon=True).start()

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        self._stopping.set()

    def _watch(self) -> None:
        last_answer = time.monotonic()
        while not self._stopping.wait(self._look_seconds):
            if self._answers():
                last_answer = time.monotonic()
            elif time.monotonic() - last_answer > self._give_up_after_seconds:
                record_broker_gone(time.monotonic() - last_answer)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _answers(self) -> bool:
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False
