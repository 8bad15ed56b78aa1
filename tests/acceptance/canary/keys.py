"""The encryption key gives way to another, and the file of it breaks on the way."""

import json
from base64 import b64encode
from secrets import token_bytes

from tests.acceptance.canary.tenants import Tenant
from tests.acceptance.canary.world import World

_SEALED = "SELECT 1 FROM email_configuration WHERE e_id::text = %s AND server_token LIKE 'a1.k2:%%'"


def rotated(world: World, tenant: Tenant) -> None:
    held = json.loads(world.mounted())
    material = b64encode(token_bytes(32)).decode()
    world.canaries.know("the key material, version 2", material)
    whole = json.dumps({"current": "2", "versions": {**held["versions"], "2": material}})
    # Cut off in the middle of the second one, as by a write that did not end.
    world.mount(whole[:-20])
    world.wait_for_log("scheduler", "email.material_registry.refresh.parse_failed")
    world.mount(whole)
    world.wait_for_rows(_SEALED, tenant.eid)
