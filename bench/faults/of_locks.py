"""What operators do while mail goes out: lock, force-lock and unlock, several of them at once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from bench.faults.audit import Audit, watching
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Answer, Client
from sandbox.stack.tenant import Tenant

# Jobs that wait for another try, and some in doubt: something for a force-lock to cancel, and for a lock to wait for.
_TROUBLE = (
    {"kind": "latency", "endpoint": SEND, "seconds": {"min": 0.05, "max": 0.4}},
    {"kind": "unavailable_503", "endpoint": SEND, "probability": 0.15},
    {"kind": "accept_then_reset", "endpoint": SEND, "probability": 0.02},
)
LOCKED_CODES = ("locked", "locking")
# From lock to LOCKED: retries and doubts of what was in flight.
DRAIN_SECONDS = 60.0
LOOK_SECONDS = 0.05
# Of all locks, those that several operators give at the same moment, not agreeing on which.
TOGETHER = 0.2
OPERATORS_TOGETHER = 3
# Every so many configurations one whose operators never force: none of its jobs may be cancelled.
GENTLE_EVERY = 4


@fault(
    "F15",
    "lock and force-lock at random moments",
    long=Size(rate=30, times=500, tenants=16),
    short=Size(rate=20, times=16, tenants=8),
)
def lock_at_random(run: Rehearsal) -> None:
    """Each configuration has operators of its own. Callers take `locked` and `locking` for "try later"."""
    tenants = run.world.tenants(run.size.tenants)
    gentle, forced = tenants[::GENTLE_EVERY], [tenant for n, tenant in enumerate(tenants) if n % GENTLE_EVERY]
    since = run.world.database.ask("SELECT clock_timestamp()")[0][0]
    office = Office(run, run.size.times)
    with watching(run.world.database) as audit, run.world.simulator.misbehaving(*_TROUBLE):
        with (
            run.callers(tenants=gentle, later=LOCKED_CODES) as of_gentle,
            run.callers(tenants=forced, ends=("DELIVERED", "CANCELLED"), later=LOCKED_CODES) as of_forced,
            ThreadPoolExecutor(len(tenants)) as operators,
        ):
            shifts = [operators.submit(office.work, tenant, forces=False) for tenant in gentle]
            shifts += [operators.submit(office.work, tenant, forces=True) for tenant in forced]
            for shift in shifts:
                shift.result()
        run.wait_until_idle(DRAIN_SECONDS)
        _check(run, audit)
    _check_records(run, tenants, since)
    given = ", ".join(f"{count} {what}" for what, count in sorted(office.changed.items()))
    run.notes.append(
        f"{office.given} locks ({given}), {office.together} of them by {OPERATORS_TOGETHER} at once; "
        f"{of_gentle.put_off + of_forced.put_off} requests told to come later; {_cancelled(run)} cancelled"
    )
    run.require(office.changed["lock"] > 0 and office.changed["force-lock"] > 0, "nobody locked anything")


@dataclass
class Office:
    """Operators who share `total` locks among them, each for one configuration."""

    run: Rehearsal
    total: int
    given: int = 0
    together: int = 0
    # Signals that changed something, by name.
    changed: Counter[str] = field(default_factory=Counter)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def work(self, tenant: Tenant, *, forces: bool) -> None:
        """Lock, wait until it is LOCKED, unlock, until all locks are given. Ends UNLOCKED."""
        dice = random.Random(tenant.configuration_eid)
        signals = ("lock", "force-lock") if forces else ("lock",)
        with self.run.world.door.client(tenant.tenant_id) as client:
            while self._take():
                time.sleep(dice.uniform(0.1, 1.0))
                if dice.random() < TOGETHER:
                    self._signal_together(tenant, dice, signals)
                else:
                    self._signal(client, tenant, dice.choice(signals))
                self._until_settled(client, tenant)
                time.sleep(dice.uniform(0.0, 0.3))
                self._unlock(client, tenant)

    def _take(self) -> bool:
        with self._mutex:
            if self.given >= self.total:
                return False
            self.given += 1
            self.run.tell(f"lock {self.given} of {self.total}")
            return True

    def _signal_together(self, tenant: Tenant, dice: random.Random, signals: Sequence[str]) -> None:
        choices = [dice.choice((*signals, "unlock")) for _ in range(OPERATORS_TOGETHER)]
        gate = threading.Barrier(OPERATORS_TOGETHER)

        def one(signal: str) -> None:
            with self.run.world.door.client(tenant.tenant_id) as client:
                gate.wait()
                self._signal(client, tenant, signal)

        with ThreadPoolExecutor(OPERATORS_TOGETHER) as threads:
            for done in [threads.submit(one, signal) for signal in choices]:
                done.result()
        with self._mutex:
            self.together += 1

    def _signal(self, client: Client, tenant: Tenant, signal: str) -> Answer | None:
        """None when there was no usable answer."""
        before = self._state(client, tenant)
        try:
            answer = client.signal(tenant.configuration_eid, signal)
        except requests.RequestException:
            return None
        if answer.status not in (200, 202, 409):
            self.run.require(answer.status >= 500, f"{signal} was answered with {answer.status}")
            return None
        if answer.status < 300 and before != answer.payload["administrative"]:
            with self._mutex:
                self.changed[signal] += 1
        return answer

    def _until_settled(self, client: Client, tenant: Tenant) -> None:
        """LOCKED, or UNLOCKED because another operator was the last to speak."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while (state := self._state(client, tenant)) not in ("LOCKED", "UNLOCKED"):
            if time.monotonic() > deadline:
                self.run.require(False, f"{tenant.configuration_eid} is {state} after {DRAIN_SECONDS:.0f} s")
                return
            time.sleep(LOOK_SECONDS)

    def _unlock(self, client: Client, tenant: Tenant) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._state(client, tenant) != "UNLOCKED" and time.monotonic() < deadline:
            self._signal(client, tenant, "unlock")

    def _state(self, client: Client, tenant: Tenant) -> str | None:
        try:
            answer = client.configuration(tenant.configuration_eid)
        except requests.RequestException:
            return None
        return str(answer.payload["administrative"]) if answer.status == 200 else None


