"""What happens while a tenant's right to send is being made: deaths at each step, answers that are lost, refusals."""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from uuid import uuid4

from bench.faults.dns_front import REFUSAL_CODE, DnsFront, Mood, in_front_of
from bench.faults.nursery import Wishes
from bench.faults.plan import SETTINGS
from bench.faults.provider import Provider, ids_of
from bench.faults.rehearsal import Rehearsal, Size, fault
from sandbox.client import Json, expect
from sandbox.files import write_private
from sandbox.stack.tenant import Tenant
from sandbox.stack.world import PROJECT

ROLE = "provisioning"
STEPS = ("createServer", "createSignature", "installWebhook", "writeRecords")
# At `called` the result is not committed, so the same step is passed again: only by chance is it ever done.
LIKELY = {"provision.intended": 1.0, "provision.called": 0.5, "provision.done": 1.0}
PLACES = [(point, step) for point in LIKELY for step in STEPS]
# What may pass is tried again soon, and for as long as it takes the last of several.
_IMPATIENT = (
    SETTINGS
    + """\
modules.v1.shop-access.email.extras.provisioning { retryBaseSeconds = 0.2, attemptsMax = 100 }
"""
)
# So many at once, so that there is always one to be worked at.
AT_ONCE = 40
SECONDS_AT_LEAST, SECONDS_A_DEATH = 60.0, 1.0
OK_SECONDS = 120.0
LOOK_SECONDS = 0.1

_CREATES = {"createServer": "/servers", "createSignature": "/senders", "installWebhook": "/webhooks"}
# After each of these the caller does not know that it was done.
_LOST: tuple[Json, ...] = (
    {"kind": "accept_then_reset"},
    {"kind": "accept_then_500"},
    {"kind": "non_json_200"},
    {"kind": "accept_then_reset", "partial": True},
    {"kind": "hang", "seconds": 3.0, "accept": True},
)
REFUSED_CODE = "9999"


@fault(
    "F16",
    "deaths at each step of provisioning, lost answers, refusals",
    long=Size(rate=5, times=50, jobs=5),
    short=Size(rate=5, times=1, jobs=1),
)
def provisioning_fails(run: Rehearsal) -> None:
    """`times` deaths at each place; `jobs` configurations for each way to lose answers, and for each refusal."""
    site = Site(run)
    with in_front_of(run.world.places["aws_url"]) as dns, run.callers():
        deaths = _die_everywhere(site)
        with site.provisioning(dns):
            site.wait_until("OK", list(site.made))
            lost = _lose_answers(site, dns, _LOST if run.size.jobs > 1 else _LOST[:1])
            refused = _refuse(site, dns, STEPS if run.size.jobs > 1 else STEPS[2:])
            site.check()
    run.notes.append(
        f"{deaths.total()} deaths at {len(deaths)} places, at least {min(deaths.values(), default=0)} at each; "
        f"{lost} answers lost; {refused} refused for good and made by re-provision; "
        f"{len(site.made)} configurations"
    )


