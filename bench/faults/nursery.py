"""Starts a role's command over and over, from a process that has its imports done: a start then takes a blink.

    python -m bench.faults.nursery FOLDER NAME MODULE ARGUMENT...

What runs is what `python -m MODULE ARGUMENT...` runs, in a fork of this process; killed, it is there again at once.
Each end adds a line to FOLDER/NAME.ends; what runs shows its life in FOLDER/NAME.live. FOLDER/NAME.json, see `Wishes`,
is read before each start.
"""

import importlib
import json
import os
import random
import runpy
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from sandbox.files import private_folder, write_json
from shared import config
from shared.gateways.route53.client import make_route53_client

# What takes its time to import, by the module that is run.
_PRELOADED = {
    "dramatiq": ("dramatiq.cli", "workers.main"),
    "granian": ("granian.cli", "granian.server", "web.app"),
    "scheduler.main": ("scheduler.main",),
}
HELD_LOOK_SECONDS = 0.05
# A command that ends as soon as it starts must not take the machine.
RESTART_SECONDS = 0.05
RESTART_YOUNG_SECONDS = 0.5
YOUNG_SECONDS = 1.0


@dataclass(frozen=True)
class Wishes:
    """How the next start is to be. In a value of `environment`, `{start}` becomes the number of the start."""

    environment: Mapping[str, str] = field(default_factory=dict)
    held: bool = False
    # A new interpreter instead of a fork: slower, and `sitecustomize` on PYTHONPATH has its say.
    fresh: bool = False

    @classmethod
    def read(cls, folder: Path, name: str) -> "Wishes":
        try:
            return cls(**json.loads((folder / f"{name}.json").read_text()))
        except FileNotFoundError:
            return cls()

    def write(self, folder: Path, name: str) -> None:
        write_json(folder / f"{name}.json", asdict(self))


class Nursery:
    def __init__(self, folder: Path, name: str, command: list[str]) -> None:
        self._folder, self._name, self._command = folder, name, command
        os.environ["EMAIL_LIVENESS_FILE"] = str(folder.absolute() / f"{name}.live")
        self._child: int | None = None
        self._stopping = False
        self._starts = 0

    def run(self) -> None:
        """Until SIGTERM, which the child is told of and may end in order."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            wishes = Wishes.read(self._folder, self._name)
            if wishes.held:
                time.sleep(HELD_LOOK_SECONDS)
                continue
            begun = time.monotonic()
            self._live_once(wishes)
            young = time.monotonic() - begun < YOUNG_SECONDS
            time.sleep(RESTART_YOUNG_SECONDS if young else RESTART_SECONDS)

    def _live_once(self, wishes: Wishes) -> None:
        self._starts += 1
        child = os.fork()
        if child == 0:
            _become(self._command, wishes, self._starts)
        self._child = child
        if self._stopping:  # asked to while the child was being made
            self._pass_on(signal.SIGTERM)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        self._child = None
        with (self._folder / f"{self._name}.ends").open("a") as ends:
            ends.write(f"{time.time():.3f} {status}\n")

    def _stop(self, number: int, _: FrameType | None) -> None:
        self._stopping = True
        self._pass_on(signal.SIGTERM)

    def _pass_on(self, number: int) -> None:
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.kill(self._child, number)


def _become(command: list[str], wishes: Wishes, start: int) -> None:
    """Never returns."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.environ.update({name: value.format(start=start) for name, value in wishes.environment.items()})
        if wishes.fresh:
            os.execv(sys.executable, [sys.executable, "-m", *command])
        random.seed()
        sys.argv = list(command)
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _warm_up() -> None:
    """What each start would read anew from files that do not change: the defaults, and what boto3 knows of AWS."""
    with suppress(config.InvalidSettings):
        config.read()
    make_route53_client("http://127.0.0.1:1")


def main(arguments: list[str]) -> None:
    folder, name, command = Path(arguments[0]), arguments[1], arguments[2:]
    private_folder(folder)
    for module in _PRELOADED.get(command[0], ()):
        importlib.import_module(module)
    _warm_up()
    Nursery(folder, name, command).run()


if __name__ == "__main__":
    main(sys.argv[1:])
