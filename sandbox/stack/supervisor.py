"""Starts processes in order, starts again what dies, stops everything in reverse order."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.process import Child, DidNotStart, Program, describe_exit

POLL_SECONDS = 0.1
BACKOFF_FIRST_SECONDS = 0.25
BACKOFF_MOST_SECONDS = 10.0
# A process that lived so long has not failed to start.
HEALTHY_SECONDS = 20.0

log = logging.getLogger("sandbox.supervisor")


class Stopped(Exception):
    """Somebody asked for the end."""


def no_wait(child: Child) -> None:
    """For what is ready as soon as it runs."""


@dataclass(frozen=True)
class Unit:
    """A program to keep running. `wait_ready` returns when others may use it, or raises DidNotStart."""

    program: Program
    wait_ready: Callable[[Child], None] = no_wait
    # Stopped only after all those that need it.
    serves_others: bool = False
    # Emptied before each start: metrics files of a dead process would be counted for ever.
    scratch: Path | None = None

    @property
    def name(self) -> str:
        return self.program.name

    def start(self) -> Child:
        """A running process, perhaps not ready yet."""
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(mode=0o700, parents=True)
        return Child(self.program)


@dataclass
class _Kept:
    unit: Unit
    child: Child
    failures: int = 0
    start_again_at: float | None = None  # on the monotonic clock; None while it runs


@dataclass
class Supervisor:
    """`changed` is called after every start; the other two are asked, by name, what somebody else wants."""

    changed: Callable[[], None]
    held_back: Callable[[str], bool]
    restart_wanted: Callable[[str], bool]
    stopping: threading.Event = field(default_factory=threading.Event)
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def children(self) -> dict[str, Child]:
        return {name: kept.child for name, kept in self._kept.items()}

    def adopt(self, unit: Unit, child: Child) -> None:
        """Keep a process that was started already."""
        self._kept[unit.name] = _Kept(unit, child)
        log.info("%s runs as pid %d", unit.name, child.pid)
        self.changed()

    def start(self, *units: Unit) -> None:
        """Start them all, not ready yet."""
        for unit in units:
            self.adopt(unit, unit.start())

    def wait_ready(self, unit: Unit) -> Child:
        """Return when `unit` is ready, with `check` meanwhile."""
        child = self._kept[unit.name].child
        child.meanwhile = self.check
        unit.wait_ready(child)
        self.check()
        return child

    def check(self) -> None:
        """DidNotStart when a process has died: later it is replaced, but while the stack is starting it is a fault.

        Stopped when somebody asked for the end.
        """
        self._check_stopping()
        for name, kept in self._kept.items():
            if (code := kept.child.exit_code()) is not None:
                raise DidNotStart(name, f"ended with {describe_exit(code)}", kept.unit.program.log)

    def _check_stopping(self) -> None:
        if self.stopping.is_set():
            raise Stopped

    def watch(self) -> None:
        """Replace what dies, until `stopping` is set."""
        with suppress(Stopped):
            while not self.stopping.wait(POLL_SECONDS):
                for kept in self._kept.values():
                    self._look_at(kept)

    def _look_at(self, kept: _Kept) -> None:
        if kept.start_again_at is None:
            if (code := kept.child.exit_code()) is not None:
                self._note_death(kept, code)
            elif self.restart_wanted(kept.unit.name):
                kept.child.ask_to_stop()
        elif time.monotonic() >= kept.start_again_at and not self.held_back(kept.unit.name):
            self._start_again(kept)

    def _note_death(self, kept: _Kept, code: int) -> None:
        kept.child.end_group()
        lived_seconds = time.monotonic() - kept.child.started_at
        healthy = lived_seconds >= HEALTHY_SECONDS or kept.child.asked_to_stop
        kept.failures = 0 if healthy else kept.failures + 1
        wait = 0.0 if healthy else min(BACKOFF_FIRST_SECONDS * 2 ** (kept.failures - 1), BACKOFF_MOST_SECONDS)
        log.warning("%s ended with %s; next start in %.1f s", kept.unit.name, describe_exit(code), wait)
        kept.start_again_at = time.monotonic() + wait

    def _start_again(self, kept: _Kept) -> None:
        kept.child = kept.unit.start()
        kept.child.meanwhile = self._check_stopping
        kept.start_again_at = None
        self.changed()
        log.info("%s runs again as pid %d", kept.unit.name, kept.child.pid)
        try:
            kept.unit.wait_ready(kept.child)
        except DidNotStart as failure:
            log.warning("%s", failure)
            kept.child.stop()  # the next look finds it dead

    def stop(self) -> None:
        """Those that serve others end last, in reverse order; each gets the time it needs to finish its work."""
        for kept in self._kept.values():
            if not kept.unit.serves_others:
                kept.child.ask_to_stop()
        for kept in reversed(self._kept.values()):
            kept.child.stop()
            log.info("%s stopped", kept.unit.name)
