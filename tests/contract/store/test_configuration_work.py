"""Leases, due times and counters: who may work on a configuration, and what waits for somebody."""

from uuid import uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import NotFound
from shared.domain.lifecycle import Administrative, Operational
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, later, sendable

MINE, YOURS = uuid4(), uuid4()
DAY = 86_400


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def take(store: Store, one: EmailConfiguration, token: object, seconds: float = 60) -> bool:
    assert token in (MINE, YOURS)
    with store.begin() as tx:
        return tx.configurations.take_lease(
            one.e_id, token=MINE if token == MINE else YOURS, lease_seconds=seconds
        )


def awaiting(**given: object) -> EmailConfiguration:
    fields = {"operational": Operational.AWAITING_VERIFICATION, "verification_due_at": LONG_AGO}
    return configuration(**{**fields, **given})


def test_a_lease_keeps_everybody_else_out(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme, MINE)
    assert not take(store, acme, YOURS)


def test_a_token_renews_its_own_lease(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme, MINE)
    assert take(store, acme, MINE)


def test_a_lease_that_ran_out_is_anybodys(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme, MINE, seconds=0)
    assert take(store, acme, YOURS)
    assert not take(store, acme, MINE)


def test_a_dropped_lease_is_anybodys(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme, MINE)
    with store.begin() as tx:
        tx.configurations.drop_lease(acme.e_id, token=MINE)
    assert take(store, acme, YOURS)


def test_nobody_drops_another_ones_lease(store: Store, acme: EmailConfiguration) -> None:
    assert take(store, acme, MINE)
    with store.begin() as tx:
        tx.configurations.drop_lease(acme.e_id, token=YOURS)
    assert not take(store, acme, YOURS)


def test_nothing_leases_a_configuration_that_does_not_exist(store: Store) -> None:
    assert not take(store, configuration(), MINE)


def test_a_lease_is_no_change(store: Store, acme: EmailConfiguration) -> None:
    take(store, acme, MINE)
    with store.begin() as tx:
        assert tx.configurations.get(acme.e_id) == acme
        assert len(tx.configurations.history(acme.e_id)) == 1


def test_a_lease_is_renewed_by_who_has_it_also_when_it_ran_out_and_nobody_came(store: Store) -> None:
    one = configuration()
    add(store, one)
    take(store, one, MINE, seconds=-1)
    with store.begin() as tx:
        assert tx.configurations.renew_lease(one.e_id, token=MINE, lease_seconds=60)
    assert not take(store, one, YOURS)


def test_a_lease_that_somebody_else_has_had_is_not_renewed_though_it_is_free(store: Store) -> None:
    one = configuration()
    add(store, one)
    take(store, one, MINE, seconds=-1)
    take(store, one, YOURS)
    with store.begin() as tx:
        assert not tx.configurations.renew_lease(one.e_id, token=MINE, lease_seconds=60)
        tx.configurations.drop_lease(one.e_id, token=YOURS)
        assert not tx.configurations.renew_lease(one.e_id, token=MINE, lease_seconds=60)


def test_a_due_verification_is_taken_once_until_it_is_due_again(store: Store) -> None:
    one = awaiting()
    add(store, one)
    with store.begin() as tx:
        taken = tx.configurations.take_verification(one.e_id, next_due_seconds=30, window_seconds=DAY)
    with store.begin() as tx:
        assert tx.configurations.take_verification(one.e_id, next_due_seconds=30, window_seconds=DAY) is None
        assert tx.configurations.get(one.e_id) == taken
        assert taken is not None
        assert taken.verification_due_at is not None
        assert taken.verification_due_at > LONG_AGO


@pytest.mark.parametrize(
    "one",
    [
        awaiting(verification_due_at=later(days=4000)),
        awaiting(verification_due_at=None),
        awaiting(operational=Operational.OK),
        awaiting(retired_at=LONG_AGO),
    ],
    ids=["later", "never", "verified", "retired"],
)
def test_a_verification_that_is_not_due_is_neither_listed_nor_taken(
    store: Store, one: EmailConfiguration
) -> None:
    add(store, one)
    with store.begin() as tx:
        assert tx.configurations.due_for_verification(10) == []
        assert tx.configurations.take_verification(one.e_id, next_due_seconds=30, window_seconds=DAY) is None


def test_due_verifications_come_longest_due_first_and_no_more_than_asked_for(store: Store) -> None:
    due = [awaiting(verification_due_at=later(minutes=minutes)) for minutes in (3, 1, 2)]
    add(store, *due)
    with store.begin() as tx:
        assert tx.configurations.due_for_verification(2) == [due[1].e_id, due[2].e_id]


def test_provisioning_that_nobody_works_on_is_listed_longest_waiting_first(store: Store) -> None:
    first, second, leased, expired = (
        configuration(operational=Operational.PROVISIONING, updated_at=later(minutes=minutes))
        for minutes in (2, 3, 0, 1)
    )
    add(store, first, second, leased, expired, configuration())
    take(store, leased, MINE)
    take(store, expired, MINE, seconds=0)
    with store.begin() as tx:
        waiting = [expired.e_id, first.e_id, second.e_id]
        assert tx.configurations.provisioning_without_lease(10) == waiting
        assert tx.configurations.provisioning_without_lease(1) == waiting[:1]


def test_removal_is_listed_until_it_is_done_unless_somebody_is_at_it(store: Store) -> None:
    second, first, leased = (configuration(retired_at=later(minutes=minutes)) for minutes in (2, 1, 0))
    done = configuration(retired_at=LONG_AGO, cleaned_up_at=LONG_AGO)
    add(store, second, first, leased, done, configuration())
    take(store, leased, MINE)
    with store.begin() as tx:
        assert tx.configurations.removal_without_lease(10) == [first.e_id, second.e_id]


def test_only_configurations_that_drain_are_listed_as_locking(store: Store, acme: EmailConfiguration) -> None:
    draining = sendable(administrative=Administrative.LOCKING, tenant_id=uuid4())
    add(store, draining, configuration())
    with store.begin() as tx:
        assert tx.configurations.locking(10) == [draining.e_id]


def test_send_faults_are_counted_one_by_one_and_cleared_at_once(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        assert tx.configurations.count_send_fault(acme.e_id) == 1
        assert tx.configurations.count_send_fault(acme.e_id) == 2
    with store.begin() as tx:
        tx.configurations.clear_send_faults(acme.e_id)
        assert tx.configurations.count_send_fault(acme.e_id) == 1


def test_a_counted_fault_is_no_version_and_no_record(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        tx.configurations.count_send_fault(acme.e_id)
    with store.begin() as tx:
        held = tx.configurations.get(acme.e_id)
        assert held is not None
        assert (held.send_faults_in_a_row, held.version) == (1, 0)
        assert len(tx.configurations.history(acme.e_id)) == 1


def test_a_fault_of_an_unknown_configuration_is_not_counted(store: Store) -> None:
    with store.begin() as tx, pytest.raises(NotFound):
        tx.configurations.count_send_fault(uuid4())


def test_configurations_are_counted_by_both_states_without_the_retired(
    store: Store, acme: EmailConfiguration
) -> None:
    add(store, configuration(), configuration(), configuration(retired_at=LONG_AGO))
    with store.begin() as tx:
        counts = tx.configurations.count_by_state()
    assert dict(counts) == {("OK", "UNLOCKED"): 1, ("PENDING", "LOCKED"): 2}
