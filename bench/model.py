"""Walks through the model of `tests/model` for as long as it is told: every order of events is allowed.

    python -m bench.model [--steps N] [--seed N] [--length N]

A seed repeats a run. Shows which deeds were done how often, which signal and which report met which state, and how many
workers died; the same as JSON in `.state/model.json`. Ends with 1 and the shortest story found when one is broken.
"""

import argparse
import json
import logging
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.reporting import with_reporter
from hypothesis.stateful import run_state_machine_as_test
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.model.drawing import EVENLY
from tests.model.model import ADMINISTRATIVE, OPERATIONAL, SIGNALS
from tests.model.tally import TALLY
from tests.model.test_machine import Lifecycle

REPORT = Path(".state/model.json")
STORIES_A_SLICE = 25
REPORTS = (
    "provisioned",
    "provisioning-failed",
    "verified",
    "window-exceeded",
    "send-faults-reached",
    "send-accepted",
    "drained",
    "cleaned-up",
)


@dataclass
class Outcome:
    seed: int
    seconds: float = 0.0
    story: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.story


def walk(*, steps: int, run_seed: int, length: int) -> Outcome:
    """In slices with a seed each, so that progress shows and a long run costs no more memory than a short one."""
    outcome, begun = Outcome(run_seed), time.perf_counter()
    seeds = random.Random(run_seed)
    columns = (TextColumn("steps"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("steps", total=steps)
        while TALLY.steps < steps and outcome.held:
            outcome.story = _slice(seeds.randrange(2**32), length)
            progress.update(bar, completed=min(TALLY.steps, steps))
    outcome.seconds = round(time.perf_counter() - begun, 1)
    return outcome


def _slice(slice_seed: int, length: int) -> list[str]:
    """What was told of the shortest failing story; nothing when every promise held."""
    told: list[str] = []
    wanted = settings(
        max_examples=STORIES_A_SLICE,
        stateful_step_count=length,
        backend=EVENLY,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    # Hypothesis keeps the seed on the class it is given: a fresh one for each slice.
    machine = seed(slice_seed)(type("Lifecycle", (Lifecycle,), {}))
    try:
        with with_reporter(lambda line: told.append(str(line))):
            run_state_machine_as_test(machine, settings=wanted)
    except AssertionError:
        told.append(traceback.format_exc())
    except Exception:  # noqa: BLE001 - whatever the module raises in a story is a broken promise as well
        told.append(traceback.format_exc())
    else:
        return []
    return told


def summary(outcome: Outcome) -> dict[str, Any]:
    pairs = {"/".join(pair): count for pair, count in sorted(TALLY.pairs.items())}
    return {
        "seed": outcome.seed,
        "held": outcome.held,
        "steps": TALLY.steps,
        "stories": TALLY.stories,
        "seconds": outcome.seconds,
        "deaths": sum(TALLY.deaths.values()),
        "between": sum(TALLY.between.values()),
        "neighbours_faults": sum(TALLY.faults.values()),
        "lost_answers": sum(count for name, count in TALLY.faults.items() if "OutcomeUnknown" in name),
        "deeds": _ordered(TALLY.deeds),
        "runs": _ordered(TALLY.runs),
        "pairs": pairs,
        "pairs_visited": len(pairs),
        "signal_pairs": len(reachable()),
        "signal_pairs_not_visited": sorted("/".join(pair) for pair in reachable() - TALLY.pairs.keys()),
        "answers": _ordered(TALLY.answers),
        "deaths_by_place": _ordered(TALLY.deaths),
        "faults": _ordered(TALLY.faults),
        "raised": _ordered(TALLY.raised),
        "jobs_at_the_end": _ordered(TALLY.jobs_at_the_end),
        "story": outcome.story,
    }


def reachable() -> set[tuple[str, str, str]]:
    """Every state that there can be, with every signal: nothing is unlocked before it was verified once."""
    states = {(operational, "RETIRED") for operational in OPERATIONAL if operational != "PROVISIONING"}
    states |= {(operational, "LOCKED") for operational in OPERATIONAL}
    before_the_first_unlock = {"PENDING", "PROVISIONING", "MISSING"}
    states |= set(product(set(OPERATIONAL) - before_the_first_unlock, ADMINISTRATIVE))
    return {(*state, signal) for state, signal in product(states, SIGNALS)}


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def show(outcome: Outcome, console: Console) -> None:
    told = summary(outcome)
    console.print(_pairs_table("Signals by state", SIGNALS))
    console.print(_pairs_table("Reports by state", REPORTS))
    for title in ("deeds", "runs", "deaths_by_place", "faults", "answers", "jobs_at_the_end"):
        console.print(_counts_table(title.replace("_", " "), told[title].items()))
    console.print(
        f"{told['steps']} steps in {told['stories']} stories, {outcome.seconds} s, seed {outcome.seed}: "
        f"{told['pairs_visited']} pairs of state and trigger, {len(told['signal_pairs_not_visited'])} of "
        f"{told['signal_pairs']} with a signal not met, {told['deaths']} deaths, "
        f"{told['between']} times something came between, {told['neighbours_faults']} calls failed, "
        f"{told['lost_answers']} of them with their answer lost"
    )
    console.print("every promise held" if outcome.held else "\n".join(outcome.story), markup=False)


def _pairs_table(title: str, triggers: Iterable[str]) -> Table:
    table = Table(title=title)
    table.add_column("state")
    triggers = tuple(triggers)
    for trigger in triggers:
        table.add_column(trigger, justify="right")
    for operational in OPERATIONAL:
        for administrative in (*ADMINISTRATIVE, "RETIRED"):
            counts = [TALLY.pairs[operational, administrative, trigger] for trigger in triggers]
            if any(counts):
                table.add_row(f"{operational} {administrative}", *(str(count or "") for count in counts))
    return table


def _counts_table(title: str, counts: Iterable[tuple[str, int]]) -> Table:
    table = Table(title=title)
    table.add_column("what")
    table.add_column("times", justify="right")
    for name, count in counts:
        table.add_row(name, str(count))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--length", type=int, default=60, help="steps of one story")
    given = parser.parse_args()
    run_seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(f"seed {run_seed}")
    outcome = walk(steps=given.steps, run_seed=run_seed, length=given.length)
    show(outcome, console)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(summary(outcome), indent=2, ensure_ascii=False) + "\n")
    return 0 if outcome.held else 1


if __name__ == "__main__":
    sys.exit(main())
