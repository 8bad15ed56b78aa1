"""How fast it is, beside peers and floors measured in the same run.

    python -m bench.speed [--short] [--rounds N] [BENCH ...]

Real processes on servers of their own; whatever is compared takes turns. A table, and `.state/bench.json`,
`.state/bench.md` and `.state/bench.svg`; `--table docs/performance.md` puts the last into the document. Ratios are what
is comparable: machines are shared and noisy. EMAIL_DATABASE_URL names a server to use instead of an own one.
"""

import argparse
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import bench.speed
from bench import told
from bench.speed import report
from bench.speed.figures import Figure
from bench.speed.registry import BENCHES, Bench
from bench.speed.stage import stage_in
from sandbox.stack.records import State
from shared.telemetry.logging import configure_logging

console = told.console(width=180)


def main(arguments: Sequence[str] | None = None) -> int:
    for module in pkgutil.iter_modules(bench.speed.__path__):
        if module.name.startswith("of_"):
            importlib.import_module(f"bench.speed.{module.name}")
    asked = _parse(arguments)
    folder = State.from_environment().folder
    if asked.table is not None:
        report.insert(folder, asked.table)
        return 0
    # Handlers that run in this process tell of each batch: not into the table.
    configure_logging(level="WARNING", format="json", role="bench")
    figures: list[Figure] = []
    for name in asked.benches or BENCHES:
        figures += _run(BENCHES[name], asked)
        report.write(figures, folder)  # what is found is kept, whatever comes after it
    report.show(figures, console)
    console.print(f"written to {folder / 'bench.json'}, bench.md and bench.svg")
    return 0


def _run(one: Bench, asked: argparse.Namespace) -> list[Figure]:
    size = one.short if asked.short else one.long
    if asked.rounds is not None:
        size = replace(size, rounds=asked.rounds)
    console.print(f"{one.name}: {one.title}")
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="email-bench-") as folder, stage_in(Path(folder)) as stage:
        for figure in one.run(stage, size, lambda told: console.print(f"  {told}", style="dim")):
            found.append(figure)
            report.show([figure], console)
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.speed",
        description=__doc__,
        epilog="\n".join(f"  {name:<14} {one.title}" for name, one in BENCHES.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("benches", nargs="*", metavar="BENCH", help="of those below (default: each)")
    parser.add_argument("--short", action="store_true", help="each small, in minutes")
    parser.add_argument("--rounds", type=int, help="instead of the benchmark's own number")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="put the last table and chart into this document, and run nothing",
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.benches) - BENCHES.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHES)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
