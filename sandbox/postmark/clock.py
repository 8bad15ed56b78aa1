"""The simulator's clock, which tests may speed up or push forward, and the work that waits on it."""

import asyncio
import contextlib
import heapq
import itertools
import logging
import time
from collections.abc import Callable

from sandbox.postmark.store import Store


class Clock:
    """The wall clock, until someone changes the scale or advances it; a restart goes on from there."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._anchor = {"wall": 0.0, "virtual": 0.0, "scale": 1.0}
        self._anchor.update(next(store.load("clock"), {}))

    @property
    def scale(self) -> float:
        return self._anchor["scale"]

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self._anchor["virtual"] + (time.time() - self._anchor["wall"]) * self.scale

    def change(self, *, scale: float | None = None, advance_seconds: float = 0.0) -> None:
        now = self.now() + advance_seconds
        self._anchor = {"wall": time.time(), "virtual": now, "scale": self.scale if scale is None else scale}
        self._store.put("clock", "anchor", self._anchor)

    def return_to_wall(self) -> None:
        """What was dated while it was ahead then lies in its future."""
        self.reset()
        self._store.put("clock", "anchor", self._anchor)

    def reset(self) -> None:
        self._anchor = {"wall": 0.0, "virtual": 0.0, "scale": 1.0}


class Timetable:
    """Calls that are due at a moment of the simulated clock, run one after another on the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def at(self, due: float, action: Callable[[], object]) -> None:
        heapq.heappush(self._heap, (due, next(self._order), action))
        if self._heap[0][0] == due:
            self._changed.set()

    def clock_changed(self) -> None:
        self._changed.set()

    def clear(self) -> None:
        self._heap.clear()

    @property
    def waiting(self) -> int:
        return len(self._heap)

    @property
    def is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= self._clock.now()

    async def run(self) -> None:
        while True:
            self._changed.clear()
            ran = 0
            while self.is_due:
                _run(heapq.heappop(self._heap)[2])
                ran += 1
                if ran % 50 == 0:  # let calls in between: a batch of 500 falls due at one moment
                    await asyncio.sleep(0)
            await self._pause()

    async def _pause(self) -> None:
        delay = None
        if self._heap:
            delay = max(0.0, (self._heap[0][0] - self._clock.now()) / self._clock.scale)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), delay)


def _run(action: Callable[[], object]) -> None:
    try:
        action()
    except Exception:  # a fault of the simulator in one event must not stop time for all others
        logging.getLogger(__name__).exception("scheduled work failed")
