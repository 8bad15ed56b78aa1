"""A worker goes on with the trace that a message carries, and has told of everything before it ends."""

from typing import Any

from dramatiq import Broker, MessageProxy
from dramatiq.middleware import Middleware
from dramatiq.worker import Worker

from shared.telemetry import tracing
from shared.telemetry.errors import flush

# A worker's process ends without what Python does at exit: Dramatiq forks it.
_LAST_WORDS_SECONDS = 2.0


class FollowTrace(Middleware):
    """Every log line of a handler, every ring and whatever it keeps is of the message's trace."""

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        tracing.begin_message(message.options)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        tracing.end_message()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        tracing.end_message()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        flush(_LAST_WORDS_SECONDS)
