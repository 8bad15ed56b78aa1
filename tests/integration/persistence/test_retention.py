"""Old rows removed beside the work: nobody waits for it, it waits for nobody, and who kills it loses a slice."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from shared.cli.rebuild import RebuildDeps, rebuild_jobs, rebuild_suppressions
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import StoreUnavailable
from shared.domain.event import EventKind
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.retention import Kind, Pass
from shared.messaging.messages import RemoveOldRows
from shared.persistence import PostgresStore
from shared.persistence.ids import first_id_at, new_id
from shared.ports.events import EventHeaders
from shared.ports.retention import RetentionReport, Slice
from tests.factories import LONG_AGO, TENANT, event, facts, later, new_job
from tests.fakes.doorbell import RecordingDoorbell
from workers.drift.retention import RetentionDeps, remove_old_rows
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
ALL_DAYS = -1.0
OF_JOBS = (Kind.CONTENTS, Kind.ATTEMPTS, Kind.JOBS)


def old_jobs(store: PostgresStore, acme: EmailConfiguration, count: int) -> list[EmailJob]:
    """Sent long ago, each with an attempt."""
    made = [
        new_job(acme, e_id=first_id_at(later(seconds=number)), recipient=f"p{number}@example.com")
        for number in range(count)
    ]
    with store.begin() as tx:
        tx.jobs.accept(made)
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=new_id(), limit=count, lease_seconds=60)
        sent = [
            Settlement(one.e_id, JobStatus.SENT, provider_message_id=f"m-{one.e_id}") for one in claim.jobs
        ]
        assert len(tx.jobs.record(claim.claim_id, sent)) == count
    return [one.job for one in made]


def begun(store: PostgresStore, kind: Kind) -> Pass:
    with store.begin() as tx:
        tx.retention.ask(kind)
        pass_ = tx.retention.begin(kind, keep_days=ALL_DAYS, lease_seconds=600)
    assert pass_ is not None
    return pass_


def remove(store: PostgresStore, pass_: Pass, rows: int = 100) -> Slice:
    with store.begin() as tx:
        return tx.retention.remove(pass_, rows=rows, lease_seconds=600)


def report(store: PostgresStore, kind: Kind) -> RetentionReport:
    with store.begin() as tx:
        return next(one for one in tx.retention.reports() if one.kind is kind)


def left(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


TABLES = {Kind.CONTENTS: "email_job_content", Kind.ATTEMPTS: "send_attempt", Kind.JOBS: "email_job"}


@pytest.mark.parametrize("kind", OF_JOBS)
def test_rows_that_somebody_holds_are_passed_over_and_go_with_the_next_pass(
    store: PostgresStore,
    other_store: PostgresStore,
    engine: Engine,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    kind: Kind,
) -> None:
    old_jobs(store, acme, 4)
    key = "e_id" if kind is Kind.JOBS else "job_id"
    pass_ = begun(other_store, kind)
    with engine.begin() as connection:
        held = f"SELECT 1 FROM {TABLES[kind]} WHERE {key} = :id FOR UPDATE"
        connection.execute(text(held), {"id": first_id_at(later(seconds=1))})
        slice_ = elsewhere(lambda: remove(other_store, pass_)).result(timeout=4)
    assert (slice_.looked, slice_.removed, slice_.done) == (4, 3, True)
    assert remove(store, begun(store, kind)).removed == 1
    assert left(engine, TABLES[kind]) == 0


def test_the_work_goes_on_while_a_slice_is_not_committed(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    jobs = old_jobs(store, acme, 20)
    waiting = new_job(acme, due_at=LONG_AGO)
    told = event(acme, facts(EventKind.DELIVERY, job_id=waiting.job.e_id))

    def work() -> int:
        with other_store.begin() as tx:
            assert tx.jobs.accept([waiting]) == {waiting.job.e_id}
        with other_store.begin() as tx:
            claim = tx.jobs.claim(acme.e_id, claim_id=uuid4(), limit=50, lease_seconds=60)
            sent = [Settlement(one.e_id, JobStatus.SENT) for one in claim.jobs]
            tx.jobs.record(claim.claim_id, sent)
            assert tx.events.add(told, EventHeaders())
            tx.events.mark_projected({told.e_id: waiting.job.e_id})
            # Another one with a key that is about to be free: it is still taken.
            assert tx.jobs.find_by_keys(TENANT, [jobs[0].idempotency_key])
        return len(claim.jobs)

    passes = [begun(store, kind) for kind in OF_JOBS]
    with store.begin() as tx:
        slices = [tx.retention.remove(pass_, rows=100, lease_seconds=600) for pass_ in passes]
        # Less than the lock time-out of whoever would wait.
        assert elsewhere(work).result(timeout=4) == 1
    assert [slice_.removed for slice_ in slices] == [20, 20, 20]


def test_two_kinds_that_meet_at_the_same_jobs_end_in_no_deadlock(
    store: PostgresStore,
    other_store: PostgresStore,
    engine: Engine,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
) -> None:
    def walk(where: PostgresStore, kind: Kind) -> int:
        pass_, total, done = begun(where, kind), 0, False
        while not done:
            slice_ = remove(where, pass_, rows=7)
            total, done, pass_ = total + slice_.removed, slice_.done, replace(pass_, cursor=slice_.cursor)
        return total

    for _ in range(3):
        old_jobs(store, acme, 200)
        walking = [
            elsewhere(lambda kind=kind, where=where: walk(where, kind))  # type: ignore[misc]
            for kind, where in (
                (Kind.JOBS, store),
                (Kind.CONTENTS, other_store),
                (Kind.ATTEMPTS, other_store),
            )
        ]
        for one in walking:
            one.result()
        for kind in OF_JOBS:
            walk(store, kind)
        assert [left(engine, table) for table in TABLES.values()] == [0, 0, 0]


def test_who_is_killed_in_a_slice_has_removed_nothing_and_the_next_goes_on_behind_the_last(
    store: PostgresStore, other_store: PostgresStore, engine: Engine, acme: EmailConfiguration
) -> None:
    old_jobs(store, acme, 10)
    pass_ = begun(other_store, Kind.JOBS)
    first = remove(other_store, pass_, rows=4)
    assert first.removed == 4
    with pytest.raises(StoreUnavailable):
        remove_and_be_killed(other_store, engine, replace(pass_, cursor=first.cursor))
    assert left(engine, "email_job") == 6
    told = report(store, Kind.JOBS)
    assert (told.running, told.removed) == (True, 4)
    with engine.begin() as connection:
        connection.execute(text("UPDATE retention SET lease_until = now() - interval '1 second'"))
    again = begun(store, Kind.JOBS)
    assert (again.cursor, again.until) == (first.cursor, pass_.until)
    assert remove(store, again).removed == 6
    assert left(engine, "email_job") == 0
    assert report(store, Kind.JOBS).removed == 10


def test_of_those_that_begin_at_once_one_has_it(store: PostgresStore, elsewhere: Elsewhere) -> None:
    with store.begin() as tx:
        tx.retention.ask(Kind.JOBS)
    together = Barrier(4)

    def begin() -> bool:
        together.wait()
        with store.begin() as tx:
            return tx.retention.begin(Kind.JOBS, keep_days=1, lease_seconds=600) is not None

    taken = [one.result() for one in [elsewhere(begin) for _ in range(4)]]
    assert sorted(taken) == [False, False, False, True]


def test_workers_that_are_rung_for_at_once_remove_everything_once(
    store: PostgresStore, engine: Engine, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    old_jobs(store, acme, 50)
    doorbell = RecordingDoorbell()
    deps = RetentionDeps(
        store=store,
        doorbell=doorbell,
        keep_days={Kind.JOBS: ALL_DAYS},
        slice_rows=7,
        pause_seconds=0,
        lease_seconds=600,
        pause=lambda _: None,
        # A slice a turn.
        turn_seconds=0,
    )
    with store.begin() as tx:
        tx.retention.ask(Kind.JOBS)
    doorbell.ring(RemoveOldRows(Kind.JOBS.e_id))
    while doorbell.rung:
        doorbell.rung.clear()
        turns = [elsewhere(lambda: remove_old_rows(Kind.JOBS.e_id, deps)) for _ in range(3)]
        for turn in turns:
            turn.result()
    assert left(engine, "email_job") == 0
    told = report(store, Kind.JOBS)
    assert (told.looked, told.removed, told.running) == (50, 50, False)


def remove_and_be_killed(other_store: PostgresStore, engine: Engine, pass_: Pass) -> None:
    with other_store.begin() as tx:
        assert tx.retention.remove(pass_, rows=4, lease_seconds=600).removed == 4
        with engine.begin() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name"
            connection.execute(text(others), {"name": "email-test-other"})


def lived(store: PostgresStore, acme: EmailConfiguration) -> list[EmailJob]:
    """Jobs to which everything happened that an event can tell, more than once."""
    jobs = old_jobs(store, acme, 12)
    kinds: list[tuple[EventKind, dict[str, object]]] = [
        (EventKind.DELIVERY, {}),
        (EventKind.OPEN, {}),
        (EventKind.BOUNCE, {"hard_bounce": True}),
        (EventKind.SPAM_COMPLAINT, {}),
        (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": True}),
        (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": False}),
        (EventKind.BOUNCE, {}),
    ]
    for number, job in enumerate(jobs):
        for turn in range(number % 4 + 1):
            kind, extra = kinds[(number + turn) % len(kinds)]
            at = later(hours=turn)
            told = facts(kind, job_id=job.e_id, recipient=job.recipient, occurred_at=at, **extra)
            stored = event(acme, told, e_id=first_id_at(later(hours=number, minutes=turn)), received_at=at)
            with store.begin() as tx:
                assert tx.events.add(stored, EventHeaders())
    policy = ProjectionPolicy(batch_size=100, retry_seconds=60, give_up_after=timedelta(hours=24))
    project_events(acme.e_id, ProjectionDeps(store, RecordingDoorbell(), policy))
    return jobs


def differences(store: PostgresStore) -> list[object]:
    deps = RebuildDeps(store, new_id)
    jobs = [one for some in rebuild_jobs(TENANT, deps) for one in some.jobs]
    return [*jobs, *(one for some in rebuild_suppressions(TENANT, deps) for one in some.addresses)]


def suppressed(engine: Engine) -> set[tuple[str, str, bool, UUID | None]]:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT address, reason, active, source_event_id FROM suppression_entry")
        )
        return {tuple(row) for row in found}


@pytest.mark.parametrize("kinds", [[kind] for kind in Kind] + [list(Kind)], ids=str)
def test_a_rebuild_comes_to_the_same_whatever_was_removed(
    store: PostgresStore, engine: Engine, acme: EmailConfiguration, kinds: list[Kind]
) -> None:
    jobs = lived(store, acme)
    before = suppressed(engine)
    assert len(before) > 3
    for kind in kinds:
        remove(store, begun(store, kind))
    assert suppressed(engine) == before
    assert differences(store) == []
    with engine.begin() as connection:
        # As if the list had been lost.
        connection.execute(text("DELETE FROM suppression_entry"))
    lost = differences(store)
    active = [one for one in before if one[2]]
    assert len(lost) == len(active) <= len(jobs)
