"""Death at a named line: every fault point of the product's code, so often as wanted."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from uuid import uuid4

import requests

from bench.faults.nursery import Wishes
from bench.faults.plan import SENDERS, SETTINGS
from bench.faults.rehearsal import Rehearsal, Size, fault
from bench.faults.simulator import SEND
from sandbox.client import Client, Unexpected, expect
from sandbox.files import write_private
from sandbox.stack.tenant import Tenant, operational

# A round ends without its deaths when a point is not passed.
SECONDS_A_DEATH = 6.0
PROVISIONED_SECONDS = 300.0
CREATE_SECONDS = 1.0
# Deaths are thrown dice here: no job is to be found guilty of those that hit it by chance.
_PATIENT = SETTINGS + "modules.v1.shop-access.email.extras.send.poisonAfter = 1000000\n"


@dataclass(frozen=True)
class Point:
    """`probability`: of death at each pass."""

    name: str
    roles: tuple[str, ...]
    probability: float


def _of(roles: tuple[str, ...], probability: float, *names: str) -> list[Point]:
    return [Point(name, roles, probability) for name in names]


_WEB = _of(
    ("web",),
    0.04,
    *("accept.before_commit", "accept.committed", "accept.rung", "event.before_commit", "event.committed"),
)
_SEND = _of(
    SENDERS,
    0.15,
    *("send.claimed", "send.called", "send.before_commit", "send.recorded", "send.settled"),
)
_DOUBT = _of(SENDERS, 0.3, "doubt.taken", "doubt.searched", "doubt.resolved")
_PROJECTION = _of(("projection",), 0.15, "project.folded", "project.committed")
_PROVISIONING = _of(("provisioning",), 0.15, "provision.intended", "provision.called", "provision.done")
_SCHEDULER = _of(("scheduler",), 0.3, "schedule.found", "schedule.rung")
POINTS = (*_WEB, *_SEND, *_DOUBT, *_PROJECTION, *_PROVISIONING, *_SCHEDULER)


def rounds() -> list[list[Point]]:
    """One point of a role at a time, several roles at once; nothing is provisioned while the web server dies."""
    columns = [
        [*_WEB, *_PROVISIONING],
        [*_SEND, *_DOUBT],
        [*_PROJECTION, *_SCHEDULER],
    ]
    longest = max(map(len, columns))
    return [[column[number] for column in columns if number < len(column)] for number in range(longest)]


@fault(
    "F2",
    "kill -9 at each named point",
    long=Size(rate=40, times=100),
    short=Size(rate=30, times=1),
)
def kill_at_points(run: Rehearsal) -> None:
    patient = run.world.processes.folder / "patient.conf"
    write_private(patient, _PATIENT)
    # Doubts, so that there is something to find out, and callbacks too late to tell.
    doubts = {"kind": "accept_then_reset", "endpoint": SEND, "probability": 0.15}
    with run.world.simulator.misbehaving(doubts, {"kind": "delay_webhooks", "seconds": 600}), run.callers():
        for number, points in enumerate(rounds()):
            names = " ".join(point.name for point in points)
            run.tell(f"round {number + 1}: {names}")
            with _creating(run, wanted=any(point in _PROVISIONING for point in points)):
                _play(run, points, str(patient))
    run.notes.append(f"{len(POINTS)} points, {run.size.times} deaths at each")


def _play(run: Rehearsal, points: list[Point], settings: str) -> None:
    processes = run.world.processes
    wishes = {role: _armed(point, settings) for point in points for role in point.roles}
    with processes.dressed(wishes):
        before = {role: processes.ends(role) for role in wishes}

        def deaths(point: Point) -> int:
            return sum(processes.ends(role) - before[role] for role in point.roles)

        deadline = time.monotonic() + 20.0 + SECONDS_A_DEATH * run.size.times
        while any(deaths(point) < run.size.times for point in points) and time.monotonic() < deadline:
            run.tell(", ".join(f"{point.name} {deaths(point)}" for point in points))
            time.sleep(0.1)
        for point in points:
            run.require(deaths(point) >= run.size.times, f"only {deaths(point)} deaths at {point.name}")


def _armed(point: Point, settings: str) -> Wishes:
    plan = f"{point.name}:{point.probability},seed:{{start}}"
    return Wishes(environment={"EMAIL_FAULT_POINTS": plan, "EMAIL_CONFIG_FILE": settings})


@contextmanager
def _creating(run: Rehearsal, *, wanted: bool) -> Iterator[None]:
    """Configurations being made meanwhile, each of which must become OK and have one server."""
    if not wanted:
        yield
        return
    stop = threading.Event()
    created: dict[str, Tenant] = {}
    thread = threading.Thread(target=_create, args=[run, stop, created], daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    _check_configurations(run, created)


def _create(run: Rehearsal, stop: threading.Event, created: dict[str, Tenant]) -> None:
    while not stop.wait(CREATE_SECONDS):
        slug, tenant_id = f"made-{token_hex(4)}", str(uuid4())
        with run.world.door.client(tenant_id) as client:
            answer = expect(client.create_configuration(slug, "Rehearsal"), 201)
            created[slug] = Tenant(tenant_id, str(answer.payload["eId"]))
            expect(client.signal(created[slug].configuration_eid, "provision"), 200, 202)


def _check_configurations(run: Rehearsal, created: Mapping[str, Tenant]) -> None:
    deadline = time.monotonic() + PROVISIONED_SECONDS
    states = dict.fromkeys(created, "")
    while any(state != "OK" for state in states.values()) and time.monotonic() < deadline:
        for slug, state in states.items():
            if state != "OK":
                states[slug] = _state(run, created[slug])
        run.tell(f"{sum(state != 'OK' for state in states.values())} of {len(states)} configurations not OK")
        time.sleep(0.5)
    odd = sorted(state for state in states.values() if state != "OK")
    run.require(not odd, f"{len(odd)} of {len(created)} configurations ended {', '.join(sorted(set(odd)))}")
    servers = _servers(run)
    twice = [slug for slug in created if sum(name.endswith(f"-{slug}") for name in servers) != 1]
    run.require(not twice, f"{len(twice)} configurations without exactly one server")


def _state(run: Rehearsal, tenant: Tenant) -> str:
    with Client(run.world.door.url, run.world.door.api_key, tenant.tenant_id) as client:
        try:
            return operational(client, tenant.configuration_eid)
        except (Unexpected, requests.RequestException):
            return "unknown"


def _servers(run: Rehearsal) -> list[str]:
    """Names, as the provider lists them."""
    names: list[str] = []
    headers = {
        "X-Postmark-Account-Token": run.world.places["postmark_account_token"],
        "Accept": "application/json",
    }
    with requests.Session() as session:
        session.trust_env = False
        while True:
            page = session.get(
                f"{run.world.places['postmark_url']}/servers",
                params={"count": 500, "offset": len(names)},
                headers=headers,
                timeout=30,
            ).json()
            names += [server["Name"] for server in page["Servers"]]
            if len(names) >= page["TotalCount"] or not page["Servers"]:
                return names
