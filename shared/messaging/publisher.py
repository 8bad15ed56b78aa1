"""Rings the doorbell, softly: whoever rings has committed already, and is not to be held up or failed by it."""

import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

import redis

from shared.messaging.rings import HERE, Traces
from shared.ports.doorbell import Message
from shared.telemetry.metrics import record_ring

# After a failed ring the next ones are not even tried for so long: each would cost its caller the whole time-out.
_SILENT_SECONDS = 1.0


class Putting(Protocol):
    """What of `rings.Rings` is needed here."""

    def put(
        self, queue: str, messages: Sequence[Message], *, by_sweep: bool, traces: Traces = ...
    ) -> int: ...


class RedisDoorbell:
    """Implements `ports.doorbell.Doorbell`.

    Whatever Redis answers (away, out of memory, read-only, still loading, another password) is a ring that was lost.
    """

    def __init__(self, rings: Putting, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rings = rings
        self._monotonic = monotonic
        self._silent_until = 0.0

    def ring(self, *messages: Message) -> bool:
        return self._ring(messages, by_sweep=False)

    def ring_for(self, traces: Traces) -> bool:
        """What others asked for, each with its trace."""
        return self._ring(list(traces), by_sweep=False, traces=traces)

    def ring_again(self, *messages: Message) -> bool:
        return self._ring(messages, by_sweep=True)

    def _ring(self, messages: Sequence[Message], *, by_sweep: bool, traces: Traces = HERE) -> bool:
        in_order = sorted(messages, key=lambda message: message.queue)
        queues = [(queue, list(rung)) for queue, rung in groupby(in_order, key=lambda one: one.queue)]
        rung = [self._put(queue, each, by_sweep=by_sweep, traces=traces) for queue, each in queues]
        return all(rung)

    def _put(self, queue: str, messages: Sequence[Message], *, by_sweep: bool, traces: Traces) -> bool:
        if self._monotonic() < self._silent_until:
            record_ring(queue, outcome="skipped", count=len(messages))
            return False
        try:
            new = self._rings.put(queue, messages, by_sweep=by_sweep, traces=traces)
        except redis.RedisError:
            self._silent_until = self._monotonic() + _SILENT_SECONDS
            record_ring(queue, outcome="broker_away", count=len(messages))
            return False
        record_ring(queue, outcome="rung", count=new)
        record_ring(queue, outcome="coalesced", count=len(messages) - new)
        return True
