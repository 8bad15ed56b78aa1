"""A world in which every page has something to show: tenants in many states, mail of every fate, findings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3

from sandbox.aws import CREDENTIALS
from sandbox.client import Json, expect, wait_for
from tests.browser.provider import SEARCH, SEND
from tests.browser.tenants import PATIENCE_SECONDS, Tenant
from tests.browser.world import World

_NAMES = {
    "acme": "Acme Ltd",
    "borealis": "Borealis Books",
    "cedar": "Cedar & Sons",
    "fjord": "Fjord Outfitters",
    "harbor": "Harbor Coffee Roasters",
}
# Nothing happens to these but what one test does.
_SPARE = ("kestrel", "linden", "mistral", "nimbus", "osprey", "plover", "quarry", "rowan", "sable", "thistle")
_PEOPLE = (
    *(
        "anna.berg",
        "bruno.keller",
        "carla.santos",
        "daniel.novak",
        "emilia.rossi",
        "farid.haddad",
        "greta.lind",
    ),
    *("hugo.martin", "ines.costa", "jonas.weber", "karin.olsen", "liam.byrne", "mira.kovac", "noah.jansen"),
)
_LIST = """\
address,reason,note
old.customer@example.org,IMPORTED,left in 2024
info@example.net,IMPORTED,asked by phone
petra.long.name.of.a.person.who.writes.her.whole.title@a-department.of.a.very-long-company-name.example.com,MANUAL,
"""
# As after a release that forgot something.
_REFUSE = "ALTER TABLE email_job ADD CONSTRAINT rehearsal CHECK (status <> 'DELIVERED' OR recipient <> '{}') NOT VALID"
_REFUSE_NO_MORE = "ALTER TABLE email_job DROP CONSTRAINT rehearsal"
_GIVEN_UP = "SELECT 1 FROM dead_letter WHERE subject = 'message'"
_FOUND = "SELECT count(DISTINCT tag) FROM drift_finding"
_WINDOW_IS_OVER = (
    "UPDATE email_configuration SET verification_started_at = now() - interval '25 hours' WHERE e_id = %s"
)


@dataclass
class Filled:
    """`jobs` by how they are."""

    world: World
    tenants: dict[str, Tenant] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)
    _spare: list[Tenant] = field(default_factory=list)

    @property
    def acme(self) -> Tenant:
        return self.tenants["acme"]

    def spare(self) -> Tenant:
        """OK and UNLOCKED, and nobody else's."""
        return self._spare.pop()


def fill(world: World, *, spare: int = 0) -> Filled:
    """`spare`: so many tenants beside those that are looked at."""
    filled = Filled(world)
    with ThreadPoolExecutor(4) as pool:
        _all(pool, _working, [(filled, slug) for slug in _NAMES])
        _all(pool, _spared, [(filled, slug) for slug in _SPARE[:spare]])
        _all(pool, _call, [(make, filled) for make in (_waiting, _mailed, _failing, _doubting, _drifted)])
    return filled


def people(domain: str, count: int) -> list[str]:
    return [f"{name}@{domain}" for name in _PEOPLE[:count]]


def _all(pool: ThreadPoolExecutor, work: Callable[..., None], given: list[tuple[Any, ...]]) -> None:
    """What one of them raises is raised."""
    for done in [pool.submit(work, *each) for each in given]:
        done.result()


def _call(make: Callable[[Filled], None], filled: Filled) -> None:
    make(filled)


def _working(filled: Filled, slug: str) -> None:
    made = filled.world.tenant(slug, _NAMES[slug])
    filled.tenants[slug] = made.make_ready(unlocked=slug != "cedar")


def _spared(filled: Filled, slug: str) -> None:
    filled._spare.append(filled.world.tenant(slug, f"{slug.capitalize()} & Co").make_ready())


def _waiting(filled: Filled) -> None:
    """Of each state that is on the way, or the end of one."""
    world = filled.world
    filled.tenants["dunes"] = world.tenant("dunes", "Dunes Travel")
    world.provider.make_server("ardamails-dev-elmwood")
    elmwood = filled.tenants["elmwood"] = world.tenant("elmwood", "Elmwood Dairy")
    expect(elmwood.client.signal(elmwood.eid, "provision"), 202)
    elmwood.wait_until("operational", "MISSING")
    with world.provider.saying(_not_verified("/domains/*")):
        for slug, name in (("garnet", "Garnet Jewellery"), ("indigo", "Indigo Prints")):
            made = filled.tenants[slug] = world.tenant(slug, name)
            expect(made.client.signal(made.eid, "provision"), 202)
            made.wait_until("operational", "AWAITING_VERIFICATION")
            domain_id, dkim = made.payload["postmarkDomainId"], made.payload["dns"][0]["name"]
            # For as long as the world lasts.
            world.provider.says(_not_verified(f"/domains/{domain_id}/verify*", dkim, domain_id))
    indigo = filled.tenants["indigo"]
    # Again and again: a check that has read the row before writes the window back as it was.
    wait_for(
        partial(_with_the_window_over, world, indigo),
        lambda state: state == "UNVERIFIED",
        seconds=PATIENCE_SECONDS,
        what="indigo: UNVERIFIED",
    )


def _with_the_window_over(world: World, tenant: Tenant) -> str:
    world.run(_WINDOW_IS_OVER, tenant.eid)
    return str(tenant.payload["operational"])


