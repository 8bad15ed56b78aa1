"""Suppressions: one active entry an address, lifted ones kept, rows that say what the facts come to."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from uuid import UUID, uuid4

import pytest

from shared.domain.errors import NotFound
from shared.domain.query import Query
from shared.domain.suppression import (
    SuppressionEntry,
    SuppressionFact,
    SuppressionReason,
    SuppressionState,
    state_of,
)
from shared.ports.store import Store
from tests.factories import OTHER_TENANT, TENANT, later, suppression

ADDRESS = "person@example.com"
HARD_BOUNCE, MANUAL = SuppressionReason.HARD_BOUNCE, SuppressionReason.MANUAL
COMPLAINT, UNSUBSCRIBED = SuppressionReason.SPAM_COMPLAINT, SuppressionReason.UNSUBSCRIBED
OPERATOR = "operator@example.com"


def add(store: Store, entry: SuppressionEntry) -> SuppressionEntry:
    with store.begin() as tx:
        return tx.suppressions.add(entry)


def lift(store: Store, entry: SuppressionEntry, note: str | None = None) -> SuppressionEntry:
    with store.begin() as tx:
        return tx.suppressions.lift(entry, author="lifter@example.com", note=note)


def apply(store: Store, *facts: SuppressionFact) -> int:
    """As a projection does: all facts about the address, the operators' included."""
    with store.begin() as tx:
        told = tx.suppressions.operator_facts(TENANT, [ADDRESS]).get(ADDRESS, [])
        state = state_of([*facts, *told])
        return tx.suppressions.apply(TENANT, {ADDRESS: state} if state else {})


def active(store: Store, address: str = ADDRESS, tenant_id: UUID = TENANT) -> SuppressionEntry | None:
    with store.begin() as tx:
        return tx.suppressions.active_among(tenant_id, [address, "nobody@example.com"]).get(address)


def every_entry(store: Store) -> tuple[SuppressionEntry, ...]:
    with store.begin() as tx:
        return tx.suppressions.query(TENANT, Query()).rows


def facts_told(store: Store) -> list[SuppressionFact]:
    with store.begin() as tx:
        return list(tx.suppressions.operator_facts(TENANT, [ADDRESS]).get(ADDRESS, []))


def fact(minutes: float, reason: SuppressionReason | None) -> SuppressionFact:
    return SuppressionFact(later(minutes=minutes), reason, UUID(int=int(minutes)))


def test_an_entry_is_read_as_it_was_added(store: Store) -> None:
    entry = suppression(note="asked by phone", reason=SuppressionReason.IMPORTED)
    assert add(store, entry) == entry
    assert active(store) == entry
    with store.begin() as tx:
        assert tx.suppressions.get(TENANT, entry.e_id) == entry
        assert tx.suppressions.get(OTHER_TENANT, entry.e_id) is None
        assert tx.suppressions.get(TENANT, uuid4()) is None


def test_another_tenant_is_not_held_back(store: Store) -> None:
    add(store, suppression())
    assert active(store, tenant_id=OTHER_TENANT) is None


def test_adding_an_active_address_again_returns_the_entry_that_is_there(store: Store) -> None:
    first = add(store, suppression())
    assert add(store, suppression(reason=HARD_BOUNCE, note="again")) == first
    assert every_entry(store) == (first,)
    assert facts_told(store) == [SuppressionFact(first.since, MANUAL)]


def test_a_lifted_entry_is_kept_and_says_who_lifted_it_and_why(store: Store) -> None:
    entry = add(store, suppression(note="asked by phone"))
    lifted = lift(store, entry, note="asked to come back")
    assert (lifted.active, lifted.author, lifted.note) == (False, "lifter@example.com", "asked to come back")
    assert lifted.lifted_at is not None
    assert (lifted.e_id, lifted.since, lifted.created_at) == (entry.e_id, entry.since, entry.created_at)
    assert active(store) is None
    assert every_entry(store) == (lifted,)


def test_lifting_without_a_note_keeps_the_old_one(store: Store) -> None:
    assert lift(store, add(store, suppression(note="asked by phone"))).note == "asked by phone"


def test_a_lifted_address_may_be_added_again_beside_the_old_entry(store: Store) -> None:
    lifted = lift(store, add(store, suppression()))
    again = suppression(since=later(days=1), created_at=later(days=1))
    assert add(store, again) == again
    assert active(store) == again
    assert set(every_entry(store)) == {lifted, again}


def test_lifting_twice_changes_nothing(store: Store) -> None:
    lifted = lift(store, add(store, suppression()), note="once")
    assert lift(store, lifted, note="twice") == lifted
    assert len(facts_told(store)) == 2


