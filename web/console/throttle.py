"""Guessing keys has to be slow: a process that has refused enough refuses everybody for a while."""

import math
from collections import deque
from datetime import datetime, timedelta
from threading import Lock

from shared.ports.clock import Clock

TRIES = 10
WITHIN = timedelta(minutes=1)


class Throttle:
    """One a process, used by all its threads. Not by address: behind a proxy everybody has the same."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused: deque[datetime] = deque(maxlen=TRIES)
        self._turn = Lock()

    def refused(self) -> None:
        with self._turn:
            self._refused.append(self._clock.now())

    def wait_seconds(self) -> int:
        """Until the next try is looked at; 0 when it is now."""
        with self._turn:
            if len(self._refused) < TRIES:
                return 0
            waited = self._clock.now() - self._refused[0]
            # A clock that was set back must not keep everybody out until it has caught up.
            left = WITHIN - waited if waited >= timedelta(0) else timedelta(0)
            return max(0, math.ceil(left.total_seconds()))
