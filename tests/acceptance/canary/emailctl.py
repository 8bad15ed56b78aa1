"""Runs commands of `emailctl`, each in a fork of a process that has its imports done: as itself, but in a blink.

A line of JSON in for each command, and a line out with all that it said.
"""

import json
import os
import sys
from typing import Any

from shared.cli.main import main as emailctl


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(**json.loads(line))) + "\n")
        sys.stdout.flush()


def _run(arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become(arguments, environment, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"arguments": arguments, "code": code, "said": said.decode(errors="replace")}


def _become(arguments: list[str], environment: dict[str, str], output: int) -> None:
    """Never returns."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(environment)
        sys.argv = ["emailctl", *arguments]
        emailctl()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
