"""Kill each role while mail goes out, start it again, and compare three histories.

    python -m bench.faults [--jobs N] [ROLE ...]

What callers were promised (a 202), what the rows say, and what the provider took (the simulator's ledger). A fault is
held when every promise reached its end and the provider got each message once. The table is also written as JSON to
`.state/faults.json`.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

from sandbox.client import Client
from sandbox.stack import commands
from sandbox.stack.records import State

ROLES = ("web", "provisioning", "send", "projection", "scheduler", "valkey", "postgres", "postmark")
SETTLED = ("DELIVERED", "FAILED", "CANCELLED", "SUPPRESSED", "BOUNCED", "COMPLAINED", "INCONSISTENT")
SETTLE_SECONDS = 240.0
HELD_DOWN_SECONDS = 2.0

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Result:
    """`lost`: promised, but not delivered at the end. `doubled`: taken by the provider more than once."""

    fault: str
    jobs: int
    lost: int
    doubled: int
    unresolved: int
    seconds: float
    held: bool
    note: str


class Caller(threading.Thread):
    """A calling service: sends steadily, and repeats with the same key whatever was not answered."""

    def __init__(self, places: dict[str, Any], prefix: str, jobs: int) -> None:
        super().__init__(name="caller", daemon=True)
        self._client = Client(places["web_url"], places["api_key"], places["tenant_id"])
        self._configuration = places["configuration_eid"]
        self._prefix, self._jobs = prefix, jobs
        self.accepted: dict[str, str] = {}
        self.repeats = 0

    def run(self) -> None:
        for number in range(self._jobs):
            key = f"{self._prefix}-{number}"
            while key not in self.accepted:
                self._send(key)

    def _send(self, key: str) -> None:
        job = {
            "configurationEId": self._configuration,
            "recipient": f"{key}@example.com",
            "subject": "Fault rehearsal",
            "textBody": "One of many.",
        }
        try:
            answer = self._client.send(job, key=key)
        except requests.RequestException:
            answer = None
        if answer is not None and answer.status in (200, 202):
            self.accepted[key] = str(answer.payload["eId"])
        else:
            self.repeats += 1
            time.sleep(0.05)


def speed_up(places: dict[str, Any], times: int = 20) -> None:
    """Of the simulator's clock: Postmark repeats a webhook that was not answered only after a minute."""
    requests.post(
        f"{places['postmark_control_url']}/clock", json={"time_scale": times}, timeout=30
    ).raise_for_status()


def rehearse(places: dict[str, Any], state: State, role: str, jobs: int) -> Result:
    """Kills `role` after a third of the jobs was accepted, keeps it down for two seconds, and waits for the end."""
    begun = time.monotonic()
    caller = Caller(places, f"{role}-{int(time.time())}", jobs)
    caller.start()
    while len(caller.accepted) < jobs // 3:
        time.sleep(0.01)
    commands.kill(state, role, hold=True)
    time.sleep(HELD_DOWN_SECONDS)
    commands.start(state, role)
    caller.join()
    statuses = _wait_until_settled(places, set(caller.accepted.values()))
    taken = _taken(places)
    ids = set(caller.accepted.values())
    lost = sum(statuses.get(job_id) != "DELIVERED" or not taken[job_id] for job_id in ids)
    doubled = sum(taken[job_id] > 1 for job_id in ids)
    unresolved = sum(statuses.get(job_id) not in SETTLED for job_id in ids)
    return Result(
        fault=f"kill-{role}",
        jobs=len(ids),
        lost=lost,
        doubled=doubled,
        unresolved=unresolved,
        seconds=round(time.monotonic() - begun, 1),
        held=(len(ids), lost, doubled) == (jobs, 0, 0),
        note=f"{caller.repeats} requests repeated",
    )


def _wait_until_settled(places: dict[str, Any], job_ids: set[str]) -> dict[str, str]:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        statuses = {job_id: status for job_id, status in _statuses(places).items() if job_id in job_ids}
        waiting = [job_id for job_id in job_ids if statuses.get(job_id) not in SETTLED]
        if not waiting or time.monotonic() > deadline:
            return statuses
        time.sleep(0.5)


def _statuses(places: dict[str, Any]) -> dict[str, str]:
    """Through the API, like a caller would look."""
    with Client(places["web_url"], places["api_key"], places["tenant_id"]) as client:
        return {job["eId"]: job["status"] for job in client.jobs_of(places["configuration_eid"])}


def _taken(places: dict[str, Any]) -> Counter[str]:
    """Job id to how often the provider took it, by the simulator's ledger."""
    taken: Counter[str] = Counter()
    since = 0
    while True:
        page = requests.get(
            f"{places['postmark_control_url']}/ledger", params={"since": since, "limit": 5000}, timeout=30
        ).json()
        if not page["entries"]:
            return taken
        taken.update(entry["metadata"]["job"] for entry in page["entries"] if "job" in entry["metadata"])
        since = page["entries"][-1]["seq"]


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parse(arguments)
    results = []
    with tempfile.TemporaryDirectory(prefix="email-faults-") as folder:
        state = State(Path(folder))
        console.print("starting the world")
        with commands.running(state, "sandbox.roles:PRODUCT", lambda _: None) as places:
            speed_up(places)
            for role in asked.roles or ROLES:
                console.print(f"kill-{role} ...", end=" ")
                results.append(rehearse(places, state, role, asked.jobs))
                console.print("held" if results[-1].held else "NOT HELD")
    _show(results)
    _write(results)
    return 0 if all(result.held for result in results) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description="Kill roles while mail goes out."
    )
    parser.add_argument("roles", nargs="*", metavar="ROLE", help=f"of {', '.join(ROLES)} (default: each)")
    parser.add_argument("--jobs", type=int, default=300, help="sends a fault (default: %(default)s)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.roles) - set(ROLES):
        parser.error(f"no role {', '.join(sorted(unknown))}; there are: {', '.join(ROLES)}")
    return asked


def _show(results: Sequence[Result]) -> None:
    table = Table(title="Faults")
    for name in ("fault", "jobs", "lost", "doubled", "unresolved", "seconds", "held", "note"):
        table.add_column(name, overflow="fold")
    for result in results:
        table.add_row(*(str(value) for value in asdict(result).values()))
    console.print(table)


def _write(results: Sequence[Result]) -> None:
    path = State.from_environment().folder / "faults.json"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    console.print(f"written to {path}")


if __name__ == "__main__":
    sys.exit(main())
