"""Sealing server tokens anew after a rotation of the key."""

import pytest

from shared.domain.errors import CiphertextInvalid
from shared.messaging.messages import ResealToken
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.provisioning_world import World
from workers.provisioning.resealing import reseal_token


@pytest.fixture
def world() -> World:
    world = World().provisioned()
    world.cipher.versions.add("v2")
    world.cipher.current = "v2"
    return world


def envelope(world: World) -> str:
    found = world.configuration.provisioned.server_token
    assert found is not None
    return found


def opened(world: World) -> str:
    return world.cipher.decrypt(
        envelope(world), tenant_id=world.configuration.tenant_id, configuration_id=world.e_id
    )


def test_the_same_token_is_sealed_by_the_current_version(world: World) -> None:
    token, version = opened(world), world.configuration.version
    reseal_token(world.e_id, world.deps())
    assert envelope(world).startswith("a1.kv2:")
    assert opened(world) == token
    assert world.configuration.version == version


def test_a_second_time_changes_nothing(world: World) -> None:
    reseal_token(world.e_id, world.deps())
    before = envelope(world)
    reseal_token(world.e_id, world.deps())
    assert envelope(world) == before


def test_a_token_whose_version_is_not_mounted_stays_as_it_is(world: World) -> None:
    before = envelope(world)
    world.cipher.versions.remove("v1")
    reseal_token(world.e_id, world.deps())
    assert envelope(world) == before


def test_a_token_that_was_changed_meanwhile_is_not_overwritten(world: World) -> None:
    class Overtaken(Breaker):
        def moment(self, name: str) -> None:
            if name == "after commit" and not self.moments:
                super().moment(name)
                there = world.configuration.provisioned
                world.change(provisioned=type(there)(server_id=there.server_id, server_token="a1.kv2:NEW"))

    world.breaker = Overtaken()
    reseal_token(world.e_id, world.deps())
    assert envelope(world) == "a1.kv2:NEW"


@pytest.mark.parametrize("dies_at", range(4))
def test_a_death_at_any_moment_leaves_a_token_that_opens(world: World, dies_at: int) -> None:
    token = opened(world)
    world.breaker = Breaker(dies_at)
    with pytest.raises(Death):
        reseal_token(world.e_id, world.deps())
    assert opened(world) == token


def test_whoever_uses_an_old_one_rings_for_it_to_be_sealed_anew(world: World) -> None:
    world.deps().server_token(world.configuration)
    assert world.rung(ResealToken) == [world.e_id]
    reseal_token(world.e_id, world.deps())
    world.deps().server_token(world.configuration)
    assert world.rung(ResealToken) == [world.e_id]


def test_a_token_moved_to_another_configuration_does_not_open(world: World) -> None:
    other = World().provisioned()
    with pytest.raises(CiphertextInvalid):
        world.cipher.decrypt(
            envelope(other), tenant_id=world.configuration.tenant_id, configuration_id=world.e_id
        )
