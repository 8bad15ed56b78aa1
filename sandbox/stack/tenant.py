"""A tenant that is ready to send, made through the public HTTP API as a calling service would."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from uuid import uuid4

from sandbox.client import POLL_SECONDS, Client, Unexpected, expect

READY_SECONDS = 120.0
# States that no waiting leads out of.
_DEAD_ENDS = ("MISSING", "UNVERIFIED", "FAILURE")


@dataclass(frozen=True)
class Tenant:
    tenant_id: str
    configuration_eid: str


def make_ready(web_url: str, api_key: str, alive: Callable[[], None]) -> Tenant:
    """Create, provision, wait for OK, unlock. `alive` is called while waiting and may raise; so may Unexpected be."""
    tenant_id = str(uuid4())
    with Client(web_url, api_key, tenant_id) as client:
        created = expect(client.create_configuration(f"demo-{token_hex(4)}", "Sandbox Demo"), 201)
        eid = str(created.payload["eId"])
        expect(client.signal(eid, "provision"), 200, 202)
        wait_until_ok(client, eid, alive)
        expect(client.signal(eid, "unlock"), 200)
    return Tenant(tenant_id, eid)


def wait_until_ok(client: Client, eid: str, alive: Callable[[], None]) -> None:
    """Unexpected when it ends in a state that waiting does not mend, or takes longer than READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while (state := operational(client, eid)) != "OK":
        alive()
        if state in _DEAD_ENDS or time.monotonic() > deadline:
            raise Unexpected(f"the configuration is {state} and not OK: {client.configuration(eid).payload}")
        time.sleep(POLL_SECONDS)


def operational(client: Client, eid: str) -> str:
    return str(expect(client.configuration(eid), 200).payload["operational"])