@dataclass
class Site:
    """Where configurations are made."""

    run: Rehearsal
    # By slug.
    made: dict[str, Tenant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.provider = Provider(self.run.world.places)
        self.settings = self.run.world.processes.folder / "impatient.conf"
        write_private(self.settings, _IMPATIENT)

    def wishes(self, **environment: str) -> Wishes:
        return Wishes({"EMAIL_CONFIG_FILE": str(self.settings), **environment})

    @contextmanager
    def provisioning(self, dns: DnsFront) -> Iterator[None]:
        """By a worker that reaches Route 53 through `dns`."""
        wishes = self.wishes(EMAIL_AWS_ENDPOINT_URL=dns.url)
        with self.run.world.processes.dressed({ROLE: wishes}):
            yield

    def begin(self, count: int) -> list[str]:
        """So many more, and their slugs."""
        with ThreadPoolExecutor(4) as threads:
            made = dict(threads.map(lambda _: self._begin_one(), range(count)))
        self.made |= made
        return list(made)

    def _begin_one(self) -> tuple[str, Tenant]:
        slug, tenant_id = f"step-{token_hex(4)}", str(uuid4())
        with self.run.world.door.client(tenant_id) as client:
            tenant = Tenant(
                tenant_id, str(expect(client.create_configuration(slug, "Rehearsal"), 201).payload["eId"])
            )
            expect(client.signal(tenant.configuration_eid, "provision"), 200, 202)
        return slug, tenant

    def states(self, slugs: Sequence[str]) -> Counter[str]:
        question = "SELECT operational, count(*) FROM email_configuration WHERE slug = ANY(%s) GROUP BY 1"
        return Counter(dict(self.run.world.database.ask(question, list(slugs))))

    def wait_until(self, state: str, slugs: Sequence[str], seconds: float = OK_SECONDS) -> None:
        """Or say what they are instead."""
        deadline = time.monotonic() + seconds
        while (states := self.states(slugs))[state] < len(slugs):
            if time.monotonic() > deadline or (state == "OK" and states["MISSING"]):
                self.run.require(False, f"not all became {state}: {dict(states)}, {self._failures(slugs)}")
                return
            self.run.tell(f"{states[state]} of {len(slugs)} {state}")
            time.sleep(LOOK_SECONDS)

    def _failures(self, slugs: Sequence[str]) -> list[tuple[str, ...]]:
        question = (
            "SELECT DISTINCT failure_step, failure_code FROM email_configuration"
            " WHERE slug = ANY(%s) AND failure_step IS NOT NULL"
        )
        return self.run.world.database.ask(question, list(slugs))

    def check(self) -> None:
        """Each is OK, and outside there is one of everything: that which its row names."""
        slugs = list(self.made)
        self.wait_until("OK", slugs)
        outside = self.provider.everything_of(slugs)
        if faults := outside.faults(ids_of(self.run.world.database, slugs)):
            self.run.require(False, f"outside: {dict(faults)}")


def _die_everywhere(site: Site) -> Counter[tuple[str, str]]:
    """By `mortals` in place of the role's own process; F2 kills that one at the same points."""
    run = site.run
    deaths: Counter[tuple[str, str]] = Counter()
    begun: list[str] = []
    deadline = time.monotonic() + SECONDS_AT_LEAST + SECONDS_A_DEATH * run.size.times * len(PLACES)
    with run.world.processes.dressed({ROLE: Wishes(held=True)}), _mortals(site, deaths) as arm:
        while time.monotonic() < deadline:
            left = [place for place in PLACES if deaths[place] < run.size.times]
            arm(left)
            run.tell(f"{deaths.total()} deaths; {len(left)} places left")
            if not left:
                break
            wanted = min(AT_ONCE, max(run.size.times - deaths[place] for place in left) + 1)
            if (missing := wanted - site.states(begun)["PROVISIONING"]) > 0:
                begun += site.begin(missing)
            time.sleep(LOOK_SECONDS)
    few = {" ".join(place): deaths[place] for place in PLACES if deaths[place] < run.size.times}
    run.require(not few, f"too few deaths at {few}")
    run.require(set(deaths) <= set(PLACES), f"deaths at {set(deaths) - set(PLACES)}")
    return deaths


@contextmanager
def _mortals(
    site: Site, deaths: Counter[tuple[str, str]]
) -> Iterator[Callable[[Sequence[tuple[str, str]]], None]]:
    """Counts their deaths while it lasts; what it gives arms the points of these places."""
    processes = site.run.world.processes
    environment = processes.environment(ROLE) | {"EMAIL_CONFIG_FILE": str(site.settings)}
    with (
        (processes.folder / "logs" / "mortals.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "bench.faults.mortals"],
            env=environment,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def count() -> None:
            for line in stdout:
                death = json.loads(line)
                deaths[death["point"], death["step"]] += 1

        counting = threading.Thread(target=count, daemon=True)
        counting.start()

        def arm(places: Sequence[tuple[str, str]]) -> None:
            points = dict.fromkeys(point for point, _ in places)
            stdin.write(",".join(f"{point}:{LIKELY[point]}" for point in points) + "\n")
            stdin.flush()

        try:
            yield arm
        finally:
            process.terminate()
            counting.join()


def _lose_answers(site: Site, dns: DnsFront, kinds: Sequence[Json]) -> int:
    """Of each create once for each configuration; of the change of DNS until it was repeated. How many."""
    count, lost = site.run.size.jobs, 0
    for kind in kinds:
        site.run.tell(f"{kind['kind']} after each create")
        rules = [
            {**kind, "endpoint": endpoint, "method": "POST", "count": count} for endpoint in _CREATES.values()
        ]
        dns.mood = Mood.LOSES_ANSWERS
        with site.run.world.simulator.misbehaving(*rules):
            slugs = site.begin(count)
            changed = _until(lambda: _written_unheard(site, slugs) == count, OK_SECONDS)  # noqa: B023
            site.run.require(changed, "not every change of DNS was carried out and its answer lost")
            dns.mood = Mood.KIND
            site.wait_until("OK", slugs)
            fired = [rule["fired"] for rule in site.run.world.simulator.rules()[1:]]
        site.run.require(fired == [count] * len(rules), f"{kind['kind']} fired {fired} times")
        lost += sum(fired) + count
    return lost


def _written_unheard(site: Site, slugs: Sequence[str]) -> int:
    """Configurations whose records are in the zone and not in the row."""
    question = "SELECT slug FROM email_configuration WHERE slug = ANY(%s) AND intent = 'writeRecords'"
    waiting = [slug for (slug,) in site.run.world.database.ask(question, list(slugs))]
    return len(site.provider.records_of(waiting))


def _refuse(site: Site, dns: DnsFront, steps: Sequence[str]) -> int:
    """At each step for good: MISSING says why and leaves nothing behind, and one `re-provision` makes it whole."""
    refused: dict[str, list[str]] = {}
    for step in steps:
        site.run.tell(f"{step} refused")
        answer = {"ErrorCode": int(REFUSED_CODE), "Message": "Refused by a rehearsal."}
        rule = {"kind": "respond", "method": "POST", "status": 422, "body": answer}
        rules = [{**rule, "endpoint": _CREATES[step]}] if step in _CREATES else []
        dns.mood = Mood.KIND if rules else Mood.REFUSES
        simulator = site.run.world.simulator
        with simulator.misbehaving(*rules):
            simulator.set(server_deletion_allowed=True)
            refused[step] = site.begin(site.run.size.jobs)
            site.wait_until("MISSING", refused[step])
        dns.mood = Mood.KIND
        _check_missing(site, step, refused[step], REFUSED_CODE if rules else REFUSAL_CODE)
    slugs = list(itertools.chain.from_iterable(refused.values()))
    for slug in slugs:
        tenant = site.made[slug]
        with site.run.world.door.client(tenant.tenant_id) as client:
            expect(client.signal(tenant.configuration_eid, "re-provision"), 202)
    return len(slugs)


def _check_missing(site: Site, step: str, slugs: Sequence[str], code: str) -> None:
    question = (
        "SELECT DISTINCT failure_step, failure_code, num_nonnulls(server_id, signature_id, domain_id, webhook_id,"
        " intent), records_written, undoing FROM email_configuration WHERE slug = ANY(%s)"
    )
    found = site.run.world.database.ask(question, list(slugs))
    site.run.require(found == [(step, code, 0, False, False)], f"{step} refused: {found}")
    if left := site.provider.everything_of(slugs).left(slugs):
        site.run.require(False, f"{step} refused, and outside there is left: {dict(left)}")


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return held
