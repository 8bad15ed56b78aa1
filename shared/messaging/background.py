"""Rings from a thread of its own: whoever accepts work is not held up by the broker.

What many ask for while a ring is under way costs one round trip together. What was still to be rung for when the
process ends is found by the sweep, as any ring that is lost.
"""

from collections.abc import Mapping
from threading import Event, Lock, Thread
from typing import Any, Protocol

from shared.messaging.rings import Traces
from shared.ports.doorbell import Message
from shared.telemetry.errors import report_fault
from shared.telemetry.tracing import carried

# After a round, so that under load one of them serves many; a single ring is never held up.
_PAUSE_SECONDS = 0.02


class Ringing(Protocol):
    """What of `publisher.RedisDoorbell` is needed here."""

    def ring_for(self, traces: Traces) -> bool: ...

    def ring_again(self, *messages: Message) -> bool: ...


class BackgroundDoorbell:
    """Implements `ports.doorbell.Doorbell`."""

    def __init__(self, doorbell: Ringing) -> None:
        self._doorbell = doorbell
        self._asked: dict[Message, Mapping[str, Any]] = {}
        self._lock = Lock()
        self._wanted, self._never = Event(), Event()
        self._thread: Thread | None = None

    def ring(self, *messages: Message) -> bool:
        """True: it is asked for. Whether it was rung, the metrics tell."""
        trace = carried()
        with self._lock:
            for message in messages:
                self._asked.setdefault(message, trace)
            self._start()
        self._wanted.set()
        return True

    def ring_again(self, *messages: Message) -> bool:
        return self._doorbell.ring_again(*messages)

    def _start(self) -> None:
        """With the first ring: in the process that rings, and not in one that it was forked from."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="doorbell", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self._round()
            self._never.wait(_PAUSE_SECONDS)

    def _round(self) -> None:
        with self._lock:
            asked, self._asked = self._asked, {}
        try:
            if asked:
                self._doorbell.ring_for(asked)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the next rings are to be heard
            report_fault(fault)
