"""Configurations as drift checks need them: by what the other side shows, and what it did not show."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.drift import Assertion, Drift, Round, Verdict
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, later, provisioned

INVENTORY, REGISTRY, DNS = Assertion
ROW, DKIM, RETURN_PATH = Drift.ORPHAN_DB_ROW, Drift.DKIM_MISMATCH, Drift.RETURN_PATH_MISMATCH
GONE = {"retired_at": LONG_AGO, "cleaned_up_at": LONG_AGO}


def add(store: Store, **given: Any) -> EmailConfiguration:
    made = configuration(**{"provisioned": provisioned(), **given})
    with store.begin() as tx:
        tx.configurations.add(made, CREATED)
    return made


def begun(store: Store, assertion: Assertion) -> Round:
    with store.begin() as tx:
        tx.rounds.ask(assertion)
        round = tx.rounds.begin(assertion.e_id, lease_seconds=600)
    assert round is not None
    return round


def sight(store: Store, round: Round, *sightings: tuple[EmailConfiguration, Drift]) -> None:
    with store.begin() as tx:
        tx.rounds.sight(round, [(one.e_id, tag) for one, tag in sightings])


def unsighted(
    store: Store, round: Round, tag: Drift, after: UUID | None = None, limit: int = 100
) -> list[EmailConfiguration]:
    with store.begin() as tx:
        return tx.drift_rows.unsighted(round, tag, after=after, limit=limit)


def test_a_slug_in_use_is_of_its_configuration_also_while_that_is_removed(store: Store) -> None:
    live, leaving = add(store, slug="acme"), add(store, slug="leaving", retired_at=LONG_AGO)
    add(store, slug="unasked")
    add(store, slug="gone", **GONE)
    with store.begin() as tx:
        asked = {"acme", "leaving", "gone", "nobody", "ACME", "acm"}
        assert tx.drift_rows.by_slug(asked) == {"acme": live, "leaving": leaving}
        assert tx.drift_rows.by_slug([]) == {}


def test_a_slug_that_was_used_before_is_of_whoever_has_it_now(store: Store) -> None:
    add(store, slug="acme", **GONE)
    now = add(store, slug="acme")
    with store.begin() as tx:
        assert tx.drift_rows.by_slug(["acme"]) == {"acme": now}


def test_a_thousand_slugs_are_looked_up_at_once(store: Store) -> None:
    made = [add(store, slug=f"tenant-{number}") for number in range(5)]
    with store.begin() as tx:
        found = tx.drift_rows.by_slug([f"tenant-{number}" for number in range(1_000)])
    assert found == {one.slug: one for one in made}


def test_a_server_is_of_the_youngest_that_has_or_had_it(store: Store) -> None:
    first = add(store, provisioned=provisioned(server_id=7), created_at=later(days=1), **GONE)
    youngest = add(store, provisioned=provisioned(server_id=7), created_at=later(days=3), **GONE)
    add(store, provisioned=provisioned(server_id=7), created_at=later(days=2), retired_at=LONG_AGO)
    other = add(store, provisioned=provisioned(server_id=5_000_000_000), created_at=later(days=9))
    with store.begin() as tx:
        assert first.e_id != youngest.e_id
        assert tx.drift_rows.by_server(7) == youngest
        assert tx.drift_rows.by_server(5_000_000_000) == other
        assert tx.drift_rows.by_server(8) is None


def test_of_the_inventory_whoever_has_a_server_and_was_not_sighted_is_left(store: Store) -> None:
    sighted, missing = add(store), add(store)
    unwritten = add(store, provisioned=provisioned(records_written=False))
    add(store, provisioned=provisioned(server_id=None))
    add(store, retired_at=LONG_AGO)
    round = begun(store, INVENTORY)
    assert unsighted(store, round, ROW) == [sighted, missing, unwritten]
    sight(store, round, (sighted, ROW))
    assert unsighted(store, round, ROW) == [missing, unwritten]


@pytest.mark.parametrize("tag", [DKIM, RETURN_PATH])
def test_of_a_zone_whoever_has_records_and_was_not_sighted_is_left(store: Store, tag: Drift) -> None:
    sighted, missing = add(store), add(store)
    serverless = add(store, provisioned=provisioned(server_id=None))
    add(store, provisioned=provisioned(records_written=False))
    add(store, retired_at=LONG_AGO)
    round = begun(store, DNS)
    sight(store, round, (sighted, tag))
    assert unsighted(store, round, tag) == [missing, serverless]


def test_a_configuration_is_sighted_under_one_tag_and_not_under_another(store: Store) -> None:
    one, other = add(store), add(store)
    round = begun(store, DNS)
    sight(store, round, (one, DKIM), (other, RETURN_PATH))
    assert unsighted(store, round, DKIM) == [other]
    assert unsighted(store, round, RETURN_PATH) == [one]


def test_what_is_sighted_twice_is_sighted(store: Store) -> None:
    one, other = add(store), add(store)
    round = begun(store, INVENTORY)
    sight(store, round, (one, ROW), (one, ROW))
    sight(store, round, (one, ROW), (other, ROW))
    assert unsighted(store, round, ROW) == []


def test_each_assertion_has_a_sheet_of_its_own(store: Store) -> None:
    one = add(store)
    inventory, dns = begun(store, INVENTORY), begun(store, DNS)
    sight(store, dns, (one, DKIM), (one, ROW))
    assert unsighted(store, inventory, ROW) == [one]
    sight(store, inventory, (one, ROW))
    with store.begin() as tx:
        tx.rounds.finish(inventory, verdict=Verdict.CLEAN, checked=1, calls=1)
    assert unsighted(store, dns, DKIM) == []


def test_who_is_left_comes_in_pages_that_follow_one_another(store: Store) -> None:
    made = [add(store) for _ in range(5)]
    round = begun(store, INVENTORY)
    sight(store, round, (made[1], ROW))
    first = unsighted(store, round, ROW, limit=2)
    second = unsighted(store, round, ROW, after=first[-1].e_id, limit=2)
    assert [first, second] == [[made[0], made[2]], [made[3], made[4]]]
    assert unsighted(store, round, ROW, after=made[4].e_id) == []


def sealed(store: Store, token: str | None, **given: Any) -> EmailConfiguration:
    return add(store, provisioned=provisioned(server_token=token), **given)


def test_tokens_that_none_of_the_versions_sealed_are_told_with_the_version_they_name(store: Store) -> None:
    sealed(store, "a1.kv1:AA")
    sealed(store, "a1.k2026-11.k2:BB")
    third, foreign = sealed(store, "a1.kv3:CC"), sealed(store, "a1.kv10:DD")
    retired, nonsense = sealed(store, "a1.kv3:EE", retired_at=LONG_AGO), sealed(store, "nonsense")
    sealed(store, None)
    with store.begin() as tx:
        assert tx.drift_rows.sealed_by_others({"v1", "2026-11.k2"}, after=None, limit=100) == [
            (third, "v3"),
            (foreign, "v10"),
            (retired, "v3"),
            (nonsense, ""),
        ]


def test_where_no_version_is_mounted_every_token_is_sealed_by_others(store: Store) -> None:
    made = [sealed(store, f"a1.kv{number}:AA") for number in range(3)]
    sealed(store, None)
    with store.begin() as tx:
        found = tx.drift_rows.sealed_by_others([], after=None, limit=100)
    assert found == [(one, f"v{number}") for number, one in enumerate(made)]


def test_tokens_sealed_by_others_come_in_pages_that_follow_one_another(store: Store) -> None:
    made = [sealed(store, f"a1.k{'old' if number % 2 else 'new'}:AA") for number in range(8)]
    after, pages = None, []
    with store.begin() as tx:
        while page := tx.drift_rows.sealed_by_others(["new"], after=after, limit=3):
            pages.append([one for one, _ in page])
            after = page[-1][0].e_id
    assert pages == [[made[1], made[3], made[5]], [made[7]]]


def test_a_sighting_of_a_configuration_that_is_gone_harms_nobody(store: Store) -> None:
    one = add(store)
    round = begun(store, INVENTORY)
    with store.begin() as tx:
        tx.rounds.sight(round, [(uuid4(), ROW)])
    assert unsighted(store, round, ROW) == [one]
