"""A job that is offered while its configuration is being locked, or while another request offers the same."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from shared.domain.configuration import EmailConfiguration
from shared.domain.lifecycle import Administrative
from shared.persistence import PostgresArrivals, PostgresStore
from shared.ports.configurations import Change
from shared.ports.rows import Lock
from tests.contract.store.test_offers import an_offer
from tests.factories import TENANT

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]


def test_a_job_offered_while_its_configuration_is_locked_waits_and_does_not_pass(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Callable[[], None],
) -> None:
    def offered() -> object:
        with other_store.begin() as tx:
            return tx.jobs.offer(TENANT, [an_offer(acme)])

    with store.begin() as tx:
        held = tx.configurations.get(acme.e_id, tenant_id=TENANT, lock=Lock.UPDATE)
        assert held is not None
        tx.configurations.save(
            replace(held, administrative=Administrative.LOCKED), Change("operator", "lock")
        )
        accepted = elsewhere(offered)
        until_somebody_waits()
    assert accepted.result() == {}


def test_a_job_that_arrives_while_its_configuration_is_changed_is_passed_over_at_once(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    arrivals = PostgresArrivals(other_store.engine)
    with store.begin() as tx:
        tx.configurations.get(acme.e_id, tenant_id=TENANT, lock=Lock.UPDATE)
        assert elsewhere(lambda: arrivals.job(TENANT, an_offer(acme))).result() is None
    assert arrivals.job(TENANT, an_offer(acme)) is not None


def test_a_lock_waits_for_a_job_that_is_being_accepted_and_sees_it(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Callable[[], None],
) -> None:
    def in_flight_under_lock() -> int:
        with other_store.begin() as tx:
            tx.configurations.get(acme.e_id, tenant_id=TENANT, lock=Lock.UPDATE)
            return tx.jobs.in_flight(acme.e_id)

    with store.begin() as tx:
        assert tx.jobs.offer(TENANT, [an_offer(acme)])
        seen = elsewhere(in_flight_under_lock)
        until_somebody_waits()
    assert seen.result() == 1


def test_of_two_requests_with_one_key_one_passes(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Callable[[], None],
) -> None:
    arrivals = PostgresArrivals(other_store.engine)
    first, second = (an_offer(acme, idempotency_key="order-7") for _ in range(2))
    with store.begin() as tx:
        assert tx.jobs.offer(TENANT, [first])
        other = elsewhere(lambda: arrivals.job(TENANT, second))
        until_somebody_waits()
    assert other.result() is None
