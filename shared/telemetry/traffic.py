"""What happened in this process since it was last written down: counts for pictures, beside the metrics.

A picture is of all processes and of days, and so of rows; metrics are of a process, and read by somebody else's server.
What a process counted and did not write dies with it.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from multiprocessing.util import Finalize

import structlog

from shared.domain.traffic import Counted, bounded

_log = structlog.get_logger("email")

Counts = Mapping[tuple[Counted, str], int]
EVERY_SECONDS = 10.0
# A database that does not answer must not hold up the end of a process.
LAST_WORD_SECONDS = 2.0


class Tally:
    """Shared by threads. As many counts as there are labels, however long nobody takes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[Counted, str], int] = defaultdict(int)

    def count(self, counted: Counted, label: str = "", n: int = 1) -> None:
        key = (counted, bounded(counted, label))
        with self._lock:
            self._counts[key] += n

    def drain(self) -> Counts:
        """Takes everything at once."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(int)
        return counts

    def put_back(self, counts: Counts) -> None:
        with self._lock:
            for key, n in counts.items():
                self._counts[key] += n


_OF_THIS_PROCESS = Tally()
count = _OF_THIS_PROCESS.count
drain = _OF_THIS_PROCESS.drain


class Writer:
    """Has what was counted written every now and then, in a thread of its own, and once more at the end.

    What `write` raises keeps the counts for the next time.
    """

    def __init__(
        self,
        write: Callable[[Counts], None],
        tally: Tally = _OF_THIS_PROCESS,
        *,
        every_seconds: float = EVERY_SECONDS,
        last_word_seconds: float = LAST_WORD_SECONDS,
    ) -> None:
        self._write = write
        self._tally = tally
        self._every_seconds = every_seconds
        self._last_word_seconds = last_word_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._fails = False

    def start(self) -> None:
        """In the process that counts, after it was forked. It ends with that process, however the process was made."""
        self._thread.start()
        # Not atexit: a process of multiprocessing, which servers' workers are, does not run that when it was forked.
        Finalize(None, self.end, exitpriority=0)

    def end(self) -> None:
        """Writes what is left, unless that takes too long."""
        self._ended.set()
        self._thread.join(self._last_word_seconds)

    def write(self) -> None:
        counts = self._tally.drain()
        if not counts:
            return
        try:
            self._write(counts)
        except Exception as error:  # noqa: BLE001 - whatever it is: there is nobody to tell, and counts go on
            self._tally.put_back(counts)
            self._tell(error)
        else:
            self._fails = False

    def _tell(self, error: Exception) -> None:
        """Once, and not with every try."""
        if not self._fails:
            _log.warning("email.traffic.not_written", error=type(error).__name__)
        self._fails = True

    def _run(self) -> None:
        while not self._ended.wait(self._every_seconds):
            self.write()
        self.write()
