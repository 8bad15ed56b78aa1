"""Configurations: one row each, changed by whoever read its newest version, never two that could send."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration, Step, StepFailure
from shared.domain.errors import Conflict
from shared.domain.lifecycle import Administrative, Operational
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    later,
    mail_dns,
    provisioned,
    sendable,
)

CHANGED = Change(author="operator@example.com", cause="lock", reason="moving house")


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def every_field() -> EmailConfiguration:
    return configuration(
        from_local_part="hello",
        reply_to_email="desk@example.com",
        operational=Operational.FAILURE,
        administrative=Administrative.LOCKED,
        retired_at=later(hours=1),
        cleaned_up_at=later(hours=2),
        recovering=True,
        provisioned=provisioned(intent=Step.INSTALL_WEBHOOK, undoing=True, tries=3),
        dns=mail_dns(),
        routing_token_hash=b"\x02" * 32,
        failure=StepFailure(Step.CREATE_SERVER, "postmark_orphan_server", "a server of that name exists"),
        verification_started_at=later(minutes=1),
        verification_due_at=later(minutes=2),
        send_faults_in_a_row=4,
    )


@pytest.mark.parametrize("written", [configuration(), every_field()], ids=["new", "every field"])
def test_a_configuration_is_read_as_it_was_written(store: Store, written: EmailConfiguration) -> None:
    add(store, written)
    with store.begin() as tx:
        assert tx.configurations.get(written.e_id) == written


@pytest.mark.parametrize("lock", list(Lock))
def test_a_lock_does_not_change_what_is_read(store: Store, acme: EmailConfiguration, lock: Lock) -> None:
    with store.begin() as tx:
        assert tx.configurations.get(acme.e_id, lock=lock) == acme


def test_an_unknown_configuration_is_none(store: Store) -> None:
    with store.begin() as tx:
        assert tx.configurations.get(uuid4()) is None


def test_another_tenants_configuration_is_none(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        assert tx.configurations.get(acme.e_id, tenant_id=OTHER_TENANT) is None
        assert tx.configurations.get(acme.e_id, tenant_id=TENANT) == acme


def test_a_slug_in_use_is_a_conflict(store: Store) -> None:
    add(store, configuration(slug="acme"))
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.add(configuration(slug="acme", tenant_id=OTHER_TENANT), CREATED)


def test_a_retired_configuration_keeps_its_slug_until_its_removal_is_done(store: Store) -> None:
    leaving = configuration(slug="acme", retired_at=LONG_AGO)
    add(store, leaving)
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.add(configuration(slug="acme"), CREATED)
    with store.begin() as tx:
        tx.configurations.save(replace(leaving, cleaned_up_at=LONG_AGO), CHANGED)
        tx.configurations.add(configuration(slug="acme"), CREATED)


def test_a_conflict_leaves_the_transaction_usable(store: Store, acme: EmailConfiguration) -> None:
    kept = configuration()
    with store.begin() as tx:
        with pytest.raises(Conflict):
            tx.configurations.add(configuration(slug=acme.slug), CREATED)
        with pytest.raises(Conflict):
            tx.configurations.save(replace(acme, version=7), CHANGED)
        tx.configurations.add(kept, CREATED)
    with store.begin() as tx:
        assert tx.configurations.get(kept.e_id) == kept


def test_saving_writes_every_field_and_counts_the_version(store: Store) -> None:
    before = configuration()
    add(store, before)
    wanted = replace(every_field(), e_id=before.e_id, slug=before.slug)
    with store.begin() as tx:
        saved = tx.configurations.save(wanted, CHANGED)
    assert saved == replace(wanted, version=1)
    with store.begin() as tx:
        assert tx.configurations.get(before.e_id) == saved


def test_saving_a_version_that_has_moved_is_a_conflict_and_changes_nothing(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        newer = tx.configurations.save(replace(acme, from_name="Newer"), CHANGED)
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.save(replace(acme, from_name="Stale"), CHANGED)
    with store.begin() as tx:
        assert tx.configurations.get(acme.e_id) == newer
        assert len(tx.configurations.history(acme.e_id)) == 2


def test_saving_what_was_never_added_is_a_conflict(store: Store) -> None:
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.save(configuration(), CHANGED)


@pytest.mark.parametrize("held", [Administrative.UNLOCKED, Administrative.LOCKING])
def test_a_tenant_has_at_most_one_configuration_that_may_send(store: Store, held: Administrative) -> None:
    second = configuration(operational=Operational.OK)
    add(store, sendable(administrative=held), second)
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.save(replace(second, administrative=Administrative.UNLOCKED), CHANGED)


def test_two_tenants_may_send(store: Store, acme: EmailConfiguration) -> None:
    add(store, sendable(tenant_id=OTHER_TENANT))


def test_a_retired_configuration_does_not_stand_in_the_way_of_another(store: Store) -> None:
    add(store, sendable(retired_at=LONG_AGO), sendable())


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (sendable(), True),
        (sendable(administrative=Administrative.LOCKING), True),
        (sendable(administrative=Administrative.LOCKED), False),
        (sendable(retired_at=LONG_AGO), False),
        (sendable(tenant_id=OTHER_TENANT), False),
    ],
    ids=["unlocked", "locking", "locked", "retired", "another tenant's"],
)
def test_another_sendable_is_one_of_the_tenant_that_may_send(
    store: Store, other: EmailConfiguration, expected: bool
) -> None:
    asking = configuration()
    add(store, asking, other)
    with store.begin() as tx:
        assert tx.configurations.tenant_has_other_sendable(asking) is expected


def test_a_configuration_is_no_other_than_itself(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        assert tx.configurations.tenant_has_other_sendable(acme) is False


def test_a_routing_hash_names_its_tenant_and_configuration_also_when_retired(store: Store) -> None:
    leaving = configuration(routing_token_hash=b"\x03" * 32, retired_at=LONG_AGO, tenant_id=OTHER_TENANT)
    add(store, leaving, configuration())
    with store.begin() as tx:
        assert tx.configurations.id_by_routing_hash(b"\x03" * 32) == (OTHER_TENANT, leaving.e_id)
        assert tx.configurations.id_by_routing_hash(b"\x04" * 32) is None


def test_two_configurations_never_share_a_routing_hash(store: Store) -> None:
    first, second = configuration(routing_token_hash=b"\x05" * 32), configuration()
    add(store, first, second)
    with store.begin() as tx, pytest.raises(Conflict):
        tx.configurations.save(replace(second, routing_token_hash=b"\x05" * 32), CHANGED)
