"""A worker that was stopped for longer than its lease, between a commit and the call after it."""

import contextlib
from collections.abc import Callable

import pytest

from shared.domain.configuration import Step
from shared.domain.dns import DnsRecord
from shared.domain.errors import Conflict, ProviderRefused
from shared.domain.lifecycle import Operational, Trigger
from tests.unit.workers.breaker import Breaker
from tests.unit.workers.provisioning_world import POLICY, World

REFUSED = ProviderRefused("300", "refused, because the test says so")
DKIM = "20261102090000pm._domainkey.acme.dev.ardamails.com"


class Stopped(Breaker):
    """Stops after the first commit for which `when` holds; `meanwhile` time passes and others go on."""

    def __init__(self, when: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._when = when
        self._meanwhile: Callable[[], None] | None = meanwhile

    def moment(self, name: str) -> None:
        super().moment(name)
        if name == "after commit" and self._meanwhile is not None and self._when():
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()


def pass_time(world: World, seconds: float) -> None:
    world.store.advance(seconds=seconds)


def test_it_makes_nothing_that_no_row_knows_of() -> None:
    world = World()
    world.signal(Trigger.PROVISION)

    def meanwhile() -> None:
        world.after_the_lease()
        world.zone.fail_next(REFUSED)
        assert world.provision() is Operational.MISSING
        assert world.nothing_is_left()

    world.breaker = Stopped(
        lambda: world.configuration.provisioned.intent is Step.CREATE_SIGNATURE, meanwhile
    )
    with contextlib.suppress(Conflict):
        world.provision()
    assert world.nothing_is_left()
    assert world.configuration.operational is Operational.MISSING


def test_it_takes_no_records_of_the_slugs_next_owner_away() -> None:
    world = World().provisioned()
    world.signal(Trigger.REMOVE)

    def meanwhile() -> None:
        world.after_the_lease()
        assert world.remove()
        world.zone.upsert([DnsRecord(DKIM, "TXT", "k=rsa; p=another-key")])

    world.breaker = Stopped(lambda: world.is_leased() and world.configuration.retired, meanwhile)
    with contextlib.suppress(Conflict):
        world.remove()
    assert (DKIM, "TXT") in world.zone.records


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_it_goes_on_when_the_lease_is_still_its_own(share: float) -> None:
    world = World()
    world.signal(Trigger.PROVISION)
    world.breaker = Stopped(
        lambda: world.configuration.provisioned.intent is Step.CREATE_SIGNATURE,
        lambda: pass_time(world, share * POLICY.lease_seconds),
    )
    assert world.provision() is Operational.AWAITING_VERIFICATION
