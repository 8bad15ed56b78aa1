"""Transactions that meet: who passes, who waits, and that nobody ends in a deadlock."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict, StoreUnavailable
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.suppression import SuppressionReason, SuppressionState
from shared.persistence import PostgresStore, make_engine, new_id
from shared.ports.events import EventHeaders
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from tests.factories import CREATED, TENANT, configuration, event, later, new_job, suppression

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]


def accept(store: PostgresStore, one: EmailConfiguration, count: int) -> list[UUID]:
    jobs = [new_job(one) for _ in range(count)]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
    return sorted(new.job.e_id for new in jobs)


def claim(tx: Transaction, one: EmailConfiguration, limit: int = 10) -> list[UUID]:
    taken = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=limit, lease_seconds=60)
    return [job.e_id for job in taken.jobs]


def test_a_claim_passes_over_rows_that_another_claim_holds(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    jobs = accept(store, acme, 5)

    def claim_elsewhere() -> list[UUID]:
        with other_store.begin() as tx:
            return claim(tx, acme)

    with store.begin() as tx:
        assert claim(tx, acme, limit=2) == jobs[:2]
        assert elsewhere(claim_elsewhere).result() == jobs[2:]


def test_claimers_at_once_take_every_job_once(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    jobs = accept(store, acme, 200)
    together = Barrier(4)

    def claim_until_empty() -> list[UUID]:
        together.wait()
        taken: list[UUID] = []
        while True:
            with store.begin() as tx:
                some = claim(tx, acme, limit=7)
            if not some:
                return taken
            taken += some

    everything = [
        e_id for worker in [elsewhere(claim_until_empty) for _ in range(4)] for e_id in worker.result()
    ]
    assert sorted(everything) == jobs


def test_a_lock_waits_for_those_who_share_and_they_do_not_wait_for_each_other(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    def read(lock: Lock) -> Callable[[], str]:
        def reading() -> str:
            with other_store.begin() as tx:
                found = tx.configurations.get(acme.e_id, lock=lock)
                assert found is not None
                return found.from_name

        return reading

    with store.begin() as tx:
        tx.configurations.get(acme.e_id, lock=Lock.SHARE)
        assert elsewhere(read(Lock.SHARE)).result() == acme.from_name
        assert elsewhere(read(Lock.NONE)).result() == acme.from_name
        blocked = elsewhere(read(Lock.UPDATE))
        until_somebody_waits()
        assert not blocked.done()
    assert blocked.result() == acme.from_name


def test_a_reader_that_waited_for_a_change_sees_it(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    def read() -> EmailConfiguration | None:
        with other_store.begin() as tx:
            return tx.configurations.get(acme.e_id, lock=Lock.SHARE)

    with store.begin() as tx:
        saved = tx.configurations.save(replace(acme, from_name="Changed"), CREATED)
        blocked = elsewhere(read)
        until_somebody_waits()
    assert blocked.result() == saved


def test_accepting_and_storing_events_do_not_wait_for_somebody_who_works_on_the_configuration(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    def write() -> bool:
        with other_store.begin() as tx:
            tx.jobs.accept([new_job(acme)])
            return tx.events.add(event(acme), EventHeaders())

    with store.begin() as tx:
        tx.configurations.get(acme.e_id, lock=Lock.UPDATE)
        tx.configurations.save(replace(acme, from_name="Busy"), CREATED)
        assert elsewhere(write).result() is True


def test_of_two_saves_of_one_version_the_second_is_a_conflict(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    def save() -> None:
        with other_store.begin() as tx:
            tx.configurations.save(replace(acme, from_name="Second"), CREATED)

    with store.begin() as tx:
        tx.configurations.save(replace(acme, from_name="First"), CREATED)
        blocked = elsewhere(save)
        until_somebody_waits()
    with pytest.raises(Conflict):
        blocked.result()


def test_records_are_recorded_in_the_order_of_their_versions_also_by_whoever_began_first(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    def save_at_once() -> EmailConfiguration:
        with other_store.begin() as tx:
            return tx.configurations.save(replace(acme, from_name="Began second"), CREATED)

    with store.begin() as tx:
        tx.now()  # the transaction, and so its now(), begins here
        newer = elsewhere(save_at_once).result()
        tx.configurations.save(replace(newer, from_name="Began first"), CREATED)
    with store.begin() as tx:
        records = tx.configurations.history(acme.e_id)
    assert [record.configuration.from_name for record in records[1:]] == ["Began second", "Began first"]
    assert records[1].recorded_at < records[2].recorded_at


def test_of_two_who_unlock_at_once_one_is_refused(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    one, two = configuration(operational=Operational.OK), configuration(operational=Operational.OK)
    with store.begin() as tx:
        tx.configurations.add(one, CREATED)
        tx.configurations.add(two, CREATED)

    def unlock_two() -> None:
        with other_store.begin() as tx:
            tx.configurations.save(replace(two, administrative=Administrative.UNLOCKED), CREATED)

    with store.begin() as tx:
        tx.configurations.save(replace(one, administrative=Administrative.UNLOCKED), CREATED)
        blocked = elsewhere(unlock_two)
        until_somebody_waits()
    with pytest.raises(Conflict):
        blocked.result()


def test_batches_with_the_same_keys_in_opposite_orders_do_not_deadlock(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    keys = [f"key-{number}" for number in range(50)]
    together = Barrier(2)

    def accept_all(ordered: list[str]) -> Callable[[], int]:
        def accepting() -> int:
            jobs = [new_job(acme, idempotency_key=key) for key in ordered]
            together.wait()
            with store.begin() as tx:
                return len(tx.jobs.accept(jobs))

        return accepting

    for round_ in range(5):
        suffixed = [f"{key}-{round_}" for key in keys]
        both = [elsewhere(accept_all(suffixed)), elsewhere(accept_all(suffixed[::-1]))]
        assert sorted(one.result() for one in both) == [0, 50]


def test_a_batch_waits_for_another_that_has_its_key_and_takes_it_when_that_one_fails(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    second = new_job(acme, idempotency_key="order-7")

    def accept_second() -> set[UUID]:
        with other_store.begin() as tx:
            return tx.jobs.accept([second])

    class Interrupted(Exception):
        pass

    def accept_first_and_fail() -> Future[set[UUID]]:
        with store.begin() as tx:
            tx.jobs.accept([new_job(acme, idempotency_key="order-7")])
            pending.append(elsewhere(accept_second))
            until_somebody_waits()
            raise Interrupted

    pending: list[Future[set[UUID]]] = []
    with pytest.raises(Interrupted):
        accept_first_and_fail()
    assert pending[0].result() == {second.job.e_id}


def test_whoever_records_waits_for_jobs_in_the_order_of_their_ids_and_never_in_a_deadlock(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    # In the table, where claims rewrote them as they were due, and in the results the larger id comes first:
    # only sorting puts the smaller one first.
    small, large = sorted(new_id() for _ in range(2))
    claim_id = uuid4()
    with store.begin() as tx:
        tx.jobs.accept([new_job(acme, e_id=large), new_job(acme, e_id=small, due_at=later(minutes=1))])
    with store.begin() as tx:
        tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=2, lease_seconds=60)

    def record() -> set[UUID]:
        with other_store.begin() as tx:
            settled = [Settlement(e_id, JobStatus.SENT, provider_message_id="m") for e_id in (large, small)]
            return tx.jobs.record(claim_id, settled)

    with store.begin() as tx:
        tx.jobs.for_events(acme.e_id, job_ids=[small], message_ids=[])
        recorded = elsewhere(record)
        until_somebody_waits()
        (job,) = tx.jobs.for_events(acme.e_id, job_ids=[large], message_ids=[])
        tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id=None)
    assert recorded.result() == {small}


def test_projections_of_one_configuration_follow_each_other_and_others_do_not_wait(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    one = event(acme)
    with store.begin() as tx:
        tx.events.add(one, EventHeaders())

    def project(configuration_id: UUID) -> Callable[[], int]:
        def projecting() -> int:
            with other_store.begin() as tx:
                tx.events.serialise(configuration_id)
                return len(tx.events.unprojected(configuration_id, limit=10))

        return projecting

    with store.begin() as tx:
        tx.events.serialise(acme.e_id)
        tx.events.mark_projected({one.e_id: None})
        assert elsewhere(project(uuid4())).result() == 0
        blocked = elsewhere(project(acme.e_id))
        until_somebody_waits()
    assert blocked.result() == 0


ASK: dict[str, Callable[[Transaction, str], object]] = {
    "events": lambda tx, address: tx.events.about(TENANT, [address]),
    "operators": lambda tx, address: tx.suppressions.operator_facts(TENANT, [address]),
}


@pytest.mark.parametrize("asked", ASK)
def test_what_is_made_of_an_addresss_facts_is_not_overtaken_by_an_operator(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
    asked: str,
) -> None:
    entry = suppression(since=later(days=1))
    lifted = SuppressionState(
        active=False, reason=SuppressionReason.HARD_BOUNCE, since=later(), lifted_at=later(minutes=1)
    )

    def add() -> None:
        with other_store.begin() as tx:
            tx.suppressions.add(entry)

    with store.begin() as tx:
        assert not ASK[asked](tx, entry.address)
        blocked = elsewhere(add)
        until_somebody_waits()
        tx.suppressions.apply(TENANT, {entry.address: lifted})
    blocked.result()
    with store.begin() as tx:
        assert tx.suppressions.active_among(TENANT, [entry.address]) == {entry.address: entry}


def test_two_who_add_one_address_at_once_get_the_same_entry(
    store: PostgresStore,
    other_store: PostgresStore,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    first, second = suppression(), suppression()

    def add() -> UUID:
        with other_store.begin() as tx:
            return tx.suppressions.add(second).e_id

    with store.begin() as tx:
        assert tx.suppressions.add(first) == first
        blocked = elsewhere(add)
        until_somebody_waits()
    assert blocked.result() == first.e_id


def test_somebody_who_waits_too_long_for_a_lock_is_told_that_the_store_is_unavailable(
    store: PostgresStore, database_url: str, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    engine = make_engine(database_url, lock_timeout_seconds=0.05)

    def read() -> None:
        with PostgresStore(engine).begin() as tx:
            tx.configurations.get(acme.e_id, lock=Lock.UPDATE)

    with store.begin() as tx:
        tx.configurations.get(acme.e_id, lock=Lock.UPDATE)
        with pytest.raises(StoreUnavailable, match="LockNotAvailable"):
            elsewhere(read).result()
    engine.dispose()
