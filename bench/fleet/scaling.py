"""How much more a pool does with more processes: the same work waiting, then 1, 2 or 4 of them let loose on it.

What a pool does is measured between its first and its last tenth: neither the start of its processes nor the last
lonely batch says how fast it is.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from secrets import token_hex

from bench.faults.nursery import Wishes
from bench.faults.world import World
from bench.fleet import plan
from bench.fleet.burden import cpu_seconds, spent
from sandbox.client import Json, expect
from sandbox.stack.tenant import Tenant

PROCESSES = (1, 2, 4)
TENANTS = 20
BATCH_OF_CALLS = 500
CALL_SECONDS = 0.05
EVERY_CALL = {"kind": "latency", "endpoint": "*", "seconds": CALL_SECONDS}
# Of the provider's clock: no webhook comes before it is asked for.
HELD_BACK_SECONDS = 36_000.0
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 300.0

Tell = Callable[[str], None]

_PENDING = "SELECT count(*) FROM email_event WHERE status = 'pending'"
_PROVISIONING = "SELECT count(*) FROM email_configuration WHERE operational = 'PROVISIONING'"


@dataclass(frozen=True)
class Measured:
    """`used`: CPU seconds by role or server."""

    pool: str
    processes: int
    work: int
    seconds: float
    used: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.work / self.seconds

    @property
    def cores(self) -> float:
        return sum(self.used.values()) / self.seconds


@dataclass(frozen=True)
class _Look:
    left: int
    moment: float  # seconds of the monotonic clock
    used: dict[str, float]


class Stage:
    """A world whose pools are let loose one by one."""

    def __init__(self, world: World, *, jobs: int, configurations: int, tell: Tell) -> None:
        self._world, self._jobs, self._configurations, self._tell = world, jobs, configurations, tell
        self._tenants = world.tenants(TENANTS)
        self._hold(*plan.ROLES[len(plan.WEB) :])
        self._release("scheduler-1")

    def measure(self, processes: int) -> list[Measured]:
        """Each pool once with so many processes."""
        return [self._send(processes), self._project(processes), self._provision(processes)]

    def _send(self, processes: int) -> Measured:
        late = {"kind": "delay_webhooks", "seconds": HELD_BACK_SECONDS}
        with self._world.simulator.misbehaving(EVERY_CALL, late):
            self._pour()
            waiting = self._world.database.waiting
            return self._drain("send", plan.SEND[:processes], lambda: sum(waiting().values()))

    def _project(self, processes: int) -> Measured:
        self._world.simulator.advance(HELD_BACK_SECONDS)
        self._until(lambda: self._count(_PENDING) >= self._jobs, "the webhooks to be stored")
        return self._drain("projection", plan.PROJECTION[:processes], lambda: self._count(_PENDING))

    def _provision(self, processes: int) -> Measured:
        with self._world.simulator.misbehaving(EVERY_CALL):
            with ThreadPoolExecutor(4) as threads:
                list(threads.map(self._begin_one, range(self._configurations)))
            roles = plan.PROVISIONING[:processes]
            return self._drain("provisioning", roles, lambda: self._count(_PROVISIONING))

    def _drain(self, pool: str, roles: Sequence[str], left: Callable[[], int]) -> Measured:
        total = left()
        self._release(*roles)
        begin = self._at(total - total // 10, left)
        end = self._at(total // 10, left)
        self._at(0, left)
        self._hold(*roles)
        used = spent(begin.used, end.used)
        return Measured(pool, len(roles), begin.left - end.left, end.moment - begin.moment, used)

    def _at(self, target: int, left: Callable[[], int]) -> "_Look":
        """As soon as no more than `target` are left."""
        looks: list[_Look] = []

        def reached() -> bool:
            count, moment = left(), time.monotonic()
            if count <= target:
                looks.append(_Look(count, moment, cpu_seconds(self._world)))
            return bool(looks)

        self._until(reached, f"no more than {target} to be left")
        return looks[0]

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        self._tell(f"waiting for {what}")
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {PATIENCE_SECONDS:.0f} s for {what}")
            time.sleep(LOOK_SECONDS)

    def _release(self, *roles: str) -> None:
        for role in roles:
            self._world.processes.wish(role, Wishes())

    def _hold(self, *roles: str) -> None:
        self._world.processes.dress(dict.fromkeys(roles, Wishes(held=True)))

    def _count(self, question: str) -> int:
        return int(self._world.database.ask(question)[0][0])

    def _pour(self) -> None:
        run = token_hex(3)
        share = self._jobs // len(self._tenants)
        for tenant in self._tenants:
            jobs = [_mail(tenant, f"fleet-{run}-{number}") for number in range(share)]
            with self._world.door.client(tenant.tenant_id) as client:
                for start in range(0, share, BATCH_OF_CALLS):
                    expect(client.send_batch(jobs[start : start + BATCH_OF_CALLS]), 200)
            self._tell(f"{run}: {share} jobs for each of {len(self._tenants)} tenants")

    def _begin_one(self, _: int) -> None:
        tenant_id = self._tenants[0].tenant_id
        with self._world.door.client(tenant_id) as client:
            created = expect(client.create_configuration(f"fleet-{token_hex(4)}", "Fleet"), 201)
            expect(client.signal(str(created.payload["eId"]), "provision"), 202)


def _mail(tenant: Tenant, key: str) -> Json:
    return {
        "configurationEId": tenant.configuration_eid,
        "recipient": f"{key}@example.com",
        "subject": "Rehearsal",
        "textBody": "One of many.",
        "idempotencyKey": key,
    }
