"""Lifts: wanted by operators, asked of each server until it agrees or refuses for good."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.ports.lifts import Lift
from shared.ports.store import Store
from tests.factories import (
    CREATED,
    LONG_AGO,
    OTHER_TENANT,
    TENANT,
    configuration,
    provisioned,
    sendable,
)

Moment = Callable[[], object]
TimePasses = Callable[[float], object]

A, B, C = "a@example.com", "b@example.com", "c@example.com"


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def want(store: Store, *addresses: str, tenant_id: UUID = TENANT) -> list[UUID]:
    with store.begin() as tx:
        return tx.lifts.want(tenant_id, addresses)


def due(store: Store, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.lifts.due(limit)


def take(store: Store, one: EmailConfiguration, limit: int = 10, seconds: float = 60) -> list[Lift]:
    with store.begin() as tx:
        return tx.lifts.take(one.e_id, limit=limit, lease_seconds=seconds)


def taken(store: Store, one: EmailConfiguration, limit: int = 10, seconds: float = 60) -> list[str]:
    return [lift.address for lift in take(store, one, limit, seconds)]


def done(store: Store, one: EmailConfiguration, *addresses: str) -> None:
    with store.begin() as tx:
        tx.lifts.done(one.e_id, addresses)


def refused(store: Store, one: EmailConfiguration, address: str, message: str = "it complained") -> None:
    with store.begin() as tx:
        tx.lifts.refused(one.e_id, address, message)


def put_off(store: Store, one: EmailConfiguration, *addresses: str, seconds: float = 0) -> None:
    with store.begin() as tx:
        tx.lifts.put_off(one.e_id, addresses, seconds=seconds)


def refusals(store: Store, *addresses: str, tenant_id: UUID = TENANT) -> dict[str, str]:
    with store.begin() as tx:
        return tx.lifts.refusals(tenant_id, addresses)


def test_a_wanted_lift_is_due_at_once(store: Store, acme: EmailConfiguration) -> None:
    assert want(store, B, A) == [acme.e_id]
    assert due(store) == [acme.e_id]
    assert take(store, acme) == [Lift(acme.e_id, A), Lift(acme.e_id, B)]


def test_each_of_the_tenants_servers_is_asked_and_nobody_elses(
    store: Store, acme: EmailConfiguration
) -> None:
    second = configuration(provisioned=provisioned())
    leaving = configuration(provisioned=provisioned(), retired_at=LONG_AGO)
    gone = configuration(provisioned=provisioned(), retired_at=LONG_AGO, cleaned_up_at=LONG_AGO)
    bare = configuration(provisioned=provisioned(server_token=None))
    others = sendable(tenant_id=OTHER_TENANT)
    add(store, second, leaving, gone, bare, others)
    asked = sorted([acme.e_id, second.e_id, leaving.e_id])
    assert want(store, A) == asked
    assert sorted(due(store)) == asked
    assert taken(store, others) == taken(store, gone) == taken(store, bare) == []


def test_where_nobody_is_to_be_asked_nothing_is_wanted(store: Store, acme: EmailConfiguration) -> None:
    assert want(store, A, tenant_id=uuid4()) == []
    assert want(store) == []
    assert due(store) == []


def test_a_taken_lift_is_nobody_elses_until_its_lease_ends(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    want(store, A)
    assert taken(store, acme, seconds=60) == [A]
    assert taken(store, acme) == []
    assert due(store) == []
    time_passes(61)
    assert due(store) == [acme.e_id]
    assert taken(store, acme) == [A]


def test_the_longest_waiting_are_taken_first(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    for address in (C, A, B):
        want(store, address)
        a_moment_passes()
    assert taken(store, acme, limit=2) == [C, A]
    assert taken(store, acme, limit=2) == [B]


def test_the_configuration_that_waits_longest_is_told_first(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    other = sendable(tenant_id=OTHER_TENANT)
    add(store, other)
    want(store, B, tenant_id=OTHER_TENANT)
    a_moment_passes()
    want(store, A)
    want(store, A, tenant_id=OTHER_TENANT)
    assert due(store) == [other.e_id, acme.e_id]
    assert due(store, limit=1) == [other.e_id]


def test_a_lift_the_provider_agreed_to_is_over(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    want(store, A, B)
    take(store, acme)
    done(store, acme, A, C)
    time_passes(100)
    assert taken(store, acme) == [B]
    assert refusals(store, A, B) == {}


def test_a_refusal_is_kept_with_its_words_and_not_asked_again(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    want(store, A, B)
    take(store, acme)
    refused(store, acme, A, "Ünable: it complained")
    time_passes(100)
    assert taken(store, acme) == [B]
    assert refusals(store, A, B, C) == {A: "Ünable: it complained"}
    assert refusals(store, B) == {}
    assert refusals(store, A, tenant_id=OTHER_TENANT) == {}


def test_an_address_that_was_refused_and_is_wanted_again_is_asked_again(
    store: Store, acme: EmailConfiguration
) -> None:
    want(store, A)
    take(store, acme)
    put_off(store, acme, A)
    refused(store, acme, A)
    assert want(store, A) == [acme.e_id]
    assert refusals(store, A) == {}
    assert take(store, acme) == [Lift(acme.e_id, A, tries=0)]


def test_every_try_put_off_is_counted(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    want(store, A, B)
    take(store, acme)
    put_off(store, acme, A, B, C, seconds=30)
    assert due(store) == []
    time_passes(31)
    assert take(store, acme) == [Lift(acme.e_id, A, tries=1), Lift(acme.e_id, B, tries=1)]
    put_off(store, acme, A)
    assert take(store, acme) == [Lift(acme.e_id, A, tries=2)]


def test_a_refused_lift_is_not_put_off(store: Store, acme: EmailConfiguration) -> None:
    want(store, A)
    refused(store, acme, A)
    put_off(store, acme, A)
    assert taken(store, acme) == []
    assert refusals(store, A) == {A: "it complained"}


def test_what_is_wanted_again_while_it_is_asked_for_is_asked_for_again(
    store: Store, acme: EmailConfiguration
) -> None:
    want(store, A)
    take(store, acme)
    want(store, A)
    done(store, acme, A)
    assert taken(store, acme) == [A]
    done(store, acme, A)
    assert due(store) == []


def test_servers_agree_or_refuse_each_for_itself(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    second = configuration(provisioned=provisioned())
    want(store, A)
    add(store, second)
    a_moment_passes()
    want(store, A)
    refused(store, acme, A, "the first")
    assert refusals(store, A) == {A: "the first"}
    assert taken(store, second) == [A]
    done(store, second, A)
    assert refusals(store, A) == {A: "the first"}


def test_lifts_outlive_the_retirement_of_their_configuration(store: Store, acme: EmailConfiguration) -> None:
    want(store, A)
    with store.begin() as tx:
        tx.configurations.save(replace(acme, retired_at=LONG_AGO, cleaned_up_at=LONG_AGO), CREATED)
    assert taken(store, acme) == [A]
    done(store, acme, A)
    assert due(store) == []


def test_an_address_waits_until_the_provider_has_answered_for_good(store: Store) -> None:
    one = sendable(provisioned=provisioned())
    add(store, one)
    want(store, A, B, C)
    take(store, one)
    with store.begin() as tx:
        tx.lifts.done(one.e_id, [A])
        tx.lifts.refused(one.e_id, B, "no")
        assert tx.lifts.waiting(TENANT, [A, B, C]) == {C}
        assert tx.lifts.waiting(OTHER_TENANT, [A, B, C]) == set()