def _not_verified(endpoint: str, dkim: str = "pm._domainkey.example.com", domain_id: int = 1) -> Json:
    """The provider has not seen the records yet."""
    domain = dkim.partition("._domainkey.")[2]
    body = {
        "ID": domain_id,
        "Name": domain,
        "DKIMVerified": False,
        "DKIMHost": dkim,
        "DKIMTextValue": "k=rsa; p=a-key",
        "ReturnPathDomain": f"pm-bounces.{domain}",
        "ReturnPathDomainVerified": False,
        "ReturnPathDomainCNAMEValue": "pm.mtasv.net",
    }
    return {"kind": "respond", "endpoint": endpoint, "method": "PUT", "status": 200, "body": body}


def _mailed(filled: Filled) -> None:
    """Of every end that a message may have."""
    acme, jobs, provider = filled.acme, filled.jobs, filled.world.provider
    jobs["DELIVERED"] = acme.send_many(people("example.com", 14))[0]
    jobs["BOUNCED"] = acme.send("bounce-hard.gone@example.com")
    jobs["COMPLAINED"] = acme.send("complaint.angry@example.com")
    contradicted = acme.send("bounce-hard.late@example.com")
    for job, status in (
        (jobs["BOUNCED"], "BOUNCED"),
        (jobs["COMPLAINED"], "COMPLAINED"),
        (contradicted, "BOUNCED"),
    ):
        acme.wait_for_status(job, status)
    contradict(filled.world, acme, contradicted)
    jobs["INCONSISTENT"] = contradicted
    with provider.saying(refusing(acme, 300)):
        failed = acme.send_many(people("example.net", 5))
        for job in failed:
            acme.wait_for_status(job, "FAILED")
    jobs["FAILED"] = failed[0]
    with provider.saying(refusing(acme, 406)):
        jobs["SUPPRESSED"] = acme.send("inactive@example.net")
        acme.wait_for_status(jobs["SUPPRESSED"], "SUPPRESSED")
    expect(acme.client.import_suppressions(_LIST), 200)
    _given_up(filled)


def contradict(world: World, tenant: Tenant, job: str) -> None:
    """A delivery is told of what has bounced."""
    message_id = str(expect(tenant.client.job(job), 200).payload["providerMessageId"])
    world.provider.let_happen(message_id, "Delivery")
    tenant.wait_for_status(job, "INCONSISTENT")


def refusing(tenant: Tenant, code: int) -> Json:
    """Every message of it, with the provider's code."""
    said = "Invalid 'To' address." if code == 300 else "You tried to send to a recipient that is inactive."
    return {
        "kind": "partial_batch",
        "endpoint": SEND,
        "server_id": tenant.server_id,
        "error_code": code,
        "message": said,
    }


def _given_up(filled: Filled) -> None:
    """A handler raises again and again, until what was in its way is gone."""
    world, borealis = filled.world, filled.tenants["borealis"]
    with world.provider.saying(refusing(borealis, 300)):
        for job in borealis.send_many(people("example.org", 3)):
            borealis.wait_for_status(job, "FAILED")
    world.run(_REFUSE.format("reader@example.org"))
    job = borealis.send("reader@example.org")
    wait_for(lambda: world.ask(_GIVEN_UP), bool, seconds=PATIENCE_SECONDS, what="a message that is given up")
    world.run(_REFUSE_NO_MORE)
    borealis.wait_for_status(job, "DELIVERED")
    world.provider.says({"kind": "pause_webhooks", "server_id": borealis.server_id})
    filled.jobs["SENT"] = borealis.send("subscriber@example.org")
    borealis.wait_for_status(filled.jobs["SENT"], "SENT")


def _failing(filled: Filled) -> None:
    fjord = filled.tenants["fjord"]
    filled.world.provider.says({"kind": "revoked_token", "endpoint": SEND, "server_id": fjord.server_id})
    filled.jobs["QUEUED"] = fjord.send_many(people("example.com", 6))[0]
    fjord.wait_until("operational", "FAILURE")


def _doubting(filled: Filled) -> None:
    """Taken, and the answer lost; nobody can be asked, and the configuration is to be locked meanwhile."""
    harbor, provider = filled.tenants["harbor"], filled.world.provider
    server_id = harbor.server_id
    for rule in (
        {"kind": "accept_then_500", "endpoint": SEND},
        {"kind": "respond", "endpoint": SEARCH, "status": 500, "body": "Internal Server Error"},
        {"kind": "pause_webhooks"},
    ):
        provider.says({**rule, "server_id": server_id})
    jobs = [harbor.send(recipient) for recipient in people("example.org", 2)]
    for job in jobs:
        harbor.wait_for_status(job, "IN_DOUBT")
    filled.jobs["IN_DOUBT"], filled.jobs["IN_DOUBT too"] = jobs
    expect(harbor.client.signal(harbor.eid, "lock"), 202)


def _drifted(filled: Filled) -> None:
    """A server that nobody made, one that somebody deleted, and a record that somebody changed."""
    world, cedar = filled.world, filled.tenants["cedar"]
    world.provider.make_server("ardamails-dev-forgotten")
    world.provider.lose_server(cedar.server_id)
    _change_record(world, cedar.payload["dns"][0])
    # By the timetable.
    wait_for(
        lambda: world.ask(_FOUND), lambda found: found == [(3,)], seconds=180, what="findings of three kinds"
    )


def _change_record(world: World, record: Json) -> None:
    client = boto3.client(
        "route53",
        endpoint_url=str(world.places["aws_url"]),
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    zone_id = client.list_hosted_zones()["HostedZones"][0]["Id"]
    change: Any = {
        "Action": "UPSERT",
        "ResourceRecordSet": {
            "Name": record["name"],
            "Type": record["type"],
            "TTL": 300,
            "ResourceRecords": [{"Value": '"k=rsa; p=somebody-elses"'}],
        },
    }
    client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})
