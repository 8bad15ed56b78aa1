"""What the provider posts to us, and what others do in its name."""

import json
import time
from secrets import token_urlsafe
from uuid import uuid4

from sandbox.client import BASE, Json, expect
from tests.acceptance.canary.provider import refusal
from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.values import Canaries, Kind
from tests.acceptance.canary.world import World

_PATH = f"{BASE}/job/postmark-events"


def of_a_stranger(world: World, tenant: Tenant) -> None:
    """One with both keys, about a message that is not ours: it is kept, and its job never comes."""
    body = _bounce(world.canaries, "an event of no job")
    assert _post(world, body, world.api_key, tenant.routing_token) == 200


def turned_away(world: World, tenant: Tenant) -> None:
    """Wrong bearer, wrong routing token, none at all, and no body. What was shown may be right elsewhere."""
    canaries = world.canaries
    bearer, routing_token = token_urlsafe(32), token_urlsafe(32)
    canaries.know("a bearer that is wrong here", bearer)
    canaries.know("a routing token that is wrong here", routing_token)
    body = _bounce(canaries, "an event that is turned away")
    assert _post(world, body, bearer, tenant.routing_token) == 401
    assert _post(world, body, world.api_key, routing_token) == 401
    assert _post(world, body, "", "") == 401
    text = json.dumps(body).encode()
    for wrong, status in ((text[:-20], 400), (b"[" + text + b"]", 400), (text + b" " * 30_000, 413)):
        headers = _headers(world.api_key, tenant.routing_token)
        assert world.stranger.send("POST", _PATH, wrong, **headers).status_code == status


def that_cannot_be_stored(world: World, tenant: Tenant) -> None:
    """The database refuses the row, and its words hold the whole of it. The provider is asked to come again."""
    body = _bounce(world.canaries, "an event that the database refuses")
    with world.database.refusing("email_event", f"recipient <> '{body['Email']}'"):
        assert _post(world, body, world.api_key, tenant.routing_token) == 503


def of_an_unknown_kind(world: World, tenant: Tenant) -> None:
    """Kept as it came, whatever it calls itself."""
    core = world.canaries.new("the kind of an event that nobody knows", Kind.RECIPIENT)
    assert _post(world, {"RecordType": core, "Tag": core}, world.api_key, tenant.routing_token) == 200


def asked_for(world: World, tenant: Tenant) -> None:
    """What may have been missed: the provider quotes the token once, then tells everything again."""
    with world.provider.saying(refusal("/bounces", 500, 0, tenant.server_token, count=1)):
        since_ms = int((time.time() - 3600) * 1000)
        expect(tenant.client.catch_up(tenant.eid, since_ms, "callbacks were lost"), 200, 202)
        world.wait_for_rows("SELECT 1 FROM event_gap WHERE finished_at IS NOT NULL AND tries > 0")


def while_the_database_is_away(world: World, tenant: Tenant) -> None:
    body = _bounce(world.canaries, "an event that cannot be stored")
    assert _post(world, body, world.api_key, tenant.routing_token) == 503


def _post(world: World, body: Json, bearer: str, routing_token: str) -> int:
    headers = _headers(bearer, routing_token)
    return world.stranger.send("POST", _PATH, json.dumps(body).encode(), **headers).status_code


def _headers(bearer: str, routing_token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {bearer}",
        "X_Email_Routing_Token": routing_token,
        "Content_Type": "application/json",
    }


def _bounce(canaries: Canaries, name: str) -> Json:
    def new(part: str, kind: Kind) -> str:
        return canaries.new(f"{part} of {name}", kind)

    return {
        "RecordType": "Bounce",
        "ID": 4711,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": str(uuid4()),
        "Email": f"gone.{new('the recipient', Kind.RECIPIENT)}@example.com",
        "Subject": f"Order {new('the subject', Kind.SUBJECT)}",
        "Metadata": {"order": new("the metadata", Kind.METADATA), "job": str(uuid4())},
        "BouncedAt": "2026-11-22T04:00:00Z",
        "Inactive": True,
        "MessageStream": "outbound",
        "Tag": "order",
    }
