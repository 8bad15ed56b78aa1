"""Scale-out rehearsed on one machine.

    python -m bench.fleet [--rounds N] [--jobs N] [--sends N]

First 1, 2 and 4 processes of each pool at the same work, by turns, on a world that answers each of the provider's calls
after 50 ms: how much a second, and whose CPU it took. Then two web servers, six workers and three schedulers, of which
half are killed and replaced again and again during 20,000 sends; the histories are compared as for every fault.
Written to `.state/fleet.json`, `.state/fleet.md` and `.state/fleet.svg`. Ends with 1 when anything was lost or doubled.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import told
from bench.faults import world as worlds
from bench.faults.rehearsal import rehearse
from bench.faults.result import Result
from bench.faults.result import show as show_faults
from bench.faults.world import World
from bench.fleet import plan, report
from bench.fleet.replacing import replacing
from bench.fleet.scaling import PROCESSES, Measured, Stage, Tell
from sandbox.stack.records import State

PLAN = "bench.fleet.plan:PLAN"

console = told.console()


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    if asked.table is not None:
        report.insert(State.from_environment().folder, asked.table)
        return 0
    measured: list[Measured] = []
    lost: Result | None = None
    with tempfile.TemporaryDirectory(prefix="email-fleet-") as name, console.status("") as status:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        with worlds.running(
            folder, lambda news: status.update(f"starting {news['step']}"), plan=PLAN, roles=plan.ROLES
        ) as world:
            if asked.rounds:
                measured = _measured(world, asked, status.update)
            if asked.sends:
                lost = rehearse(replacing(asked.sends), world, short=False, tell=status.update)
    return _told(measured, lost)


def _measured(world: World, asked: argparse.Namespace, tell: Tell) -> list[Measured]:
    stage = Stage(world, jobs=asked.jobs, configurations=asked.configurations, tell=tell)
    found: list[Measured] = []
    for number in range(asked.rounds):
        # By turns in another order each time: whatever grows meanwhile is nobody's disadvantage.
        turns = PROCESSES if number % 2 == 0 else PROCESSES[::-1]
        for processes in turns:
            found += stage.measure(processes)
            for one in found[-3:]:
                console.print(
                    f"round {number + 1}, {one.processes} of {one.pool}: {one.per_second:,.1f} a second, "
                    f"{one.cores:.2f} cores"
                )
    return found


def _told(measured: Sequence[Measured], lost: Result | None) -> int:
    found = report.lines(measured) if measured else []
    report.show(found, console)
    if lost:
        show_faults([lost], console)
    for path in report.write(found, lost, State.from_environment().folder):
        console.print(f"written to {path}")
    return 0 if lost is None or lost.held else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.fleet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3, help="0 to leave the measuring out")
    parser.add_argument("--jobs", type=int, default=10_000, help="mails and webhooks a round")
    parser.add_argument("--configurations", type=int, default=24, help="to be provisioned a round")
    parser.add_argument("--sends", type=int, default=20_000, help="0 to lose nobody")
    parser.add_argument(
        "--table",
        type=Path,
        metavar="FILE",
        help="put the last table and chart into this document, and run nothing",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the world; its logs stay there")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
