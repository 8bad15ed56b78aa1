"""Which key each webhook shows us."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, provisioned, sendable

OLD, NEW = "0123456789ab", "ba9876543210"


def add(store: Store, *configurations: EmailConfiguration) -> list[UUID]:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)
    return [one.e_id for one in configurations]


def another() -> EmailConfiguration:
    return sendable(tenant_id=uuid4())


def behind(store: Store, after: UUID | None = None, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.webhook_keys.behind(NEW, after=after, limit=limit)


def shows(store: Store, configuration_id: UUID, fingerprint: str) -> None:
    with store.begin() as tx:
        tx.webhook_keys.set(configuration_id, fingerprint)


def count(store: Store) -> Mapping[str, int]:
    with store.begin() as tx:
        return tx.webhook_keys.count()


def test_a_webhook_nobody_knows_the_key_of_is_behind(store: Store, acme: EmailConfiguration) -> None:
    assert behind(store) == [acme.e_id]
    assert count(store) == {"": 1}


def test_a_webhook_is_behind_until_it_shows_just_this_key(store: Store, acme: EmailConfiguration) -> None:
    shows(store, acme.e_id, OLD)
    assert behind(store) == [acme.e_id]
    shows(store, acme.e_id, NEW)
    assert behind(store) == []
    assert count(store) == {NEW: 1}


def test_those_behind_come_in_slices_in_the_order_of_their_ids(store: Store) -> None:
    ids = add(store, *(another() for _ in range(5)))
    shows(store, ids[1], NEW)
    left = [ids[0], *ids[2:]]
    assert behind(store, limit=2) == left[:2]
    assert behind(store, after=left[1], limit=2) == left[2:]
    assert behind(store, after=left[3]) == []


def test_configurations_without_a_webhook_and_retired_ones_have_no_key_to_rewrite(store: Store) -> None:
    none = sendable(tenant_id=uuid4(), provisioned=provisioned(webhook_id=None))
    retired = replace(another(), retired_at=LONG_AGO)
    add(store, configuration(), none, retired)
    shows(store, none.e_id, OLD)
    assert behind(store) == []
    assert count(store) == {}


def test_webhooks_are_counted_by_the_key_they_show(store: Store) -> None:
    first, second, third, _ = add(store, *(another() for _ in range(4)))
    for configuration_id, fingerprint in ((first, OLD), (second, NEW), (third, NEW)):
        shows(store, configuration_id, fingerprint)
    assert count(store) == {OLD: 1, NEW: 2, "": 1}


def test_the_key_is_none_of_what_a_configuration_says_of_itself(
    store: Store, acme: EmailConfiguration
) -> None:
    shows(store, acme.e_id, NEW)
    with store.begin() as tx:
        assert tx.configurations.get(acme.e_id) == acme
        saved = tx.configurations.save(acme, CREATED)
        assert tx.configurations.get(acme.e_id) == saved
    assert behind(store) == []


def test_the_key_of_one_webhook_is_told_and_none_where_nobody_noted_it(store: Store) -> None:
    noted, unnoted = sendable(provisioned=provisioned()), configuration()
    with store.begin() as tx:
        for one in (noted, unnoted):
            tx.configurations.add(one, CREATED)
        tx.webhook_keys.set(noted.e_id, "0123456789ab")
        assert (tx.webhook_keys.of(noted.e_id), tx.webhook_keys.of(unnoted.e_id)) == ("0123456789ab", None)
