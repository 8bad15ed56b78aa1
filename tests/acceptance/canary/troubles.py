"""A defect in the web server, and neighbours that are away."""

import json
from uuid import uuid4

from sandbox.client import BASE, expect, wait_for
from tests.acceptance.canary import callbacks
from tests.acceptance.canary.letters import letter
from tests.acceptance.canary.mail import wait_for_status
from tests.acceptance.canary.requests_gone_wrong import headers_of
from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.world import PATIENCE_SECONDS, World


def of_a_statement(world: World, tenant: Tenant) -> None:
    """500: the database refuses a row, and its words hold the whole of it."""
    mail = tenant.mail(letter(world.canaries, "the mail that breaks the web server"))
    core = world.canaries.named("the subject of the mail that breaks the web server")
    headers = {**headers_of(tenant, mail["recipient"]), "Idempotency_Key": str(uuid4())}
    with world.database.refusing("email_job_content", f"position('{core}' in subject) = 0"):
        answer = world.stranger.send("POST", f"{BASE}/job", json.dumps(mail).encode(), **headers)
    assert answer.status_code == 500, answer.text
    world.wait_for_report("web", "DatabaseFault")


def of_the_schema(world: World) -> None:
    """Nobody expects a table to be gone: the scheduler's tick ends with the words of a library."""
    with world.database.lacking("event_gap"):
        world.wait_for_report("scheduler", "DatabaseFault")


def of_valkey(world: World, tenant: Tenant) -> None:
    """Accepted all the same: the row is there, the ring is not."""
    mail = tenant.mail(letter(world.canaries, "the mail that nobody is rung for"))
    with world.without("valkey"):
        job = str(expect(tenant.client.send(mail), 202).payload["eId"])
    wait_for_status(tenant, job, "DELIVERED")


def of_the_database(world: World, tenant: Tenant) -> None:
    mail = tenant.mail(letter(world.canaries, "the mail that cannot be accepted"))
    with world.without("postgres"):
        expect(tenant.client.send(mail), 503)
        expect(tenant.client.suppress(mail["recipient"]), 503)
        callbacks.while_the_database_is_away(world, tenant)
        assert world.stranger.send("GET", "/readyz").status_code == 503
        assert world.stranger.send("GET", "/console").status_code == 503
    wait_for(
        lambda: world.stranger.send("GET", "/readyz").status_code,
        lambda status: status == 200,
        seconds=PATIENCE_SECONDS,
        what="the database",
    )
