"""A tenant that may send, one whose provider refuses it, and the end of the first."""

from dataclasses import dataclass
from secrets import token_hex

from sandbox.client import Json, expect, wait_for
from sandbox.stack.tenant import operational, wait_until_ok
from tests.acceptance.canary.door import WatchedClient
from tests.acceptance.canary.provider import refusal
from tests.acceptance.canary.values import Kind
from tests.acceptance.canary.world import PATIENCE_SECONDS, World


@dataclass
class Tenant:
    client: WatchedClient
    eid: str
    slug: str
    reply_to: str
    server_token: str = ""
    routing_token: str = ""

    def mail(self, letter: Json) -> Json:
        return {**letter, "configurationEId": self.eid}


def provisioned(world: World) -> Tenant:
    """OK and UNLOCKED, by the public API; what the provider knows of it is known to us, too."""
    tenant = _created(world, "the first configuration")
    expect(tenant.client.signal(tenant.eid, "provision"), 202)
    wait_until_ok(tenant.client, tenant.eid, lambda: None)
    expect(tenant.client.signal(tenant.eid, "unlock"), 200)
    tenant.server_token = next(
        token for name, token in world.provider.server_tokens().items() if name.endswith(f"-{tenant.slug}")
    )
    tenant.routing_token = world.provider.webhook_headers(tenant.server_token)["X-Email-Routing-Token"]
    world.canaries.know("the server token", tenant.server_token)
    world.canaries.know("the routing token", tenant.routing_token)
    return tenant


def refused(world: World) -> Tenant:
    """MISSING: the provider quotes back what it was shown when the webhook was made."""
    tenant = _created(world, "the second configuration")
    reply_to = tenant.reply_to
    with world.provider.saying(
        refusal("/webhooks", 422, 1358, f"Bearer {world.api_key}", reply_to, method="POST")
    ):
        expect(tenant.client.signal(tenant.eid, "provision"), 202)
        _wait_until(tenant, "MISSING")
        assert world.provider.fired() == [1]
    expect(tenant.client.get(f"/configuration/{tenant.eid}/history"), 200)
    world.canaries.know(
        "the server token of the second configuration",
        next(
            token
            for name, token in world.provider.server_tokens().items()
            if name.endswith(f"-{tenant.slug}")
        ),
    )
    return tenant


def verified_again(world: World, tenant: Tenant) -> None:
    """Out of FAILURE, while the provider says no to the account's token and quotes it."""
    wait_for(
        lambda: operational(tenant.client, tenant.eid),
        lambda state: state == "FAILURE",
        seconds=PATIENCE_SECONDS,
        what="FAILURE",
    )
    said_no = refusal("/domains/*", 401, 10, world.account_token, method="PUT", count=1)
    with world.provider.saying(said_no):
        expect(tenant.client.signal(tenant.eid, "re-verify"), 200, 202)
        _wait_until(tenant, "DEGRADED", "OK")
        assert world.provider.fired() == [1]
    expect(tenant.client.verification(tenant.eid), 200)


def removed(world: World, tenant: Tenant) -> None:
    """The provider keeps the server, as it does unless its support was asked."""
    expect(tenant.client.signal(tenant.eid, "lock"), 200, 202)
    wait_for(
        lambda: expect(tenant.client.configuration(tenant.eid), 200).payload["administrative"],
        lambda state: state == "LOCKED",
        seconds=PATIENCE_SECONDS,
        what="LOCKED",
    )
    expect(tenant.client.signal(tenant.eid, "remove"), 202)
    world.wait_for_rows(
        "SELECT 1 FROM email_configuration WHERE e_id::text = %s AND cleaned_up_at IS NOT NULL", tenant.eid
    )


def _created(world: World, name: str) -> Tenant:
    client, slug = world.client(), f"canary-{token_hex(4)}"
    reply_to = f"office.{world.canaries.new(f'the reply-to of {name}', Kind.STANDING_REPLY_TO)}@example.com"
    signature = {"fromName": "Canary Ltd", "replyToEmail": reply_to}
    created = client.post("/configuration", {"sendingDomainSlug": slug, "signatureRequest": signature})
    return Tenant(client, str(expect(created, 201).payload["eId"]), slug, reply_to)


def _wait_until(tenant: Tenant, *states: str) -> None:
    wait_for(
        lambda: operational(tenant.client, tenant.eid),
        lambda state: state in states,
        seconds=PATIENCE_SECONDS,
        what=" or ".join(states),
    )
