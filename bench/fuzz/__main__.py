"""Fuzzes the HTTP interface by its OpenAPI document: no 500, no answer that is not described, no wrong request taken.

    python -m bench.fuzz [--requests N] [--seed N] [--redis] [--short]

The app is granian with the settings that the web role has everywhere, on a real Postgres; without `--redis` nobody
hears its doorbell, which must not matter. All phases once, then random requests and walks along the links, with another
seed each round, until there are N requests. A table, and as JSON `.state/fuzz.json`. Ends with 1 when anything was
found. EMAIL_DATABASE_URL names a server to use instead of an own one.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.fuzz.engine import Tally, fuzz
from bench.fuzz.world import Place, running

REPORT = Path(".state/fuzz.json")
REQUESTS = 100_000
EXAMPLES = 300


def main() -> int:
    given = _arguments()
    tally, started, load = Tally(), time.monotonic(), os.getloadavg()
    with (
        tempfile.TemporaryDirectory(prefix="email-fuzz-") as name,
        running(Path(name), redis=given.redis) as place,
    ):
        if given.short:
            fuzz(place, tally, examples=10, seed=given.seed, all_queries=False)
        else:
            _until(given.requests, place, tally, seed=given.seed)
        # What a fault looked like from the inside goes with its place.
        log = place.log.read_text(encoding="utf-8", errors="replace")
    faults = [line for line in log.splitlines() if '"event": "email.http.fault"' in line]
    seconds = time.monotonic() - started
    _show(tally, seconds, load, faults)
    _write(tally, seconds, seed=given.seed, faults=faults)
    return 1 if tally.complaints or tally.errors or faults else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=REQUESTS, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", action="store_true", help="with a broker that hears the doorbell")
    parser.add_argument("--short", action="store_true", help="a few thousand requests, once")
    return parser.parse_args()


def _until(requests: int, place: Place, tally: Tally, *, seed: int) -> None:
    fuzz(place, tally, examples=EXAMPLES, seed=seed)
    while (before := tally.total) < requests and not tally.errors:
        print(f"{before:,} of {requests:,} requests, {len(tally.complaints)} found", file=sys.stderr)
        seed += 1
        fuzz(place, tally, examples=EXAMPLES, seed=seed, phases=("fuzzing", "stateful"))
        if tally.total == before:
            raise RuntimeError("a whole round sent nothing")


def _show(tally: Tally, seconds: float, load: tuple[float, float, float], faults: list[str]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(
        title=f"{tally.total:,} requests in {seconds:,.0f} s; load of the machine {load[0]:.1f} before, "
        f"{os.getloadavg()[0]:.1f} after"
    )
    for heading in ("operation", "requests", "answers", "found"):
        table.add_column(heading, justify="right" if heading in ("requests", "found") else "left")
    for operation, statuses in sorted(_by_operation(tally).items()):
        told = " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
        found = sum(count for (_, where), count in tally.times.items() if where == operation)
        table.add_row(operation, f"{statuses.total():,}", told, str(found) if found else "")
    console.print(table)
    console.print("by phase: " + ", ".join(f"{phase} {count:,}" for phase, count in tally.requests.items()))
    for (title, operation), complaint in tally.complaints.items():
        console.print(
            f"\n{title}: {operation}, {tally.times[title, operation]} times", style="red", markup=False
        )
        for request, said in complaint.shown:
            console.print(f"  {said}\n  {request}", markup=False, soft_wrap=True)
    for line in [*tally.errors, *faults]:
        console.print(line, style="red", markup=False, soft_wrap=True)


def _by_operation(tally: Tally) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (operation, status), count in tally.answers.items():
        found[operation][str(status or "none")] += count
    return found


def _write(tally: Tally, seconds: float, *, seed: int, faults: list[str]) -> None:
    report = {
        "requests": tally.total,
        "seconds": round(seconds, 1),
        "seed": seed,
        "by_phase": tally.requests,
        "by_operation": _by_operation(tally),
        "found": [
            {
                "title": complaint.title,
                "operation": complaint.operation,
                "times": tally.times[kind],
                "shown": [{"request": request, "said": said} for request, said in complaint.shown],
            }
            for kind, complaint in tally.complaints.items()
        ],
        "errors": tally.errors,
        "faults": faults,
    }
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
