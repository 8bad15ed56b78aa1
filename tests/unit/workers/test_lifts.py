"""Taking addresses off the provider's list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import OutcomeUnknown, ProviderError
from shared.messaging.messages import LiftSuppressions
from shared.ports.mail import LIFT_MAX
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from workers.projection.lifts import LiftDeps, lift_suppressions
from workers.projection.policy import CatchUpPolicy

POLICY = CatchUpPolicy(lease_seconds=300.0, retry_seconds=30.0, attempts_max=3)
COMPLAINED = "You do not have the required authority to change this suppression."


@dataclass
class ProvidersList:
    """Implements `ports.mail.SuppressionList`."""

    refuses: dict[str, str] = field(default_factory=dict)
    faults: list[ProviderError] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    def lift(self, server_token: str, addresses: Sequence[str]) -> Mapping[str, str | None]:
        assert server_token == "server-token"
        assert len(addresses) <= LIFT_MAX
        if self.faults:
            raise self.faults.pop(0)
        self.asked.append(list(addresses))
        return {address: self.refuses.get(address) for address in addresses}


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    provider: ProvidersList = field(default_factory=ProvidersList)

    def __post_init__(self) -> None:
        self.configuration = self._with_server()
        with self.store.begin() as tx:
            tx.configurations.add(self.configuration, factories.CREATED)

    def _with_server(self) -> EmailConfiguration:
        made = factories.sendable()
        sealed = FakeCipher().encrypt("server-token", tenant_id=made.tenant_id, configuration_id=made.e_id)
        return replace(made, provisioned=replace(made.provisioned, server_id=1, server_token=sealed))

    def want(self, *addresses: str) -> None:
        with self.store.begin() as tx:
            assert tx.lifts.want(factories.TENANT, addresses) == [self.configuration.e_id]

    @property
    def deps(self) -> LiftDeps:
        return LiftDeps(self.store, self.provider, FakeCipher(), self.doorbell, POLICY)

    def lift(self) -> None:
        lift_suppressions(self.configuration.e_id, self.deps)

    @property
    def due(self) -> bool:
        with self.store.begin() as tx:
            return tx.lifts.due(10) == [self.configuration.e_id]

    def refusals(self, *addresses: str) -> dict[str, str]:
        with self.store.begin() as tx:
            return tx.lifts.refusals(factories.TENANT, addresses)


@pytest.fixture
def world() -> World:
    return World()


def test_what_was_lifted_is_asked_for_once(world: World) -> None:
    world.want("a@example.com", "b@example.com")
    world.lift()
    world.lift()
    assert [sorted(asked) for asked in world.provider.asked] == [["a@example.com", "b@example.com"]]
    assert not world.due


def test_what_the_provider_refuses_is_kept_with_its_words_and_not_asked_again(world: World) -> None:
    world.provider.refuses["a@example.com"] = COMPLAINED
    world.want("a@example.com", "b@example.com")
    world.lift()
    world.store.advance(seconds=86_400)
    assert not world.due
    assert world.refusals("a@example.com", "b@example.com") == {"a@example.com": COMPLAINED}


def test_an_uncertain_call_is_repeated_later_each_time_after_a_longer_wait(world: World) -> None:
    world.want("a@example.com")
    for wait in (30, 60):
        world.provider.faults = [OutcomeUnknown("read_timeout", "no whole answer")]
        world.lift()
        world.store.advance(seconds=wait - 1)
        assert not world.due
        world.store.advance(seconds=1)
        assert world.due
    world.lift()
    assert world.provider.asked == [["a@example.com"]]


def test_more_than_one_call_takes_is_rung_for_again(world: World) -> None:
    world.want(*(f"p{number}@example.com" for number in range(LIFT_MAX + 1)))
    world.lift()
    assert [type(message) for message in world.doorbell.rung] == [LiftSuppressions]
    world.lift()
    assert sum(map(len, world.provider.asked)) == LIFT_MAX + 1


def test_a_server_that_is_gone_has_no_list(world: World) -> None:
    world.want("a@example.com")
    with world.store.begin() as tx:
        held = tx.configurations.get(world.configuration.e_id)
        assert held is not None
        gone = replace(held, provisioned=replace(held.provisioned, server_token=None))
        tx.configurations.save(gone, factories.CREATED)
    world.lift()
    assert world.provider.asked == []
    assert not world.due
