"""What can be done to the product's processes, by the name of their role."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.faults.nursery import Wishes
from bench.faults.plan import ROLES
from sandbox.ports import listens, talks_to
from sandbox.stack import commands
from sandbox.stack.records import State

READY_SECONDS = 60.0


class Processes:
    """A role's process is the one its nursery runs: dramatiq's, granian's or the scheduler's, with its children."""

    def __init__(self, state: State, places: Mapping[str, str], roles: Sequence[str] = ROLES) -> None:
        self.roles = roles
        # Where a role may be connected to instead of the broker itself.
        self.proxied_ports: tuple[int, ...] = ()
        self._state = state
        self._nursery = state.folder / "nursery"
        self._web_port = urlsplit(places["web_url"]).port or 0
        self._redis_port = urlsplit(places["redis_url"]).port or 0
        self._database_port = urlsplit(places["database_url"]).port or 0

    @property
    def folder(self) -> Path:
        return self._state.folder

    def kill(self, role: str) -> bool:
        """kill -9 of the whole family at one moment; False when it was not there."""
        return self._send(role, signal.SIGKILL)

    def freeze(self, role: str) -> bool:
        return self._send(role, signal.SIGSTOP)

    def thaw(self, role: str) -> bool:
        return self._send(role, signal.SIGCONT)

    def terminate(self, role: str) -> bool:
        """As a supervisor asks: of the first process only."""
        family = self._family(role)
        for process in family[:1]:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        return bool(family)

    def restart(self, role: str) -> None:
        """In order, and return when it is ready again."""
        before = self.ends(role)
        self.terminate(role)
        _wait(lambda: self.ends(role) > before, f"the end of {role}")
        self.wait_ready(role)

    def family(self, name: str) -> list[int]:
        """The pids of a role, or of a server with its children."""
        server = [] if name in self.roles else [self.leader(name)]
        return server + [process.pid for process in self._family(name)]

    def shows_life(self, role: str, since: float) -> bool:
        """Whether it has written its liveness file since; in seconds since the epoch."""
        path = self._nursery / f"{role}.live"
        return path.exists() and path.stat().st_mtime > since

    def environment(self, role: str) -> dict[str, str]:
        """What the stack gave it; wishes are not in it."""
        return psutil.Process(self.leader(role)).environ()

    def role_of(self, local_port: int, roles: Iterable[str]) -> str | None:
        """Whose process has a connection from this port."""
        return next((role for role in roles if talks_from(self.leader(role), local_port)), None)

    def ends(self, role: str) -> int:
        """How often it ended so far, by whatever."""
        path = self._nursery / f"{role}.ends"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def wish(self, role: str, wishes: Wishes) -> None:
        """For its next start."""
        wishes.write(self._nursery, role)

    @contextmanager
    def dressed(self, wishes: Mapping[str, Wishes]) -> Iterator[None]:
        """These roles restarted as wished, and as usual after the block."""
        self.dress(wishes)
        try:
            yield
        finally:
            self.dress(dict.fromkeys(wishes, Wishes()))

    def dress(self, wishes: Mapping[str, Wishes]) -> None:
        """These roles killed, and started again as wished."""
        for role, wish in wishes.items():
            self.wish(role, wish)
            self.thaw(role)
            self.kill(role)
        for role, wish in wishes.items():
            if not wish.held:
                self.wait_ready(role)

    def heal(self) -> None:
        """Everything runs, nothing is wished for."""
        for role in self.roles:
            if (self._nursery / f"{role}.json").exists():
                self.wish(role, Wishes())
            self.thaw(role)
        for role in self.roles:
            self.wait_ready(role)

    def wait_ready(self, role: str) -> None:
        _wait(lambda: self._is_ready(role), f"{role} to be ready")

    def _is_ready(self, role: str) -> bool:
        leader = self.leader(role)
        if role.startswith("web"):
            return listens(leader, self._web_port)
        own = self._database_port if role.startswith("scheduler") else self._redis_port
        # Through a proxy it has some connection, too.
        return any(talks_to(leader, port) for port in (own, *self.proxied_ports))

    def leader(self, role: str) -> int:
        processes = self._state.processes()
        assert processes is not None, "the stack runs"
        return processes.by_name[role].pid

    def _family(self, role: str) -> list[psutil.Process]:
        """Without the nursery: eldest first."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.leader(role)).children(recursive=True)
        return []

    def _send(self, role: str, number: signal.Signals) -> bool:
        family = self._family(role)
        if number is signal.SIGKILL:
            # Held first: whoever forks between the look and the kill would leave an orphan.
            self._signal(family, signal.SIGSTOP)
            family = self._family(role)
        return self._signal(family, number)

    @staticmethod
    def _signal(family: list[psutil.Process], number: signal.Signals) -> bool:
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return bool(family)

    # Servers, kept by the stack's own supervisor.

    def take_away(self, server: str) -> None:
        commands.kill(self._state, server, hold=True)

    def bring_back(self, server: str) -> None:
        commands.start(self._state, server)

    def stop_immediately(self, server: str) -> None:
        """PostgreSQL's immediate mode: no checkpoint, sessions broken off, recovery at the next start."""
        processes = self._state.processes()
        assert processes is not None, "the stack runs"
        os.kill(processes.by_name[server].pid, signal.SIGQUIT)


def talks_from(pid: int, local_port: int) -> bool:
    """Whether `pid` or a descendant of it has a connection from this port."""
    with suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        for member in [leader, *leader.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if any(held.laddr.port == local_port for held in member.net_connections("tcp")):
                    return True
    return False


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {READY_SECONDS:.0f} s for {what}")
        time.sleep(0.05)
