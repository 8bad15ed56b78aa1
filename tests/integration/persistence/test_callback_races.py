"""Whoever looks after callbacks and lists, two at once: each thing is done once, and nobody ends in a deadlock."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, event, text

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.suppression import SuppressionReason
from shared.persistence import PostgresStore
from shared.ports.events import EventHeaders
from shared.ports.suppressions import IMPORT_MAX, ImportResult
from tests.factories import CREATED, TENANT, configuration, facts, later, new_job, provisioned, suppression
from tests.factories import event as told_of

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]

A = "a@example.com"
TOGETHER = 4


def at_once(elsewhere: Elsewhere, act: Callable[[], Any]) -> list[Any]:
    together = Barrier(TOGETHER)

    def begin() -> Any:
        together.wait()
        return act()

    return [begun.result() for begun in [elsewhere(begin) for _ in range(TOGETHER)]]


def test_those_that_notice_one_outage_at_once_open_one_gap(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    def open_() -> int:
        with store.begin() as tx:
            return tx.gaps.open(later(), later(hours=2), cause="away", author="test")

    assert sorted(at_once(elsewhere, open_)) == [0, 0, 0, 1]


def test_of_those_that_come_back_at_once_one_learns_that_it_was_away(
    store: PostgresStore, engine: Engine, elsewhere: Elsewhere
) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO presence VALUES ('ingress', now() - interval '3 hours')"))

    def come() -> float:
        with store.begin() as tx:
            before = tx.presence.seen("ingress")
            assert before is not None
            return (tx.now() - before).total_seconds()

    assert sum(seconds > 3600 for seconds in at_once(elsewhere, come)) == 1


def test_a_gap_and_a_look_are_taken_by_one(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    with store.begin() as tx:
        tx.gaps.open(later(), later(hours=2), cause="away", author="test")

    def take() -> tuple[bool, bool]:
        with store.begin() as tx:
            looked = tx.webhook_looks.take(acme.e_id, next_due_seconds=600)
            return looked, tx.gaps.take(acme.e_id, lease_seconds=600) is not None

    looks, gaps = zip(*at_once(elsewhere, take), strict=True)
    assert sorted(looks) == sorted(gaps) == [False, False, False, True]


def test_lifts_are_taken_past_those_that_another_holds(
    store: PostgresStore, other_store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    everyone = [f"person{number}@example.com" for number in range(4)]
    with store.begin() as tx:
        tx.lifts.want(TENANT, everyone)

    def take(some: PostgresStore, limit: int) -> list[str]:
        with some.begin() as tx:
            return [lift.address for lift in tx.lifts.take(acme.e_id, limit=limit, lease_seconds=60)]

    with store.begin() as tx:
        mine = [lift.address for lift in tx.lifts.take(acme.e_id, limit=2, lease_seconds=60)]
        assert mine == everyone[:2]
        assert elsewhere(lambda: take(other_store, 10)).result() == everyone[2:]


def test_lifts_wanted_settled_and_put_off_in_opposite_orders_end_in_no_deadlock(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    with store.begin() as tx:
        tx.configurations.add(configuration(provisioned=provisioned()), CREATED)
    everyone = [f"person{number}@example.com" for number in range(50)]

    def stir() -> bool:
        for turn in range(10):
            some = everyone[:: 1 if turn % 2 else -1]
            with store.begin() as tx:
                tx.lifts.want(TENANT, some)
            with store.begin() as tx:
                tx.lifts.put_off(acme.e_id, some, seconds=60)
            with store.begin() as tx:
                tx.lifts.done(acme.e_id, some[::-1])
        return True

    assert at_once(elsewhere, stir) == [True] * TOGETHER


def joined_jobs(store: PostgresStore, one: EmailConfiguration, count: int) -> list[UUID]:
    jobs = [new_job(one, status=JobStatus.SENT, due_at=None) for _ in range(count)]
    events = [told_of(one) for _ in jobs]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
        for event_ in events:
            tx.events.add(event_, EventHeaders())
        tx.events.mark_projected(
            {event_.e_id: new.job.e_id for event_, new in zip(events, jobs, strict=True)}
        )
    return [new.job.e_id for new in jobs]


def test_nothing_is_projected_while_a_slice_of_the_log_is_held(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    """Of the tenant's other configurations neither: an address is all of theirs."""
    sibling = configuration()
    with store.begin() as tx:
        tx.configurations.add(sibling, CREATED)
    joined_jobs(store, acme, 1)

    def project() -> str:
        with other_store.begin() as tx:
            tx.events.serialise(sibling.e_id)
            return "projected"

    with store.begin() as tx:
        assert len(tx.tenant_log.jobs_with_events(TENANT, after=None, limit=10)) == 1
        projecting = elsewhere(project)
        until_somebody_waits()
        assert not projecting.done()
    assert projecting.result() == "projected"


