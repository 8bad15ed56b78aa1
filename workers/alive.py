"""Asks the liveness file: `python -m workers.alive [--max-age SECONDS] [FILE]`. Exit code 0 or 1, and one line why.

For probes that run a command, of workers and of the scheduler. Without FILE, the one that the settings name.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from shared.telemetry.liveness import verdict

# Several beats of the watch, which looks every 2 s.
MAX_AGE_SECONDS = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m workers.alive", description="Is the worker getting on?")
    parser.add_argument("--max-age", type=float, default=MAX_AGE_SECONDS, metavar="SECONDS")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    file = given.file or _file_of_settings()
    if file is None:
        sys.stdout.write("no liveness file: set EMAIL_LIVENESS_FILE or name one\n")
        return 1
    alive, why = verdict(file, max_age_seconds=given.max_age, now=time.time())
    sys.stdout.write(f"{why}\n")
    return 0 if alive else 1


def _file_of_settings() -> Path | None:
    # A probe runs every few seconds, and reading the settings is most of its time.
    from shared import config  # noqa: PLC0415

    return config.read().worker.liveness_file


if __name__ == "__main__":
    sys.exit(main())