def _check(run: Rehearsal, audit: Audit) -> None:
    run.require(audit.counted("claimed") > 0, "nothing was claimed")
    if claimed := audit.claimed("LOCKED"):
        run.require(False, f"{len(claimed)} claims while LOCKED, such as of {claimed[0]}")
    if accepted := audit.accepted("LOCKED", "LOCKING"):
        run.require(False, f"{len(accepted)} jobs accepted while locked, such as {accepted[0]}")


def _check_records(run: Rehearsal, tenants: Sequence[Tenant], since: object) -> None:
    """By its records each LOCKING became LOCKED, and neither UNLOCKED nor anything else."""
    records = run.world.database.ask(
        "SELECT configuration_id::text, snapshot->>'administrative' FROM email_configuration_record"
        " WHERE configuration_id::text = ANY(%s) AND recorded_at >= %s ORDER BY configuration_id, version",
        [tenant.configuration_eid for tenant in tenants],
        since,
    )
    after: Counter[str] = Counter()
    for (one, state), (next_one, next_state) in zip(records, [*records[1:], ("", "")], strict=True):
        if state == "LOCKING":
            after[next_state if one == next_one else "nothing"] += 1
    odd = {state: count for state, count in after.items() if state not in ("LOCKING", "LOCKED")}
    run.require(not odd, f"LOCKING became {odd}")
    run.require(after["LOCKED"] > 0, "no lock had anything to wait for")


def _cancelled(run: Rehearsal) -> int:
    return sum(row.status == "CANCELLED" for row in run.world.database.rows(run.prefix))
