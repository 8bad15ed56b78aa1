"""Whole lists of suppressed addresses: in by sets, out in slices."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from shared.domain.suppression import SuppressionEntry, SuppressionFact, SuppressionReason
from shared.ports.store import Store
from shared.ports.suppressions import IMPORT_MAX, ImportResult
from tests.factories import LONG_AGO, OTHER_TENANT, TENANT, later, suppression

A, B, C = "a@example.com", "b@example.com", "c@example.com"


def imported(address: str, **given: Any) -> SuppressionEntry:
    return suppression(**{"address": address, "reason": SuppressionReason.IMPORTED, **given})


def import_(store: Store, *entries: SuppressionEntry) -> ImportResult:
    with store.begin() as tx:
        return tx.suppressions.import_many(TENANT, entries)


def export(
    store: Store, *, after: str | None = None, limit: int = 10, lifted: bool = False, tenant_id: UUID = TENANT
) -> list[SuppressionEntry]:
    with store.begin() as tx:
        return tx.suppressions.export(tenant_id, after=after, limit=limit, lifted=lifted)


def add(store: Store, entry: SuppressionEntry) -> SuppressionEntry:
    with store.begin() as tx:
        return tx.suppressions.add(entry)


def lift(store: Store, entry: SuppressionEntry) -> SuppressionEntry:
    with store.begin() as tx:
        return tx.suppressions.lift(entry, author="lifter@example.com", note=None)


def facts_told(store: Store, address: str) -> list[SuppressionFact]:
    with store.begin() as tx:
        return list(tx.suppressions.operator_facts(TENANT, [address]).get(address, []))


def test_imported_entries_are_read_as_they_were_given(store: Store) -> None:
    entries = [imported(B, note="from the old system"), imported(A, reason=SuppressionReason.MANUAL)]
    assert import_(store, *entries) == ImportResult(added=2, active_already=0)
    with store.begin() as tx:
        assert tx.suppressions.active_among(TENANT, [A, B]) == {one.address: one for one in entries}
        assert tx.suppressions.active_among(OTHER_TENANT, [A, B]) == {}


def test_an_import_is_told_as_facts_by_which_a_fold_comes_to_the_same(store: Store) -> None:
    entry = imported(A, since=later(days=1))
    import_(store, entry)
    assert facts_told(store, A) == [SuppressionFact(later(days=1), SuppressionReason.IMPORTED)]


def test_an_address_that_is_active_already_stays_as_it_is(store: Store) -> None:
    held = add(store, suppression(address=A, note="asked by phone"))
    assert import_(store, imported(A), imported(B)) == ImportResult(added=1, active_already=1)
    assert export(store)[0] == held
    assert facts_told(store, A) == [SuppressionFact(LONG_AGO, SuppressionReason.MANUAL)]


def test_an_import_begun_again_changes_nothing(store: Store) -> None:
    import_(store, imported(A), imported(B))
    before = export(store)
    assert import_(store, imported(A), imported(B)) == ImportResult(added=0, active_already=2)
    assert export(store) == before
    assert len(facts_told(store, A)) == 1


def test_an_address_given_twice_is_added_once_as_it_was_given_first(store: Store) -> None:
    first = imported(A, note="first")
    assert import_(store, first, imported(A, note="second")) == ImportResult(added=1, active_already=1)
    assert export(store) == [first]
    assert len(facts_told(store, A)) == 1


def test_a_lifted_address_is_imported_beside_the_old_entry(store: Store) -> None:
    old = lift(store, add(store, suppression(address=A)))
    again = imported(A, since=later(days=1), created_at=later(days=1))
    assert import_(store, again) == ImportResult(added=1, active_already=0)
    assert export(store) == [again]
    assert export(store, lifted=True) == [old, again]


def test_nothing_imported_adds_nothing(store: Store) -> None:
    assert import_(store) == ImportResult(added=0, active_already=0)


def test_as_many_as_may_be_are_imported_at_once_and_no_more(store: Store) -> None:
    most = [imported(f"person{number}@example.com") for number in range(IMPORT_MAX)]
    assert import_(store, *most) == ImportResult(added=IMPORT_MAX, active_already=0)
    assert len(export(store, limit=IMPORT_MAX + 1)) == IMPORT_MAX
    with pytest.raises(ValueError, match="at most"):
        import_(store, *most, imported(A))


def test_another_tenants_entry_is_no_part_of_an_import(store: Store) -> None:
    with pytest.raises(ValueError, match="one tenant"):
        import_(store, imported(A), imported(B, tenant_id=OTHER_TENANT))
    assert export(store) == export(store, tenant_id=OTHER_TENANT) == []


def test_an_export_is_in_the_order_of_the_addresses_in_slices(store: Store) -> None:
    import_(store, imported(C), imported("Ä@example.com"), imported(A), imported(B))
    add(store, suppression(address="aa@example.com", tenant_id=OTHER_TENANT))
    assert [one.address for one in export(store, limit=3)] == [A, B, C]
    assert [one.address for one in export(store, after=C)] == ["Ä@example.com"]
    assert export(store, after="Ä@example.com") == []


def test_lifted_entries_are_exported_when_they_are_asked_for(store: Store) -> None:
    import_(store, imported(A), imported(B))
    lifted = lift(store, export(store)[0])
    assert [one.address for one in export(store)] == [B]
    assert export(store, lifted=True)[0] == lifted


def test_all_entries_of_an_address_are_in_one_slice_oldest_first(store: Store) -> None:
    old = [
        lift(store, add(store, suppression(address=A, created_at=later(days=day), since=later(days=day))))
        for day in range(3)
    ]
    import_(store, imported(A, created_at=later(days=9)), imported(B), imported(C))
    slice_ = export(store, limit=2, lifted=True)
    assert slice_[:3] == old
    assert [one.address for one in slice_] == [A] * 4 + [B]
    assert [one.address for one in export(store, after=slice_[-1].address, lifted=True)] == [C]
    assert [replace(one, active=True, lifted_at=None) == one for one in slice_] == [False] * 3 + [True] * 2
