"""The operators' command line, as a process of its own with what the roles are told of their world."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.faults.processes import Processes
from sandbox.client import Json
from sandbox.stack.world import PROJECT

_COMMAND = (sys.executable, "-c", "from shared.cli.main import main; main()")
# It has no page of metrics to add to.
_NOT_ITS = ("PROMETHEUS_MULTIPROC_DIR", "EMAIL_LIVENESS_FILE")
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Said:
    code: int
    told: Json
    complaint: str


@dataclass
class Emailctl:
    """`environment` over that of the web server; None takes a name away."""

    processes: Processes
    environment: dict[str, str | None] = field(default_factory=dict, repr=False)

    def run(self, *arguments: str) -> Said:
        """subprocess.TimeoutExpired when it takes too long."""
        done = subprocess.run(
            self._line(arguments),
            env=self._environment(),
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Said(done.returncode, _object(done.stdout), done.stderr.strip()[-500:])

    def start(self, *arguments: str, log: Path) -> "subprocess.Popen[bytes]":
        """To be killed: what it says is in `log`."""
        with log.open("ab") as file:
            return subprocess.Popen(
                self._line(arguments), env=self._environment(), cwd=PROJECT, stdout=file, stderr=file
            )

    def _line(self, arguments: Iterable[str]) -> list[str]:
        return [*_COMMAND, *arguments, "-o", "json"]

    def _environment(self) -> dict[str, str]:
        given = {**self.processes.environment("web"), **self.environment}
        return {name: value for name, value in given.items() if value is not None and name not in _NOT_ITS}


def _object(text: str) -> Json:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {"rows": told}
