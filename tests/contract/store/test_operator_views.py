"""What operators find, across tenants: configurations, events and suppressions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import InvalidValue
from shared.domain.event import EmailEvent, EventKind
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.events import EventHeaders
from shared.ports.operators import ConfigurationSearch, EventOutcome, EventSearch, SuppressionSearch
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    event,
    facts,
    new_job,
    provisioned,
    sendable,
    suppression,
)

Page = Callable[[UUID | None, int], Sequence[Any]]


def walk(page: Page, limit: int) -> list[UUID]:
    """The ids of all pages, asked for until there is nothing more."""
    found: list[UUID] = []
    while shown := page(found[-1] if found else None, limit):
        assert len(shown) <= limit
        found += [one.e_id for one in shown]
    return found


def add(store: Store, *configurations: EmailConfiguration) -> list[UUID]:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)
    return [one.e_id for one in configurations]


def configurations(store: Store, **wanted: Any) -> list[UUID]:
    with store.begin() as tx:
        found = tx.views.configurations(ConfigurationSearch(**wanted), before=None, limit=100)
    return [one.e_id for one in found]


# --- configurations ------------------------------------------------------------


def test_a_configuration_is_read_whole(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        assert tx.views.configurations(ConfigurationSearch(), before=None, limit=1) == [acme]


def test_configurations_of_all_tenants_come_newest_first(store: Store) -> None:
    first, second, third = add(store, configuration(), configuration(tenant_id=OTHER_TENANT), configuration())
    assert configurations(store) == [third, second, first]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_configurations_have_each_once(store: Store, limit: int) -> None:
    added = add(store, *(configuration(tenant_id=uuid4()) for _ in range(5)))

    def page(before: UUID | None, limit: int) -> list[EmailConfiguration]:
        with store.begin() as tx:
            return tx.views.configurations(ConfigurationSearch(), before=before, limit=limit)

    assert walk(page, limit) == added[::-1]


def test_a_configuration_is_found_by_its_id_its_tenant_its_server_and_the_beginning_of_its_slug(
    store: Store,
) -> None:
    wanted = configuration(slug="acme-orders", provisioned=provisioned(server_id=4711))
    (e_id, _) = add(store, wanted, configuration(tenant_id=OTHER_TENANT, slug="other"))
    for text in (str(e_id), str(e_id).upper(), str(TENANT), "4711", "acme", "acme-orders"):
        assert configurations(store, text=text) == [e_id], text


@pytest.mark.parametrize(
    "text",
    [
        *("orders", "ACME", "acme%", "acme_orders", "a_me", "%", "_", "acme-orders-", " acme", "á"),
        *("471", "04711", "²", "9" * 19, "9" * 5000),
        *(f"{{{TENANT}}}", TENANT.hex, f"urn:uuid:{TENANT}"),
    ],
)
def test_what_is_searched_for_is_taken_literally(store: Store, text: str) -> None:
    add(store, configuration(slug="acme-orders", provisioned=provisioned(server_id=4711)))
    assert configurations(store, text=text) == []


def test_digits_are_a_server_and_the_beginning_of_a_slug(store: Store) -> None:
    served = configuration(slug="other", provisioned=provisioned(server_id=11))
    named = configuration(slug="11th-hour", provisioned=provisioned(server_id=12))
    added = add(store, served, named)
    assert configurations(store, text="11") == added[::-1]


@pytest.mark.parametrize("text", ["a\x00", "\ud800"])
def test_text_that_cannot_be_in_the_store_is_refused(store: Store, text: str) -> None:
    with store.begin() as tx, pytest.raises(InvalidValue, match=r"^text: "):
        tx.views.configurations(ConfigurationSearch(text=text), before=None, limit=1)


def test_of_two_states_that_are_given_both_have_to_hold(store: Store) -> None:
    ok, failed, locked = add(
        store,
        sendable(tenant_id=uuid4()),
        sendable(tenant_id=uuid4(), operational=Operational.FAILURE),
        sendable(tenant_id=uuid4(), administrative=Administrative.LOCKED),
    )
    assert configurations(store, operational=Operational.OK) == [locked, ok]
    assert configurations(store, administrative=Administrative.UNLOCKED) == [failed, ok]
    assert configurations(store, operational=Operational.OK, administrative=Administrative.UNLOCKED) == [ok]
    assert configurations(store, operational=Operational.MISSING) == []


def test_a_state_narrows_what_a_text_finds(store: Store) -> None:
    _, failed = add(
        store,
        sendable(tenant_id=uuid4(), slug="acme"),
        sendable(tenant_id=uuid4(), slug="acme-too", operational=Operational.FAILURE),
    )
    assert configurations(store, text="acme", operational=Operational.FAILURE) == [failed]


def test_retired_configurations_are_found_when_they_are_asked_for_and_the_others_are_not(
    store: Store,
) -> None:
    living, leaving, gone = add(
        store,
        configuration(slug="acme-1"),
        configuration(slug="acme-2", retired_at=LONG_AGO),
        configuration(slug="acme-3", retired_at=LONG_AGO, cleaned_up_at=LONG_AGO),
    )
    for wanted in ({}, {"text": "acme"}, {"text": str(TENANT)}):
        assert configurations(store, **wanted) == [living]
        assert configurations(store, **wanted, retired=True) == [gone, leaving]


# --- events --------------------------------------------------------------------


def keep(store: Store, one: EmailEvent) -> UUID:
    with store.begin() as tx:
        assert tx.events.add(one, EventHeaders())
    return one.e_id


def test_the_newest_events_of_a_configuration_come_newest_first_whatever_became_of_them(
    store: Store, acme: EmailConfiguration
) -> None:
    other = sendable(tenant_id=uuid4())
    add(store, other)
    oldest, projected, parked, waiting = (keep(store, event(acme)) for _ in range(4))
    keep(store, event(other))
    with store.begin() as tx:
        tx.events.mark_projected({projected: None})
        tx.events.park([parked])
    with store.begin() as tx:
        newest = tx.views.events_of(acme.e_id, limit=3)
        assert [one.e_id for one in newest] == [waiting, parked, projected]
        assert newest[2].projected_at is not None
        assert tx.views.events_of(acme.e_id, limit=10)[3].e_id == oldest
        assert tx.views.events_of(uuid4(), limit=10) == []


def outcomes(store: Store, configuration: EmailConfiguration) -> dict[UUID, EventOutcome]:
    with store.begin() as tx:
        page = tx.views.events(EventSearch(configuration_id=configuration.e_id), before=None, limit=100)
    return {seen.event.e_id: seen.outcome for seen in page.events}


def test_an_event_says_what_became_of_it(store: Store, acme: EmailConfiguration) -> None:
    job_id = accept(store, acme)
    waits, joined, alone, parked = (keep(store, event(acme)) for _ in range(4))
    with store.begin() as tx:
        tx.events.mark_projected({joined: job_id, alone: None})
        tx.events.park([parked])
    assert outcomes(store, acme) == {
        waits: EventOutcome.WAITS,
        joined: EventOutcome.JOINED,
        alone: EventOutcome.ALONE,
        parked: EventOutcome.PARKED,
    }
    for e_id, outcome in outcomes(store, acme).items():
        assert events(store, acme, outcome=outcome) == [e_id]


def test_events_are_found_by_kind_and_job_within_their_configuration(
    store: Store, acme: EmailConfiguration
) -> None:
    other = sendable(tenant_id=uuid4())
    add(store, other)
    first, second = accept(store, acme), accept(store, acme)
    bounce = keep(store, event(acme, facts(EventKind.BOUNCE)))
    delivery = keep(store, event(acme))
    keep(store, event(other, facts(EventKind.BOUNCE)))
    with store.begin() as tx:
        tx.events.mark_projected({bounce: first, delivery: second})
    assert events(store, acme, kind=EventKind.BOUNCE) == [bounce]
    assert events(store, acme, job_id=second) == [delivery]
    assert events(store, acme, job_id=second, kind=EventKind.BOUNCE) == []
    assert events(store, other, job_id=first) == []
    assert events(store, acme) == [delivery, bounce]


@pytest.mark.parametrize("looked_through", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_pages_of_events_have_each_once_however_few_are_looked_through_for_one(
    store: Store, acme: EmailConfiguration, limit: int, looked_through: int
) -> None:
    kinds = [EventKind.BOUNCE, *[EventKind.DELIVERY] * 4, EventKind.BOUNCE, EventKind.DELIVERY]
    kept = [keep(store, event(acme, facts(kind))) for kind in kinds]
    wanted = EventSearch(configuration_id=acme.e_id, kind=EventKind.BOUNCE)
    found, before, pages = [], None, 0
    while pages == 0 or before is not None:
        with store.begin() as tx:
            page = tx.views.events(wanted, before=before, limit=limit, looked_through=looked_through)
        assert len(page.events) <= limit
        found += [seen.event.e_id for seen in page.events]
        before, pages = page.older_than, pages + 1
    assert found == [kept[5], kept[0]]
    assert pages <= len(kept)


def events(store: Store, configuration: EmailConfiguration, **wanted: Any) -> list[UUID]:
    asked = EventSearch(configuration_id=configuration.e_id, **wanted)
    with store.begin() as tx:
        return [seen.event.e_id for seen in tx.views.events(asked, before=None, limit=100).events]


def accept(store: Store, configuration: EmailConfiguration) -> UUID:
    new = new_job(configuration)
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job.e_id


# --- suppressions --------------------------------------------------------------


def suppress(store: Store, *entries: SuppressionEntry) -> list[UUID]:
    with store.begin() as tx:
        for entry in entries:
            assert tx.suppressions.add(entry) == entry
    return [entry.e_id for entry in entries]


def suppressions(store: Store, **wanted: Any) -> list[UUID]:
    with store.begin() as tx:
        found = tx.views.suppressions(SuppressionSearch(**wanted), after=None, limit=100)
    return [one.e_id for one in found]


def test_an_address_is_found_with_every_tenant_and_however_it_is_written(store: Store) -> None:
    here = suppression(address="person@example.com")
    there = suppression(address="person@example.com", tenant_id=OTHER_TENANT)
    suppress(store, here, suppression(address="other@example.com"), there)
    for address in ("person@example.com", "  Person@EXAMPLE.com\t"):
        assert suppressions(store, address=address) == [here.e_id, there.e_id]
    assert suppressions(store, address="person@example.com", tenant_id=OTHER_TENANT) == [there.e_id]


@pytest.mark.parametrize("address", ["person%", "%@example.com", "person_example.com", "erson@example.com"])
def test_an_address_is_taken_literally(store: Store, address: str) -> None:
    suppress(store, suppression(address="person@example.com"))
    assert suppressions(store, address=address) == []


@pytest.mark.parametrize("address", ["", "  \t"])
def test_without_an_address_a_tenant_has_to_be_named(store: Store, address: str) -> None:
    with pytest.raises(InvalidValue, match="tenant") as refused:
        suppressions(store, address=address, reason=SuppressionReason.MANUAL)
    assert refused.value.field == "address"
    (mine, _) = suppress(store, suppression(), suppression(tenant_id=OTHER_TENANT))
    assert suppressions(store, address=address, tenant_id=TENANT) == [mine]


def test_an_address_that_cannot_be_in_the_store_is_refused(store: Store) -> None:
    with pytest.raises(InvalidValue, match=r"^address: "):
        suppressions(store, address="a\x00@example.com")


def test_lifted_entries_are_found_when_they_are_asked_for(store: Store) -> None:
    lifted, active = suppression(address="a@example.com"), suppression(address="b@example.com")
    suppress(store, lifted, active)
    with store.begin() as tx:
        tx.suppressions.lift(lifted, author="operator@example.com", note=None)
    assert suppressions(store, tenant_id=TENANT) == [active.e_id]
    assert suppressions(store, tenant_id=TENANT, active=False) == [lifted.e_id]
    assert suppressions(store, tenant_id=TENANT, active=None) == [lifted.e_id, active.e_id]
    assert suppressions(store, address="a@example.com") == []
    assert suppressions(store, address="a@example.com", active=None) == [lifted.e_id]


def test_suppressions_are_found_by_their_reason(store: Store) -> None:
    manual = suppression(address="a@example.com", reason=SuppressionReason.MANUAL)
    imported = suppression(address="b@example.com", reason=SuppressionReason.IMPORTED)
    suppress(store, manual, imported)
    assert suppressions(store, tenant_id=TENANT, reason=SuppressionReason.IMPORTED) == [imported.e_id]
    assert suppressions(store, address="a@example.com", reason=SuppressionReason.IMPORTED) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 9])
def test_pages_of_suppressions_have_each_once(store: Store, limit: int) -> None:
    entries = [suppression(address=f"person{number}@example.com") for number in range(5)]
    # Kept in another order than that of their ids.
    suppress(store, *entries[::-1], *(replace(one, e_id=uuid4(), tenant_id=OTHER_TENANT) for one in entries))

    def page(after: UUID | None, limit: int) -> list[SuppressionEntry]:
        with store.begin() as tx:
            return tx.views.suppressions(SuppressionSearch(tenant_id=TENANT), after=after, limit=limit)

    assert walk(page, limit) == [entry.e_id for entry in entries]
