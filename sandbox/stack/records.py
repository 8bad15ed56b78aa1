"""The files of a running stack in its state folder: where things are, and which processes are ours."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sandbox.files import private_folder, write_json
from sandbox.process import Identity

SUPERVISOR = "supervisor"
# In the environment of every process of a stack, with the stack's random id: orphans are found by it.
MARK = "EMAIL_SANDBOX_STACK"


class StackRunning(RuntimeError):
    """Another supervisor holds this state folder."""


@dataclass(frozen=True)
class Processes:
    stack_id: str
    by_name: Mapping[str, Identity]

    @property
    def supervisor(self) -> Identity:
        return self.by_name[SUPERVISOR]


@dataclass(frozen=True)
class State:
    """A state folder, readable by its owner only."""

    folder: Path

    @classmethod
    def from_environment(cls) -> "State":
        return cls(Path(os.environ.get("EMAIL_STATE_DIR") or ".state").absolute())

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def _stack(self) -> Path:
        return self.folder / "stack.json"

    @property
    def _processes(self) -> Path:
        return self.folder / "processes.json"

    def stack(self) -> dict[str, Any] | None:
        """Where everything is; None while the stack is not ready."""
        return _read(self._stack)

    def publish(self, places: Mapping[str, Any], processes: Processes) -> None:
        pids = {name: identity.pid for name, identity in processes.by_name.items()}
        write_json(self._stack, {**places, "pids": pids})

    def processes(self) -> Processes | None:
        """Every process that was started and not stopped in order; None when there is no stack."""
        found = _read(self._processes)
        if found is None:
            return None
        return Processes(
            found["stack_id"], {name: Identity(**known) for name, known in found["by_name"].items()}
        )

    def remember(self, processes: Processes) -> None:
        write_json(self._processes, asdict(processes))

    def forget(self) -> None:
        for path in (self._stack, self._processes):
            path.unlink(missing_ok=True)

    def holds_back(self, name: str) -> bool:
        """Whether somebody wants `name` to stay down for now."""
        return self._wish("held", name).exists()

    def hold_back(self, name: str) -> None:
        self._wish("held", name).touch()

    def let_go(self, name: str) -> None:
        self._wish("held", name).unlink(missing_ok=True)

    def want_restart(self, name: str) -> None:
        self._wish("restart", name).touch()

    def wants_restart(self, name: str) -> bool:
        """Whether somebody wants `name` to be started anew; once for each wish."""
        try:
            self._wish("restart", name).unlink()
        except FileNotFoundError:
            return False
        return True

    def _wish(self, kind: str, name: str) -> Path:
        return private_folder(self.folder / kind) / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """StackRunning when another process has it. The lock goes with its process, however that ends."""
        with (private_folder(self.folder) / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as taken:
                raise StackRunning(f"a stack is running in {self.folder}") from taken
            yield


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return found
