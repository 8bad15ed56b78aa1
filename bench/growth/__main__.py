"""How cost grows: what a job and a sweep cost by the jobs that are there, and by the tenants they are of.

    python -m bench.growth [--short | --large] [--rounds N]

Databases of 10,000 to 1,000,000 jobs of 1,000 tenants, and of 1,000,000 jobs of 10 to 10,000 tenants, stand on one
server and take turns; `--large` adds one of 10,000,000. Asked are the repositories and the send pool's handler, in one
thread. A table, `.state/growth.json`, and charts as `.state/growth-*.svg`. What more processes do is measured by
`python -m bench.fleet`.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import told
from bench.growth import report
from bench.growth.points import Size, measure, points
from sandbox.stack.records import State
from shared.telemetry.logging import configure_logging

console = told.console()


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    # Handlers run in this process: not into the table.
    configure_logging(level="WARNING", format="json", role="bench")
    by_jobs, by_tenants = _axes(asked)
    sizes = list(dict.fromkeys((*by_jobs, *by_tenants)))
    with (
        tempfile.TemporaryDirectory(prefix="email-growth-") as folder,
        console.status("") as status,
        points(Path(folder), sizes, status.update) as made,
    ):
        found = measure(made, asked.rounds, status.update)
    report.show(found, console)
    for path in report.write(found, by_jobs, by_tenants, State.from_environment().folder):
        console.print(f"written to {path}")
    return 0


def _axes(asked: argparse.Namespace) -> tuple[list[Size], list[Size]]:
    largest = 100_000 if asked.short else 1_000_000
    jobs = [10**power for power in range(4, 9) if 10**power <= largest * (10 if asked.large else 1)]
    by_jobs = [Size(count, 1_000) for count in jobs]
    return by_jobs, [
        Size(largest, tenants) for tenants in (10, 100, 1_000, 10_000)[: 3 if asked.short else 4]
    ]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_true", help="with 100,000 jobs and 1,000 tenants at the most")
    size.add_argument("--large", action="store_true", help="with 10,000,000 jobs too")
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
