"""Random histories of events through the domain, beside an oracle that shares nothing with it but the specification.

    python -m bench.sequences [--sequences N] [--processes N] [--seed N]

For each history: `fold` moves a status only toward more concerning or to INCONSISTENT, and ends where the oracle says
for that order; `settled` and what holds for the address are the same for another order with repeats, and what the
oracle says. A seed repeats a run, on however many processes. Counts as tables, and as JSON in `.state/sequences.json`.
Ends with 1 and some of the histories that were told otherwise, if there are any.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from shared.domain.event import fold, settled
from shared.domain.job import JobStatus
from shared.domain.suppression import state_of
from tests.unit.domain.event_oracle import (
    BY_RANK,
    State,
    Told,
    address_by_oracle,
    settled_by_oracle,
    status_by_oracle,
    vocabulary,
)

REPORT = Path(".state/sequences.json")
SLICE = 5_000
LENGTH_MAX = 10


@dataclass
class Tally:
    sequences: int = 0
    events: int = 0
    longest: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    settled: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.sequences += other.sequences
        self.events += other.events
        self.longest = max(self.longest, other.longest)
        self.ends += other.ends
        self.settled += other.settled
        self.addresses += other.addresses
        self.broken += other.broken


def walk_slice(seed: str, count: int) -> Tally:
    dice, words, tally = random.Random(seed), vocabulary(), Tally()
    starts = list(JobStatus)
    # A complaint outdoes everything else that is said of an address: half of the histories are without.
    calm = [told for told in words if "complaint" not in told.what]
    for _ in range(count):
        history = dice.choices(dice.choice((words, calm)), k=dice.randint(0, LENGTH_MAX))
        start = dice.choice(starts)
        again = [*history, *dice.choices(history, k=dice.randint(0, 4))] if history else []
        dice.shuffle(again)
        _look_at(start, history, again, tally)
    return tally


def _look_at(start: JobStatus, history: Sequence[Told], again: Sequence[Told], tally: Tally) -> None:
    said = [told.what for told in history]
    end, faults = _folded(start, history)
    together = settled(told.facts for told in history)
    state = _state(history)
    wanted = address_by_oracle((told.at, told.what) for told in history)
    faults += _unless(end.value == status_by_oracle(start.value, said), "the status is not the oracle's")
    faults += _unless((together and together.value) == settled_by_oracle(said), "settled is not the oracle's")
    faults += _unless(
        together is settled(told.facts for told in again), "settled depends on order or repeats"
    )
    faults += _unless(state == wanted, f"the address is {state}, by the oracle {wanted}")
    faults += _unless(_whole(history) == _whole(again), "the address depends on order or repeats")
    tally.sequences += 1
    tally.events += len(history)
    tally.longest = max(tally.longest, len(history))
    tally.ends[end.value] += 1
    tally.settled[together.value if together else "nothing told"] += 1
    tally.addresses[_named(state)] += 1
    tally.broken += [f"{fault}: from {start.value}, {history}" for fault in faults]


def _folded(start: JobStatus, history: Sequence[Told]) -> tuple[JobStatus, list[str]]:
    status, faults = start, []
    for told in history:
        after = fold(status, told.facts)
        if not _is_forward(status.value, after.value):
            faults.append(f"{told.what} moved {status.value} to {after.value}")
        if fold(after, told.facts) is not after:
            faults.append(f"{told.what} counts twice after {status.value}")
        status = after
    return status, faults


def _is_forward(before: str, after: str) -> bool:
    if after in (before, "INCONSISTENT"):
        return True
    if after not in BY_RANK:
        return False
    rank = BY_RANK.index(before) if before in BY_RANK else -1
    return before in (*BY_RANK, "QUEUED", "SENDING", "IN_DOUBT") and BY_RANK.index(after) > rank


def _whole(history: Sequence[Told]) -> object:
    return state_of(told.fact for told in history if told.fact is not None)


def _state(history: Sequence[Told]) -> State:
    found = state_of(told.fact for told in history if told.fact is not None)
    return None if found is None else (found.active, found.reason.value, found.since, found.lifted_at)


def _unless(holds: object, fault: str) -> list[str]:
    return [] if holds else [fault]


def _named(state: State) -> str:
    return "never listed" if state is None else f"{state[1]}{'' if state[0] else ', lifted'}"


def walk(*, sequences: int, processes: int, seed: int) -> Tally:
    """Slices have seeds of their own: how many processes there are changes nothing of what is drawn."""
    tally = Tally()
    columns = (TextColumn("sequences"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("sequences", total=sequences)
        for some in _slices(sequences, processes, seed):
            tally.add(some)
            progress.advance(bar, some.sequences)
            if tally.broken:
                break
    return tally


def _slices(sequences: int, processes: int, seed: int) -> Iterator[Tally]:
    sizes = [min(SLICE, sequences - begin) for begin in range(0, sequences, SLICE)]
    seeds = [f"{seed}-{number}" for number in range(len(sizes))]
    if processes == 1:
        yield from map(walk_slice, seeds, sizes)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(walk_slice, seeds, sizes)


def show(tally: Tally, console: Console, *, seed: int, seconds: float) -> None:
    for title in ("ends", "settled", "addresses"):
        table = Table(title=title)
        table.add_column("what")
        table.add_column("sequences", justify="right")
        for name, count in sorted(getattr(tally, title).items()):
            table.add_row(name, f"{count:,}")
        console.print(table)
    console.print(
        f"{tally.sequences:,} sequences of {tally.events:,} events, {seconds:.0f} s, seed {seed}: "
        + ("each as the oracle says" if not tally.broken else f"{len(tally.broken)} broken promises")
    )
    for story in tally.broken[:5]:
        console.print(story, markup=False)
    report = {"seed": seed, "seconds": seconds, "held": not tally.broken, **vars(tally)}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    begun = time.perf_counter()
    tally = walk(sequences=given.sequences, processes=given.processes, seed=seed)
    seconds = round(time.perf_counter() - begun, 1)
    show(tally, Console(width=None if sys.stdout.isatty() else 160), seed=seed, seconds=seconds)
    return 1 if tally.broken else 0


if __name__ == "__main__":
    sys.exit(main())
