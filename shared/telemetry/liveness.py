"""A file that says "this process gets on with its work". Missing or old, it says that the process does not.

For probes that run a command: existence of a process proves nothing, and most roles have no port.
"""

import json
import os
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock


class Progress:
    """What is being worked on just now, and how much was done. Shared by threads."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = Lock()
        self._begun: dict[Hashable, float] = {}
        self.done = 0

    def begin(self, work: Hashable) -> None:
        with self._lock:
            self._begun[work] = self._monotonic()

    def end(self, work: Hashable) -> None:
        """Also of what failed: it does not hang."""
        with self._lock:
            if self._begun.pop(work, None) is not None:
                self.done += 1

    @property
    def running(self) -> int:
        return len(self._begun)

    def oldest_seconds(self) -> float:
        """0.0 when nothing runs."""
        with self._lock:
            return self._monotonic() - min(self._begun.values()) if self._begun else 0.0


class Liveness:
    """Writes the file, unless some piece of work takes longer than `stuck_after_seconds`. Without a file: nothing."""

    def __init__(
        self, file: Path | None, progress: Progress, *, counts: str, stuck_after_seconds: float
    ) -> None:
        """`counts`: what one piece of work is called in the file."""
        self._file = file
        self._progress = progress
        self._counts = counts
        self._stuck_after_seconds = stuck_after_seconds

    def touch(self) -> bool:
        """False when it was not written. Raises `OSError` when it cannot be."""
        oldest_seconds = self._progress.oldest_seconds()
        if self._file is None or oldest_seconds > self._stuck_after_seconds:
            return False
        content = {
            "at": round(time.time(), 3),
            self._counts: self._progress.done,
            "oldest_running_seconds": round(oldest_seconds, 3),
        }
        # Whole or not at all: a probe may read at any moment.
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
        draft.replace(self._file)
        return True


def verdict(file: Path, *, max_age_seconds: float, now: float) -> tuple[bool, str]:
    """Whether the file is fresh at `now` (seconds since the epoch), and why, in one line.

    Its age is that of the file, so that a process whose own clock is wrong is not taken for dead.
    """
    try:
        age_seconds = now - file.stat().st_mtime
        content = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        return False, f"{file}: {error.strerror}"
    alive = abs(age_seconds) <= max_age_seconds
    relation = "within" if alive else "not within"
    return alive, f"{file}: {age_seconds:.1f} s old, {relation} {max_age_seconds:g} s: {content}"
