"""Let the world go wrong while mail goes out, and compare three histories.

    python -m bench.faults [--short] [FAULT ...]

What callers were promised, what the rows say, and what the provider took. A fault is held when nothing promised is
lost, nothing went out twice, nothing is left unresolved, and the fault's own promise stands. The table is also written
as JSON to `.state/faults.json`, and as Markdown beside it; `--table docs/reliability.md` puts that into the document.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from bench import told
from bench.faults import result, world
from bench.faults.matrix import matrix
from bench.faults.rehearsal import Fault, rehearse
from bench.faults.result import Result
from bench.faults.world import World
from sandbox.stack.records import State

console = told.console()
# Side by side these begin: no world is to wait for one that began last. They are quicker in a young world, too.
LONGEST = ("F2", "F18", "F19", "F20", "F25", "F28")


class Show:
    """A bar on a terminal; elsewhere a line when a fault begins and one when it ends."""

    def __init__(self, total: int) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[fault]:>4}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[doing]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, fault="", doing="starting the world")

    def __enter__(self) -> "Show":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def doing(self, what: str) -> None:
        self._progress.update(self._task, doing=what)

    def begins(self, fault: Fault) -> None:
        self._progress.update(self._task, fault=fault.name, doing=fault.title)
        if not console.is_terminal:
            console.print(f"{fault.name}: {fault.title} ...")

    def chance(self, found: Result) -> None:
        console.print(
            f"{found.fault} was not held, and nothing was lost or doubled: once more ({found.note})"
        )

    def ended(self, found: Result) -> None:
        self._progress.advance(self._task)
        counts = (
            f"{found.jobs} jobs, {found.lost} lost, {found.doubled} doubled, {found.unresolved} unresolved"
        )
        held = "held" if found.held else "[red]NOT HELD[/]"
        console.print(f"{found.fault} after {found.seconds:.0f} s, {counts}: {held}; {found.note}")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    folder = State.from_environment().folder
    path, section = folder / "faults.json", folder / "faults.md"
    if asked.table is not None:
        result.insert_section(section, asked.table)
        return 0
    faults = [matrix()[name] for name in asked.faults or matrix()]
    results: list[Result] = []
    for found in _run(faults, asked):
        results = sorted([*results, found], key=lambda one: list(matrix()).index(one.fault))
        result.write(results, path)  # what is found is kept, whatever comes after it
    result.show(results, console)
    result.write_section(results, section)
    console.print(f"written to {path} and {section}")
    held = (not (found.lost or found.doubled) if asked.promise else found.held for found in results)
    return 0 if all(held) else 1


def _run(faults: Sequence[Fault], asked: argparse.Namespace) -> Iterator[Result]:
    """Each world takes the next fault as soon as it is done with one; in the order in which they end."""
    waiting, found = SimpleQueue[Fault](), SimpleQueue[Result]()
    for fault in faults if asked.worlds == 1 else sorted(faults, key=_turn):
        waiting.put(fault)
    with (
        tempfile.TemporaryDirectory(prefix="email-faults-") as folder,
        Show(len(faults)) as show,
        ThreadPoolExecutor(asked.worlds) as pool,
    ):
        folders = [(asked.keep or Path(folder)) / str(number) for number in range(asked.worlds)]
        worlds = [pool.submit(_live, one, waiting, found, show, asked) for one in folders]
        for _ in faults:
            yield _next(found, worlds)
        show.doing("stopping the world")
        for one in worlds:
            one.result()


def _turn(fault: Fault) -> int:
    return LONGEST.index(fault.name) if fault.name in LONGEST else len(LONGEST)


def _next(found: "SimpleQueue[Result]", worlds: Sequence["Future[None]"]) -> Result:
    """Raises what broke a world."""
    while True:
        with suppress(Empty):
            return found.get(timeout=1.0)
        for one in worlds:
            if one.done():
                one.result()


def _live(
    folder: Path,
    waiting: "SimpleQueue[Fault]",
    found: "SimpleQueue[Result]",
    show: Show,
    asked: argparse.Namespace,
) -> None:
    """One world, for as long as faults wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with world.running(folder, lambda news: show.doing(f"starting {news['step']}")) as started:
        while True:
            try:
                fault = waiting.get_nowait()
            except Empty:
                return
            found.put(_rehearsed(fault, started, show, asked))


def _rehearsed(fault: Fault, started: World, show: Show, asked: argparse.Namespace) -> Result:
    show.begins(fault)
    found = rehearse(fault, started, short=asked.short, tell=show.doing)
    if asked.again and found.may_be_chance:
        show.chance(found)
        second = rehearse(fault, started, short=asked.short, tell=show.doing)
        found = replace(second, note=f"second try, first: {found.note}; now: {second.note}")
    show.ended(found)
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = matrix()
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults",
        description="Let the world go wrong while mail goes out, and compare three histories.",
        epilog="\n".join(f"  {name:<4} {fault.title}" for name, fault in known.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="of those below (default: each)")
    parser.add_argument("--short", action="store_true", help="each fault small")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="put the last table into this document, and run nothing"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="rehearse a fault once more that was not held, unless something was lost or doubled",
    )
    parser.add_argument(
        "--promise",
        action="store_true",
        help="end with 1 only when something was lost or doubled: for a machine whose speed nobody knows",
    )
    parser.add_argument(
        "--worlds",
        type=int,
        default=1,
        metavar="N",
        help="so many worlds side by side, for faults that mostly wait",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the worlds; their logs stay there")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.faults) - known.keys():
        parser.error(f"no fault {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
