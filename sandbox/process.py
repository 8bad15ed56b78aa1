"""A process that we start, watch and stop: its own group, its own log, known by pid and time of creation."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sandbox.accounts import Account

POLL_SECONDS = 0.02


class DidNotStart(RuntimeError):
    """A process ended, or did not become ready in time. The text ends with the tail of its log."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name} {reason}\n--- {log} ---\n{tail(log)}")
        self.name = name
        self.log = log


@dataclass(frozen=True)
class Program:
    """What to run. `env` is the whole environment; `stop_signal` asks for an orderly end within `drain_seconds`."""

    name: str
    argv: tuple[str, ...] = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    log: Path
    account: Account | None = None
    cwd: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    drain_seconds: float = 10.0


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one that was given the same pid."""

    pid: int
    created_at: float  # seconds since the epoch, as the kernel tells it

    @classmethod
    def of(cls, pid: int) -> "Identity":
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, while it lives. A zombie does not."""
        try:
            found = psutil.Process(self.pid)
            alive = found.create_time() == self.created_at and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if alive else None


class Child:
    """A running program. It leads a group, so that what it started can be ended with it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._log_start = program.log.stat().st_size if program.log.exists() else 0
        self.asked_to_stop = False
        # Called while waiting for this child; may raise, when the wait has lost its point.
        self.meanwhile: Callable[[], None] = _nothing
        self._popen = _spawn(program)
        self.started_at = time.monotonic()
        self.identity = Identity.of(self._popen.pid)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def exit_code(self) -> int | None:
        return self._popen.poll()

    def output(self) -> str:
        """What this run has logged; the log file goes further back."""
        with self.program.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait(self, *, seconds: float) -> int:
        """Its exit code; subprocess.TimeoutExpired, and an end by force, when it takes longer."""
        try:
            return self._popen.wait(seconds)
        finally:
            self.stop()

    def ask_to_stop(self) -> None:
        """Once only: dramatiq takes a second signal for impatience, and drops the work in hand."""
        if not self.asked_to_stop and self.exit_code() is None:
            self._popen.send_signal(self.program.stop_signal)
        self.asked_to_stop = True

    def stop(self) -> None:
        """End it in order, then whatever is left of its group by force. Returns when all of it is gone."""
        self.ask_to_stop()
        if self.exit_code() is None:
            try:
                self._popen.wait(self.program.drain_seconds)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self.end_group()

    def end_group(self) -> None:
        """Kill what a dead leader left behind: an orphaned worker would go on consuming beside its replacement."""
        with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when `ready`; DidNotStart when the process ends first or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.meanwhile()
            if (code := self.exit_code()) is not None:
                raise DidNotStart(self.program.name, f"ended with {describe_exit(code)}", self.program.log)
            if time.monotonic() > deadline:
                raise DidNotStart(self.program.name, f"was not ready after {seconds:.0f} s", self.program.log)
            time.sleep(POLL_SECONDS)


def _nothing() -> None:
    """The default of `Child.meanwhile`."""


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    account = program.account
    program.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        return subprocess.Popen(
            program.argv,
            env=dict(program.env),
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def describe_exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(log: Path, lines: int = 25) -> str:
    """The last lines of a log, or a remark that there is nothing."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def bare_environment(**extra: str) -> dict[str, str]:
    """Only what a server needs to find its programs: settings of our caller (PGPORT, AWS_PROFILE) must not reach it."""
    path = os.environ.get("PATH", os.defpath)
    return {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", **extra}
