"""The world drifts: a server that no row of ours accounts for, and a provider that does not want to be asked."""

from secrets import token_hex

from shared.domain.drift import Drift
from tests.acceptance.canary.provider import refusal
from tests.acceptance.canary.world import World

_NOT_TOLD = (
    "SELECT 1 FROM drift_assertion WHERE assertion = 'postmarkInventory' AND verdict = 'could_not_tell'"
)


def found(world: World) -> None:
    zone = "ardamails-dev"
    name = f"{zone}-stray-{token_hex(4)}"
    world.provider.make_server(name)
    stray = world.provider.server_tokens()[name]
    world.canaries.know("the token of a server that is not ours", stray)
    with world.provider.saying(refusal("/servers", 401, 10, world.account_token, stray, method="GET")):
        world.wait_for_rows(_NOT_TOLD)
    world.wait_for_rows("SELECT 1 FROM drift_finding WHERE server_name = %s AND told_at IS NOT NULL", name)
    world.wait_for_report("drift", Drift.ORPHAN_SERVER.value)
