"""A worker dies at every moment there is, and another takes over when its lease has run out."""

from collections.abc import Callable

import pytest

from shared.domain.errors import ProviderRefused
from shared.domain.lifecycle import Operational, Trigger
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.provisioning_world import World
from tests.unit.workers.test_provisioning import assert_whole

REFUSED = ProviderRefused("300", "refused, because the test says so")
# More than any run has; a run without end would show.
MOMENTS_MAX = 100


def new() -> World:
    world = World()
    world.signal(Trigger.PROVISION)
    return world


def failing() -> World:
    world = new()
    world.zone.fail_next(REFUSED)
    return world


def re_provisioning() -> World:
    world = failing()
    world.postmark.fail_next("delete_signature", REFUSED)
    world.provision()
    world.signal(Trigger.RE_PROVISION)
    world.breaker.moments.clear()
    return world


def removing() -> World:
    world = World().provisioned()
    world.signal(Trigger.REMOVE)
    world.breaker.moments.clear()
    return world


def moments(make: Callable[[], World], run: Callable[[World], object]) -> int:
    world = make()
    run(world)
    assert 10 < len(world.breaker.moments) < MOMENTS_MAX
    return len(world.breaker.moments)


def after_death(make: Callable[[], World], run: Callable[[World], object], dies_at: int) -> World:
    world = make()
    world.breaker.dies_at = dies_at
    with pytest.raises(Death):
        run(world)
    world.breaker = Breaker()
    world.after_the_lease()
    run(world)
    return world


def test_provisioning_survives_a_death_at_every_moment() -> None:
    for dies_at in range(moments(new, World.provision)):
        world = after_death(new, World.provision, dies_at)
        assert world.configuration.operational is Operational.AWAITING_VERIFICATION
        assert_whole(world)
        creates = {call: count for call, count in world.postmark.calls.items() if call.startswith("create")}
        assert set(creates.values()) == {1}, creates


def test_compensation_survives_a_death_at_every_moment() -> None:
    for dies_at in range(moments(failing, World.provision)):
        world = after_death(failing, World.provision, dies_at)
        # Who died before the refusal was heard may find that the next call is taken.
        if world.configuration.operational is Operational.AWAITING_VERIFICATION:
            assert_whole(world)
        else:
            assert world.configuration.operational is Operational.MISSING
            assert world.configuration.failure is not None
            assert world.configuration.failure.code == REFUSED.code
            assert world.nothing_is_left()


def test_re_provisioning_survives_a_death_at_every_moment() -> None:
    for dies_at in range(moments(re_provisioning, World.provision)):
        world = after_death(re_provisioning, World.provision, dies_at)
        assert world.configuration.operational is Operational.AWAITING_VERIFICATION
        assert_whole(world)


def test_removal_survives_a_death_at_every_moment() -> None:
    for dies_at in range(moments(removing, World.remove)):
        world = after_death(removing, World.remove, dies_at)
        assert world.configuration.cleaned_up_at is not None
        assert world.nothing_is_left()


def test_a_death_between_undoing_and_reporting_still_ends_with_the_failure_or_without_one() -> None:
    """MISSING and why, or on its way with nothing to explain: never both."""
    for dies_at in range(moments(failing, World.provision)):
        found = after_death(failing, World.provision, dies_at).configuration
        assert (found.operational is Operational.MISSING) == (found.failure is not None), dies_at
