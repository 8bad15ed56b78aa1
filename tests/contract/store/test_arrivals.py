"""What comes in from outside: kept in one statement, and as it would be in a transaction."""

from uuid import UUID, uuid4

import pytest

from shared.domain.event import EmailEvent, EventFacts
from shared.persistence import PostgresArrivals, PostgresStore
from shared.ports.arrivals import Arrivals, Received
from shared.ports.configurations import Change
from shared.ports.events import EventHeaders
from shared.ports.store import Store
from tests.contract.store.test_events import EVERY_FACT, NO_FACT
from tests.factories import LONG_AGO, OTHER_TENANT, configuration
from tests.fakes.store.arrivals import MemoryArrivals

HASH, OTHER_HASH = b"\x03" * 32, b"\x04" * 32
MARKS = EventHeaders(trace_id="t", retries_remaining="9")


@pytest.fixture
def arrivals(store: Store) -> Arrivals:
    return PostgresArrivals(store.engine) if isinstance(store, PostgresStore) else MemoryArrivals(store)


@pytest.fixture
def configuration_id(store: Store) -> UUID:
    found = configuration(tenant_id=OTHER_TENANT, routing_token_hash=HASH)
    with store.begin() as tx:
        tx.configurations.add(found, Change("test", "create"))
    return found.e_id


def kept(store: Store, configuration_id: UUID) -> list[EmailEvent]:
    with store.begin() as tx:
        return tx.events.unprojected(configuration_id, limit=10)


@pytest.mark.parametrize("told", [EVERY_FACT, NO_FACT], ids=["every fact", "no fact"])
def test_an_event_is_kept_as_it_came_for_the_tenant_of_its_token_and_is_due(
    store: Store, arrivals: Arrivals, configuration_id: UUID, told: EventFacts
) -> None:
    e_id = uuid4()
    assert arrivals.event(HASH, e_id, told, "{}", MARKS) == Received(configuration_id, fresh=True)
    (event,) = kept(store, configuration_id)
    assert (event.e_id, event.tenant_id, event.facts, event.raw) == (e_id, OTHER_TENANT, told, "{}")
    with store.begin() as tx:
        assert event.received_at <= tx.now()


def test_the_same_content_is_kept_once(store: Store, arrivals: Arrivals, configuration_id: UUID) -> None:
    first, second = uuid4(), uuid4()
    arrivals.event(HASH, first, NO_FACT, "{}", MARKS)
    assert arrivals.event(HASH, second, NO_FACT, "{}", MARKS) == Received(configuration_id, fresh=False)
    assert [event.e_id for event in kept(store, configuration_id)] == [first]


def test_what_nobody_has_the_token_of_is_not_kept(
    store: Store, arrivals: Arrivals, configuration_id: UUID
) -> None:
    assert arrivals.event(OTHER_HASH, uuid4(), NO_FACT, "{}", MARKS) is None
    assert kept(store, configuration_id) == []


def test_the_last_events_of_a_retired_configuration_are_kept(store: Store, arrivals: Arrivals) -> None:
    leaving = configuration(tenant_id=OTHER_TENANT, routing_token_hash=HASH, retired_at=LONG_AGO)
    with store.begin() as tx:
        tx.configurations.add(leaving, Change("test", "create"))
    assert arrivals.event(HASH, uuid4(), NO_FACT, "{}", MARKS) == Received(leaving.e_id, fresh=True)


def test_nothing_arrives_within_a_transaction(store: Store, arrivals: Arrivals) -> None:
    with store.begin(), pytest.raises(RuntimeError):
        arrivals.event(HASH, uuid4(), NO_FACT, "{}", MARKS)
