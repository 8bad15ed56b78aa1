"""The versions of the encryption key."""

from shared.cli.key_versions import _LOOK_SECONDS
from shared.domain.configuration import EmailConfiguration
from shared.messaging.messages import ResealToken
from tests.unit.cli.world import World

STATUS, REWRAP, RETIRE = ("keys", "status"), ("keys", "rewrap"), ("keys", "retire")


def rotate(world: World) -> None:
    world.cipher.versions.add("v2")
    world.cipher.current = "v2"


def seal_anew(world: World, *configurations: EmailConfiguration) -> None:
    """As a worker does it."""
    with world.store.begin() as tx:
        for one in configurations:
            token = tx.sealed_tokens.get(one.e_id)
            assert token is not None
            assert tx.sealed_tokens.reseal(token, token.envelope.replace("a1.kv1:", "a1.kv2:"))


def test_each_version_is_told_with_what_needs_it(world: World) -> None:
    world.add_configuration()
    rotate(world)
    told = [(one["version"], one["is"], one["tokens"]) for one in world.run_json(*STATUS)]
    assert told == [("v1", "mounted", 1), ("v2", "current", 0)]


def test_a_version_that_is_needed_and_not_mounted_is_something_to_look_at(world: World) -> None:
    world.add_configuration()
    rotate(world)
    world.cipher.versions.remove("v1")
    result = world.run(*STATUS)
    assert result.exit_code == 8
    assert "not mounted" in result.output


def test_rewrap_rings_for_every_old_token_and_waits_until_none_is_left(world: World) -> None:
    some = [world.add_configuration() for _ in range(3)]
    rotate(world)
    world.meanwhile = [lambda: seal_anew(world, some[0]), lambda: seal_anew(world, *some[1:])]
    assert world.run_json(*REWRAP) == {"sealed": 3, "left": 0}
    assert sorted(ring.id for ring in world.doorbell.rung) == sorted(one.e_id for one in some)
    assert {type(ring) for ring in world.doorbell.rung} == {ResealToken}
    assert world.waited == [_LOOK_SECONDS] * 2


def test_rewrap_that_gets_nowhere_says_what_is_left(world: World) -> None:
    world.add_configuration()
    rotate(world)
    assert world.run_json(*REWRAP, code=7) == {"sealed": 0, "left": 1}


def test_rewrap_has_nothing_to_wait_for_when_all_are_current(world: World) -> None:
    world.add_configuration()
    assert world.run_json(*REWRAP) == {"sealed": 0, "left": 0}
    assert world.waited == []


def test_a_version_that_a_token_needs_may_not_be_retired(world: World) -> None:
    one = world.add_configuration()
    rotate(world)
    assert world.run(*RETIRE, "v1").exit_code == 5
    seal_anew(world, one)
    assert world.run(*RETIRE, "v1").exit_code == 0


def test_the_current_version_may_not_be_retired(world: World) -> None:
    assert world.run(*RETIRE, "v1").exit_code == 5
