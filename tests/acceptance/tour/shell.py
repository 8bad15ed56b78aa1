"""One shell for all blocks, as an operator has it: what a block sets is there for those after it."""

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

PROJECT = Path(__file__).parents[3]
CLIENT = Path(__file__).with_name("client.py")
_START_SECONDS = 60.0
_BLOCK_SECONDS = 120.0
# Wide enough for every table: what is shown of a line is looked for in one line.
_COLUMNS = 400


class Shell:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, commands: str) -> str:
        """What they said, on both streams."""
        assert self._process.stdin is not None
        end = f"end-{uuid4()}"
        # What fails is seen by what it says; the shell itself goes on.
        self._process.stdin.write(f"{{\n{commands}\n}} </dev/null\necho; echo {end}\n")
        self._process.stdin.flush()
        watch = threading.Timer(_BLOCK_SECONDS, self._process.kill)
        watch.start()
        try:
            return "".join(self._until(end))
        finally:
            watch.cancel()

    def _until(self, end: str) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == end:
                return
            yield line
        raise AssertionError(f"the shell has ended, or did not come to an end within {_BLOCK_SECONDS:.0f} s")


@contextmanager
def opened(folder: Path) -> Iterator[Shell]:
    """In `folder`, in which the state of the stack is as it is in a checkout. With nothing of our environment."""
    with _emailctl(folder):
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": str(_COLUMNS),
        }
        with _started(["bash", "--norc"], folder, environment) as process:
            yield Shell(process)


@contextmanager
def _emailctl(folder: Path) -> Iterator[None]:
    """`.venv/bin` has `emailctl` and `python`, as in a checkout."""
    place, programs = folder / "emailctl.socket", folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    _script(programs / "emailctl", sys.executable, "-S", "-E", "-s", str(CLIENT), str(place))
    _script(programs / "python", sys.executable)
    with _started(
        [sys.executable, "-m", "tests.acceptance.tour.emailctl", str(place)], PROJECT, dict(os.environ)
    ) as server:
        deadline = time.monotonic() + _START_SECONDS
        while not place.exists():
            assert server.poll() is None, "emailctl has ended"
            assert time.monotonic() < deadline, "emailctl does not start"
            time.sleep(0.05)
        yield


def _script(path: Path, *words: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    path.chmod(0o700)


@contextmanager
def _started(
    command: list[str], folder: Path, environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """It ends when its standard input does."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=_START_SECONDS)
