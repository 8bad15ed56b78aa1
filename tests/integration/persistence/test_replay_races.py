"""Replays, touched by several at once: one has it, a stop is before or after a slice, and each letter is back once."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from shared import replaying
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter
from shared.domain.errors import Conflict
from shared.domain.job import JobStatus, Settlement
from shared.domain.lifecycle import Trigger
from shared.domain.replay import Fate, Replay, ReplayState
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from shared.ports.configurations import Change
from shared.ports.replays import ReplayWork
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.replaying import DeadLetterPorts
from shared.steering import steer
from tests.factories import CREATED, TENANT, new_job, sendable
from tests.fakes.doorbell import RecordingDoorbell
from tests.unit.replaying.dead_letter_world import World
from workers.provisioning.replaying import run_replay

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]

TOGETHER = 4


def asked(store: PostgresStore, wanted: DeadLetterFilter | None = None) -> Replay:
    ports = DeadLetterPorts(store, RecordingDoorbell(), new_id)
    wanted = wanted or DeadLetterFilter()
    return replaying.ask(ports, wanted, author="olga", reason="mended", per_second=1000.0)


def buried(store: PostgresStore, one: EmailConfiguration, count: int) -> list[UUID]:
    """The ids of jobs that failed."""
    jobs = [new_job(one) for _ in range(count)]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=count, lease_seconds=60)
        tx.jobs.record(
            claim.claim_id, [Settlement(new.job.e_id, JobStatus.FAILED, error_code="300") for new in jobs]
        )
    return [new.job.e_id for new in jobs]


def taken(store: PostgresStore, replay: Replay) -> ReplayWork:
    with store.begin() as tx:
        work = tx.replays.take(replay.e_id, lease_seconds=600)
    assert work is not None
    return work


def put_slice_back(tx: Transaction, work: ReplayWork, *, size: int = 50) -> ReplayWork:
    letters: list[DeadLetter] = tx.dead_letters.find(work.replay.wanted, limit=size, after=work.cursor)
    replayed = replaying.put_back(tx, letters, work.replay, new_id)
    fates = [(one.letter.e_id, one.fate) for one in replayed]
    return tx.replays.note(work, fates, next_in_seconds=0, lease_seconds=600)


def carry_out(store: PostgresStore, replay: Replay) -> None:
    run_replay(replay.e_id, replace(World().deps(store), new_id=new_id, monotonic=time.monotonic))


def stop(store: PostgresStore, replay: Replay) -> Replay | None:
    with store.begin() as tx:
        return tx.replays.stop(replay.e_id, author="piet")


def statuses(store: PostgresStore, jobs: list[UUID]) -> Counter[JobStatus]:
    with store.begin() as tx:
        found = [tx.jobs.get(TENANT, e_id) for e_id in jobs]
    return Counter(job.status for job in found if job is not None)


def test_of_those_that_take_it_at_once_one_has_it(store: PostgresStore, elsewhere: Elsewhere) -> None:
    replay, together = asked(store), Barrier(TOGETHER)

    def take() -> bool:
        together.wait()
        with store.begin() as tx:
            return tx.replays.take(replay.e_id, lease_seconds=600) is not None

    assert sum(one.result() for one in [elsewhere(take) for _ in range(TOGETHER)]) == 1


def test_a_stop_waits_for_the_slice_that_is_being_committed_and_counts_it(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    jobs = buried(store, acme, 3)
    replay = asked(store)
    work = taken(store, replay)
    with store.begin() as tx:
        work = put_slice_back(tx, work, size=2)
        stopping = elsewhere(lambda: stop(other_store, replay))
        until_somebody_waits()
    stopped = stopping.result()
    assert (stopped.state, stopped.fates) == (ReplayState.STOPPED, {Fate.PUT_BACK: 2})
    with pytest.raises(Conflict), store.begin() as tx:
        put_slice_back(tx, work)
    assert statuses(store, jobs) == {JobStatus.QUEUED: 2, JobStatus.FAILED: 1}


def test_a_stop_while_letters_are_being_put_back_does_not_wait_and_undoes_that_slice(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    jobs = buried(store, acme, 3)
    replay = asked(store)
    work = taken(store, replay)

    def overtaken_by_a_stop() -> None:
        with store.begin() as tx:
            letters = tx.dead_letters.find(work.replay.wanted, limit=50)
            replaying.put_back(tx, letters, work.replay, new_id)
            stopped = elsewhere(lambda: stop(other_store, replay)).result()
            assert stopped.fates == {}
            fates = [(letter.e_id, Fate.PUT_BACK) for letter in letters]
            tx.replays.note(work, fates, next_in_seconds=0, lease_seconds=600)

    with pytest.raises(Conflict):
        overtaken_by_a_stop()
    assert statuses(store, jobs) == {JobStatus.FAILED: 3}
    with store.begin() as tx:
        assert tx.replays.results(replay.e_id, after=None, limit=9) == []
        assert len(tx.dead_letters.find(DeadLetterFilter(), limit=9)) == 3


def test_whoever_takes_over_waits_for_the_slice_of_the_one_before_and_goes_on_behind_it(
    store: PostgresStore,
    other_store: PostgresStore,
    engine: Engine,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    jobs = buried(store, acme, 3)
    replay = asked(store)
    slow = taken(store, replay)
    with engine.begin() as connection:
        connection.execute(text("UPDATE replay SET lease_until = now() - interval '1 second'"))
    with store.begin() as tx:
        slow = put_slice_back(tx, slow, size=2)
        taking = elsewhere(lambda: carry_out(other_store, replay))
        until_somebody_waits()
    taking.result()
    # It was renewed by the slice, so nobody has taken it over.
    with store.begin() as tx:
        put_slice_back(tx, slow)
    assert statuses(store, jobs) == {JobStatus.QUEUED: 3}


def test_a_force_lock_waits_for_the_slice_and_cancels_what_it_put_back(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    jobs = buried(store, acme, 3)
    work = taken(store, asked(store))

    def force_lock() -> None:
        with other_store.begin() as tx:
            held = tx.configurations.get(acme.e_id, lock=Lock.UPDATE)
            assert held is not None
            steer(tx, held, Trigger.FORCE_LOCK, Change("olga", "signal"))

    with store.begin() as tx:
        work = put_slice_back(tx, work, size=2)
        locking = elsewhere(force_lock)
        until_somebody_waits()
    locking.result()
    with store.begin() as tx:
        work = put_slice_back(tx, work)
    assert work.replay.fates == {Fate.PUT_BACK: 2, Fate.LOCKED: 1}
    assert statuses(store, jobs) == {JobStatus.CANCELLED: 2, JobStatus.FAILED: 1}


def test_replays_of_the_same_letters_at_once_put_each_back_once_and_end_in_no_deadlock(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    tenants = [sendable(tenant_id=uuid4()) for _ in range(7)]
    with store.begin() as tx:
        for one in tenants:
            tx.configurations.add(one, CREATED)
    for _ in range(6):
        for one in tenants:
            buried(store, one, 5)
    replays, together = [asked(store) for _ in range(TOGETHER)], Barrier(TOGETHER)

    def at_once(replay: Replay) -> None:
        together.wait()
        carry_out(store, replay)

    for working in [elsewhere(lambda replay=replay: at_once(replay)) for replay in replays]:  # type: ignore[misc]
        working.result()
    with store.begin() as tx:
        ended = [tx.replays.get(replay.e_id) for replay in replays]
        results = [tx.replays.results(replay.e_id, after=None, limit=1000) for replay in replays]
        everything = tx.dead_letters.find(DeadLetterFilter(), limit=1)
    assert {one.state for one in ended if one is not None} == {ReplayState.DONE}
    put_back = [one.letter.e_id for some in results for one in some if one.fate is Fate.PUT_BACK]
    assert len(put_back) == len(set(put_back)) == 7 * 6 * 5
    assert everything == []
