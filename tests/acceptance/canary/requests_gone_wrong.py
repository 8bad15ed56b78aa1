"""Callers who send what they should not: every refusal that the API knows, each quoting nothing."""

import json
from uuid import uuid4

from sandbox.client import BASE, Json, expect
from tests.acceptance.canary.letters import letter
from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.values import Kind
from tests.acceptance.canary.world import World

_JOB = f"{BASE}/job"


def headers_of(tenant: Tenant, aside: str) -> dict[str, str]:
    """A right request's, and `aside` in headers that are none of our business."""
    return {
        "Authorization": f"Bearer {tenant.client.api_key}",
        "X_Tenant_Id": tenant.client.tenant_id,
        "X_Author": "canaries",
        "Content_Type": "application/json",
        "Baggage": f"user={aside}",
        "Cookie": f"user={aside}",
        "Referer": f"https://shop.example.com/?to={aside}",
        "Sentry_Trace": aside,
        "Tracestate": f"shop={aside}",
        "User_Agent": f"Shop for {aside}",
        "X_Forwarded_User": aside,
        "X_Request_ID": aside,
    }


def refused(world: World, tenant: Tenant, other: Tenant) -> None:
    mail = tenant.mail(letter(world.canaries, "the mail that is sent in every wrong way"))
    text = json.dumps(mail).encode()
    right = headers_of(tenant, mail["recipient"])
    wrong_key = {**right, "Authorization": f"Bearer {world.canaries.named('the server token')}"}
    for data, headers, status in (
        # Cut in the middle of a body: whoever parses it stumbles over what it holds.
        (text[:-40], right, 400),
        (text.replace(b'"subject"', b"subject"), right, 400),
        (text.replace(b'"htmlBody": "', b'"htmlBody": "\\ud800'), right, 400),
        (text, {**right, "Idempotency_Key": f"{mail['recipient']}\u00fc".encode().decode("latin-1")}, 400),
        (text, {**right, "X_Tenant_Id": mail["recipient"]}, 400),
        (text, {**right, "X_Author": ""}, 400),
        (text, {**right, "Content_Type": "text/plain"}, 415),
        (text + b" " * 30_000, right, 413),
        (text, wrong_key, 401),
        (text, {name: value for name, value in right.items() if name != "Authorization"}, 401),
    ):
        answer = world.stranger.send("POST", _JOB, data, **{**headers, **_key_of(headers)})
        assert answer.status_code == status, answer.text
    _with_wrong_fields(tenant, mail)
    _elsewhere(world, tenant, other, mail)


def _with_wrong_fields(tenant: Tenant, mail: Json) -> None:
    """Each in the place of another."""
    client, recipient = tenant.client, mail["recipient"]
    for field, value in (
        ("configurationEId", recipient),
        ("recipient", mail["textBody"]),
        ("subject", f"{recipient}\n{mail['textBody']}"),
        ("attachments", [{"filename": recipient, "contentType": recipient, "contentBase64": recipient}]),
        ("metadata", {"job": recipient}),
        ("fromLocalPart", recipient),
    ):
        expect(client.send({**mail, field: value}), 400)
    leaf = {"locator": "recipient", "startsWith": recipient}
    expect(client.post("/job/query", {"filter": leaf}), 400)
    expect(client.post("/job/query", {"page": recipient}), 400)
    expect(client.suppress(f"{recipient} {recipient}"), 400)


def _elsewhere(world: World, tenant: Tenant, other: Tenant, mail: Json) -> None:
    """Nowhere, another's, with another method, twice with one key, and to who may not be mailed."""
    client, recipient, key = tenant.client, mail["recipient"], str(uuid4())
    right = headers_of(tenant, recipient)
    for method, path, status in (
        ("GET", f"{_JOB}/{recipient}", 404),
        ("GET", f"{BASE}/{recipient}?to={recipient}", 404),
        ("DELETE", f"{_JOB}?to={recipient}", 405),
    ):
        assert world.stranger.send(method, path, b"", **right).status_code == status
    expect(other.client.send(mail), 404)
    expect(other.client.send(other.mail(mail)), 409)
    expect(client.post("/configuration", _with_slug(tenant)), 409)
    mail = {
        **mail,
        "recipient": f"again.{world.canaries.new('the recipient who is listed', Kind.RECIPIENT)}@example.com",
    }
    expect(client.send(mail, key=key), 202)
    expect(client.send({**mail, "subject": "another"}, key=key), 422)
    expect(client.suppress(mail["recipient"]), 201)
    expect(client.send(mail), 403)


def _with_slug(tenant: Tenant) -> Json:
    return {"sendingDomainSlug": tenant.slug, "signatureRequest": {"fromName": "Canary Ltd"}}


def _key_of(headers: dict[str, str]) -> dict[str, str]:
    return {} if "Idempotency_Key" in headers else {"Idempotency_Key": str(uuid4())}