def test_lifting_what_is_not_there_or_another_tenants_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        lift(store, suppression())
    entry = add(store, suppression(address="other@example.com"))
    with pytest.raises(NotFound):
        lift(store, replace(entry, tenant_id=OTHER_TENANT))
    assert active(store, "other@example.com") == entry


def test_what_operators_did_is_told_as_facts(store: Store) -> None:
    entry = add(store, suppression())
    lifted = lift(store, entry)
    assert lifted.lifted_at is not None
    assert set(facts_told(store)) == {
        SuppressionFact(entry.since, MANUAL),
        SuppressionFact(lifted.lifted_at, None),
    }
    with store.begin() as tx:
        assert tx.suppressions.operator_facts(OTHER_TENANT, [ADDRESS]) == {}
        assert tx.suppressions.operator_facts(TENANT, ["nobody@example.com"]) == {}


def test_what_events_say_is_no_operators_fact(store: Store) -> None:
    apply(store, fact(1, HARD_BOUNCE))
    apply(store, fact(1, HARD_BOUNCE), fact(2, None))
    assert facts_told(store) == []


def test_a_state_makes_an_entry_that_names_its_event(store: Store) -> None:
    assert apply(store, fact(1, HARD_BOUNCE)) == 1
    entry = active(store)
    assert entry is not None
    assert (entry.reason, entry.since, entry.author) == (HARD_BOUNCE, later(minutes=1), "provider")
    assert entry.source_event_id == UUID(int=1)


def test_a_state_that_the_row_says_already_changes_nothing(store: Store) -> None:
    apply(store, fact(1, HARD_BOUNCE))
    before = every_entry(store)
    assert apply(store, fact(1, HARD_BOUNCE)) == 0
    assert every_entry(store) == before


def test_an_added_entry_says_what_its_own_facts_come_to(store: Store) -> None:
    entry = add(store, suppression())
    assert apply(store) == 0
    assert active(store) == entry


def test_a_lifted_entry_says_what_its_own_facts_come_to(store: Store) -> None:
    lifted = lift(store, add(store, suppression()))
    assert apply(store) == 0
    assert every_entry(store) == (lifted,)


def test_a_lifting_event_deactivates_the_row_and_keeps_it(store: Store) -> None:
    apply(store, fact(1, HARD_BOUNCE))
    assert apply(store, fact(1, HARD_BOUNCE), fact(2, None)) == 1
    (entry,) = every_entry(store)
    assert (entry.active, entry.lifted_at) == (False, later(minutes=2))


def test_a_graver_event_takes_an_operators_entry_over_and_leaves_it_when_it_is_lifted(store: Store) -> None:
    mine = add(store, suppression(since=later(minutes=10), note="asked by phone"))
    apply(store, fact(5, HARD_BOUNCE))
    taken_over = active(store)
    assert taken_over is not None
    assert (taken_over.e_id, taken_over.reason, taken_over.author) == (mine.e_id, HARD_BOUNCE, "provider")
    apply(store, fact(5, HARD_BOUNCE), fact(7, None))
    back = active(store)
    assert back is not None
    assert (back.reason, back.since, back.author) == (MANUAL, later(minutes=10), OPERATOR)
    assert back.note == "asked by phone"


def test_several_addresses_are_applied_at_once(store: Store) -> None:
    bounced = SuppressionState(active=True, reason=HARD_BOUNCE, since=later(), source_event_id=uuid4())
    with store.begin() as tx:
        assert tx.suppressions.apply(TENANT, {"a@example.com": bounced, "b@example.com": bounced}) == 2
        assert tx.suppressions.apply(TENANT, {}) == 0
        found = tx.suppressions.active_among(TENANT, ["a@example.com", "b@example.com", "c@example.com"])
    assert set(found) == {"a@example.com", "b@example.com"}


def shown(entries: Iterable[SuppressionEntry]) -> list[tuple[object, ...]]:
    return [
        (one.active, one.reason, one.since, one.lifted_at, one.source_event_id, one.author) for one in entries
    ]


ARRIVING = (fact(1, HARD_BOUNCE), fact(2, None), fact(3, UNSUBSCRIBED), fact(2, COMPLAINT))


@pytest.mark.parametrize("order", list(permutations(ARRIVING)))
def test_the_rows_are_the_same_whatever_the_order_of_arrival(
    store: Store, order: tuple[SuppressionFact, ...]
) -> None:
    for known in range(len(order) + 1):
        apply(store, *order[:known])
    state = state_of(ARRIVING)
    assert state is not None
    (entry,) = every_entry(store)
    assert shown([entry]) == [
        (state.active, state.reason, state.since, state.lifted_at, state.source_event_id, "provider")
    ]
