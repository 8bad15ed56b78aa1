"""Rings the doorbell, softly: whoever rings has committed already, and is not to be held up or failed by it."""

import time
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.errors import BrokerConnectionError

from shared.ports.doorbell import Message
from shared.telemetry.metrics import record_ring

# After a failed ring the next ones are not even tried for so long: each would cost its caller the whole time-out.
_SILENT_SECONDS = 1.0


class RedisDoorbell:
    def __init__(self, broker: dramatiq.Broker, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._monotonic = monotonic
        self._silent_until = 0.0

    def ring(self, *messages: Message) -> bool:
        return [self._ring(message) for message in messages].count(False) == 0

    def _ring(self, message: Message) -> bool:
        if self._monotonic() < self._silent_until:
            record_ring(message.queue, outcome="skipped")
            return False
        try:
            self._broker.enqueue(envelope(message))
        except (BrokerConnectionError, redis.RedisError):
            self._silent_until = self._monotonic() + _SILENT_SECONDS
            record_ring(message.queue, outcome="broker_away")
            return False
        record_ring(message.queue, outcome="rung")
        return True


def envelope(message: Message) -> "dramatiq.Message[None]":
    return dramatiq.Message(
        queue_name=message.queue,
        actor_name=type(message).__name__,
        args=(str(message.id),),
        kwargs={},
        options={},
    )