def test_the_jobs_of_a_slice_are_locked(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    (job_id,) = joined_jobs(store, acme, 1)

    def read() -> JobStatus:
        with other_store.begin() as tx:
            (job,) = tx.jobs.for_events(acme.e_id, job_ids=[job_id], message_ids=[])
            return job.status

    with store.begin() as tx:
        (logged,) = tx.tenant_log.jobs_with_events(TENANT, after=None, limit=10)
        reading = elsewhere(read)
        until_somebody_waits()
        tx.jobs.set_status(logged.job, JobStatus.DELIVERED, provider_message_id=None)
    assert reading.result() is JobStatus.DELIVERED


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def test_a_slice_takes_as_many_statements_for_many_jobs_as_for_one(
    store: PostgresStore, engine: Engine, acme: EmailConfiguration
) -> None:
    joined_jobs(store, acme, 40)
    counts = []
    for limit in (1, 40):
        with statements_of(engine) as sent, store.begin() as tx:
            assert len(tx.tenant_log.jobs_with_events(TENANT, after=None, limit=limit)) == limit
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 6


def test_an_import_takes_two_statements_and_a_handful_of_locks_however_many_addresses(
    store: PostgresStore, engine: Engine
) -> None:
    """The table of locks is every session's, and by default it has room for some thousands."""
    most = [suppression(address=f"person{number}@example.com") for number in range(IMPORT_MAX)]
    held = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()")
    with statements_of(engine) as sent, store.begin() as tx:
        tx.suppressions.import_many(TENANT, most)
        assert len(sent) == 2
        connection = tx.suppressions._connection  # type: ignore[attr-defined]
        assert connection.scalar(held) < 30


def test_an_import_waits_until_what_is_made_of_facts_is_written(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    def import_() -> ImportResult:
        with other_store.begin() as tx:
            return tx.suppressions.import_many(TENANT, [suppression(address=A)])

    with store.begin() as tx:
        tx.events.about(TENANT, ["somebody.else@example.com"])
        importing = elsewhere(import_)
        until_somebody_waits()
        assert not importing.done()
        assert tx.suppressions.operator_facts(TENANT, [A]) == {}
    assert importing.result() == ImportResult(added=1, active_already=0)


def test_folds_do_not_wait_for_one_another_nor_for_another_tenants_import(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere
) -> None:
    def fold_and_import() -> int:
        with other_store.begin() as tx:
            tx.events.about(TENANT, [A])
            tx.suppressions.import_many(other, [suppression(address=A, tenant_id=other)])
            return tx.suppressions.apply(TENANT, {})

    other = uuid4()
    with store.begin() as tx:
        tx.events.about(TENANT, ["somebody.else@example.com"])
        assert elsewhere(fold_and_import).result(timeout=60) == 0


def test_imports_adds_lifts_and_folds_at_once_leave_one_active_entry_an_address_and_no_deadlock(
    store: PostgresStore, engine: Engine, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    everyone = [f"person{number}@example.com" for number in range(40)]

    def stir() -> bool:
        for turn in range(6):
            some = everyone[:: 1 if turn % 2 else -1]
            with store.begin() as tx:
                entries = [suppression(address=one, since=tx.now(), created_at=tx.now()) for one in some]
                tx.suppressions.import_many(TENANT, entries)
            with store.begin() as tx:
                tx.suppressions.add(suppression(address=some[0], reason=SuppressionReason.HARD_BOUNCE))
                complaint = facts(EventKind.SPAM_COMPLAINT, recipient=some[1])
                tx.events.about(TENANT, [some[1]])
                tx.events.add(told_of(acme, complaint), EventHeaders())
            with store.begin() as tx:
                for entry in tx.suppressions.active_among(TENANT, some[5:6]).values():
                    tx.suppressions.lift(entry, author="operator", note=None)
        return True

    assert at_once(elsewhere, stir) == [True] * TOGETHER
    doubled = text("SELECT address FROM suppression_entry WHERE active GROUP BY address HAVING count(*) > 1")
    facts_missing = text(
        "SELECT count(*) FROM suppression_entry AS entry WHERE NOT EXISTS (SELECT 1 FROM suppression_fact AS fact"
        " WHERE fact.address = entry.address AND fact.occurred_at = entry.since AND fact.reason = entry.reason)"
    )
    with engine.connect() as connection:
        assert connection.execute(doubled).all() == []
        assert connection.scalar(facts_missing) == 0
