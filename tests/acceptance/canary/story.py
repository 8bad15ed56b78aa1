"""What happens: everything that may happen to mail, and everything that may go wrong on its way."""

from tests.acceptance.canary import (
    callbacks,
    drift,
    keys,
    mail,
    operators,
    requests_gone_wrong,
    starts,
    tenants,
    troubles,
)
from tests.acceptance.canary.world import World


def play(world: World) -> None:
    tenant = tenants.provisioned(world)
    other = tenants.refused(world)
    bounced = mail.while_workers_are_away(world, tenant)
    mail.in_doubt(world, tenant)
    mail.refused(world, tenant)
    mail.listed(world, tenant)
    callbacks.turned_away(world, tenant)
    callbacks.of_an_unknown_kind(world, tenant)
    callbacks.that_cannot_be_stored(world, tenant)
    callbacks.asked_for(world, tenant)
    requests_gone_wrong.refused(world, tenant, other)
    keys.rotated(world, tenant)
    drift.found(world)
    operators.at_the_console(world)
    troubles.of_a_statement(world, tenant)
    troubles.of_the_schema(world)
    troubles.of_valkey(world, tenant)
    troubles.of_the_database(world, tenant)
    mail.refused_until_failure(world, tenant)
    tenants.verified_again(world, tenant)
    world.evidence.commands += operators.at_the_command_line(world, tenant, bounced)
    world.evidence.logs += starts.refused(world)
    world.look_at_processes()
    tenants.removed(world, tenant)
