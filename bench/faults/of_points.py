"""Death at a named line: every fault point of the product's code, so often as wanted."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import requests

from bench.faults.logs import Log
from bench.faults.nursery import Wishes
from bench.faults.plan import SCHEDULERS, SENDERS, SETTINGS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import LATE_CALLBACKS, SEND
from sandbox.client import expect
from sandbox.files import write_private
from sandbox.stack.tenant import Tenant

# Deaths are thrown dice here: no job is to be found guilty of those that hit it by chance.
_PATIENT = SETTINGS + "modules.v1.shop-access.email.extras.send.poisonAfter = 1000000\n"
HIT = "email.fault_point.hit"
# Patience for the points that are passed least.
SECONDS_AT_LEAST, SECONDS_A_DEATH = 90.0, 25.0
PROVISIONED_SECONDS = 300.0
PROVISION_EVERY_SECONDS = 0.5
# Deaths that provisioning one configuration comes to, and a few configurations more.
DEATHS_A_CONFIGURATION, SPARE_CONFIGURATIONS = 1.0, 10


@dataclass(frozen=True)
class Points:
    """Of these roles; `likely`: the probability of death at each pass of one."""

    roles: tuple[str, ...]
    likely: Mapping[str, float]

    def plan(self, left: Sequence[str]) -> str:
        armed = [f"{name}:{likely}" for name, likely in self.likely.items() if name in left]
        return ",".join([*armed, "seed:{start}"] if armed else [])


WEB = Points(
    ("web",),
    {
        "accept.before_commit": 0.01,
        "accept.committed": 0.01,
        "accept.rung": 0.01,
        "event.before_commit": 0.01,
        "event.committed": 0.01,
    },
)
PLACES = (
    WEB,
    Points(
        SENDERS,
        {
            "send.claimed": 0.03,
            "send.called": 0.03,
            "send.before_commit": 0.03,
            "send.recorded": 0.03,
            "send.settled": 0.03,
            "doubt.taken": 0.1,
            "doubt.searched": 0.1,
            "doubt.resolved": 0.1,
        },
    ),
    Points(("projection",), {"project.folded": 0.05, "project.committed": 0.05}),
    Points(
        ("provisioning",),
        {"provision.intended": 0.1, "provision.called": 0.1, "provision.done": 0.1},
    ),
    Points(SCHEDULERS, {"schedule.found": 0.05, "schedule.rung": 0.05}),
)
NAMES = [name for points in PLACES for name in points.likely]


@fault("F2", "kill -9 at each named point", long=Size(rate=40, times=100), short=Size(rate=30, times=1))
def kill_at_points(run: Rehearsal) -> None:
    patient = run.world.processes.folder / "patient.conf"
    write_private(patient, _PATIENT)
    newcomers = Newcomers(run, int(3 * run.size.times / DEATHS_A_CONFIGURATION) + SPARE_CONFIGURATIONS)
    # Doubts, so that there is something to find out, and callbacks too late to tell.
    doubts = {"kind": "accept_then_reset", "endpoint": SEND, "probability": 0.15}
    with run.world.simulator.misbehaving(doubts, LATE_CALLBACKS), run.callers(), newcomers.arriving():
        deaths = _until_each_died(run, Armoury(run, str(patient)), newcomers)
    few = {name: deaths[name] for name in NAMES if deaths[name] < run.size.times}
    run.require(not few, f"too few deaths at {few}")
    newcomers.check()
    run.notes.append(
        f"{deaths.total()} deaths at {len(NAMES)} points; {newcomers.begun} configurations provisioned meanwhile"
    )


def _until_each_died(run: Rehearsal, armoury: "Armoury", newcomers: "Newcomers") -> Counter[str]:
    deadline = time.monotonic() + SECONDS_AT_LEAST + SECONDS_A_DEATH * run.size.times
    with armoury.armed():
        while time.monotonic() < deadline:
            deaths = armoury.deaths()
            left = [name for name in NAMES if deaths[name] < run.size.times]
            if not left:
                break
            armoury.arm(left)
            # The provider asks our web server before it makes a webhook: that one must live by then.
            if not any(name in WEB.likely for name in left) and not newcomers.may_begin.is_set():
                armoury.disarm(WEB)
                newcomers.may_begin.set()
            run.tell(f"{len(left)} points left, such as {left[0]} with {deaths[left[0]]} deaths")
            time.sleep(0.2)
    return armoury.deaths()


class Armoury:
    """Arms the points in each start of their role, and reads in its log where it died."""

    def __init__(self, run: Rehearsal, settings: str) -> None:
        self._processes = run.world.processes
        self._settings = settings
        roles = [role for points in PLACES for role in points.roles]
        self._logs = {role: Hits(run.world.processes.folder / "logs" / f"{role}.log") for role in roles}
        self._armed: list[str] = []

    @contextmanager
    def armed(self) -> Iterator[None]:
        with self._processes.dressed(self._wishes(NAMES)):
            yield

    def arm(self, names: list[str]) -> None:
        """From the next start on."""
        if names != self._armed:
            self._armed = names
            for role, wishes in self._wishes(names).items():
                self._processes.wish(role, wishes)

    def disarm(self, points: Points) -> None:
        """At once."""
        self._processes.dress(dict.fromkeys(points.roles, Wishes()))

    def deaths(self) -> Counter[str]:
        return sum((log.counted() for log in self._logs.values()), Counter[str]())

    def _wishes(self, names: list[str]) -> dict[str, Wishes]:
        return {
            role: Wishes({"EMAIL_FAULT_POINTS": points.plan(names), "EMAIL_CONFIG_FILE": self._settings})
            for points in PLACES
            for role in points.roles
        }


class Hits:
    """At which points a role has died since now."""

    def __init__(self, path: Path) -> None:
        self._log = Log(path)
        self._hits: Counter[str] = Counter()

    def counted(self) -> Counter[str]:
        hits = [line for line in self._log.news() if HIT in line]
        self._hits.update(name for name in NAMES for line in hits if f'"{name}"' in line)
        return self._hits


@dataclass
class Newcomers:
    """Configurations to be provisioned once they may, each of which must become OK and have one server."""

    run: Rehearsal
    count: int
    begun: int = 0
    may_begin: threading.Event = field(default_factory=threading.Event)
    _made: dict[str, Tenant] = field(default_factory=dict)

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """They are made before anything dies: a creation has no key to be repeated with."""
        for number in range(self.count):
            self.run.tell(f"configuration {number + 1} of {self.count}")
            slug, tenant_id = f"made-{token_hex(4)}", str(uuid4())
            with self.run.world.door.client(tenant_id) as client:
                answer = expect(client.create_configuration(slug, "Rehearsal"), 201)
            self._made[slug] = Tenant(tenant_id, str(answer.payload["eId"]))
        stop = threading.Event()
        thread = threading.Thread(target=self._provision, args=[stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _provision(self, stop: threading.Event) -> None:
        while not self.may_begin.wait(0.1):
            if stop.is_set():
                return
        for tenant in self._made.values():
            while not self._signal(tenant):
                if stop.wait(0.1):
                    return
            self.begun += 1
            if stop.wait(PROVISION_EVERY_SECONDS):
                return

    def _signal(self, tenant: Tenant) -> bool:
        with self.run.world.door.client(tenant.tenant_id) as client:
            try:
                return client.signal(tenant.configuration_eid, "provision").status in (200, 202)
            except requests.RequestException:
                return False

    def check(self) -> None:
        made = dict(itertools.islice(self._made.items(), self.begun))
        odd = self._wait_until_ok([tenant.configuration_eid for tenant in made.values()])
        self.run.require(
            not odd, f"{odd.total()} of {len(made)} configurations ended {', '.join(sorted(odd))}"
        )
        servers = Counter(name.rpartition("-made-")[2] for name in self._servers())
        twice = [slug for slug in made if servers[slug.removeprefix("made-")] != 1]
        self.run.require(not twice, f"{len(twice)} configurations without exactly one server")

    def _wait_until_ok(self, ids: list[str]) -> Counter[str]:
        """States that are not OK when patience ends."""
        deadline = time.monotonic() + PROVISIONED_SECONDS
        while True:
            states = self.run.world.database.ask(
                "SELECT operational FROM email_configuration WHERE e_id::text = ANY(%s)", ids
            )
            odd = Counter(state for (state,) in states if state != "OK")
            if not odd or time.monotonic() > deadline:
                return odd
            self.run.tell(f"{odd.total()} of {len(ids)} configurations not OK")
            time.sleep(0.3)

    def _servers(self) -> list[str]:
        """Names, as the provider lists them."""
        names: list[str] = []
        places = self.run.world.places
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Postmark-Account-Token"] = places["postmark_account_token"]
            session.headers["Accept"] = "application/json"
            while True:
                wanted = {"count": 500, "offset": len(names)}
                page = session.get(f"{places['postmark_url']}/servers", params=wanted, timeout=30).json()
                names += [server["Name"] for server in page["Servers"]]
                if len(names) >= page["TotalCount"] or not page["Servers"]:
                    return names
