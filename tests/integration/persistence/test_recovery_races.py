"""A recovery beside whoever works: one is begun, a message is written once, and asking for it costs no statement."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Barrier
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, event

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict
from shared.domain.job import JobStatus, Settlement
from shared.domain.recovery import Found, Recovery, TakenMessage
from shared.persistence import PostgresStore
from shared.persistence.ids import new_id
from shared.ports.pressure import Gate
from shared.recovering.writing import write
from tests.factories import LONG_AGO, later, new_job

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]
TOGETHER = 4


def a_recovery() -> Recovery:
    return Recovery(
        e_id=new_id(),
        gap_from=LONG_AGO,
        gap_until=later(hours=1),
        author="op",
        reason="disk",
        begun_at=datetime.now(UTC),
    )


def begun(store: PostgresStore) -> Recovery:
    recovery = a_recovery()
    with store.begin() as tx:
        tx.recoveries.begin(recovery)
    return recovery


def messages(count: int, **given: Any) -> list[TakenMessage]:
    fields: dict[str, Any] = {
        "recipient": "person@example.com",
        "subject": "Your order",
        "tag": None,
        "taken_at": later(minutes=30),
    }
    return [
        TakenMessage(
            **{"job_id": new_id(), "claim_id": uuid4(), "message_id": str(uuid4()), **fields, **given}
        )
        for _ in range(count)
    ]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    noted: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        noted.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield noted
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_of_several_who_begin_at_once_one_does(store: PostgresStore, elsewhere: Elsewhere) -> None:
    ready = Barrier(TOGETHER)

    def begin() -> bool:
        ready.wait()
        try:
            begun(store)
        except Conflict:
            return False
        return True

    won = [future.result() for future in [elsewhere(begin) for _ in range(TOGETHER)]]
    assert sorted(won) == [False] * (TOGETHER - 1) + [True]


def test_a_page_that_several_write_at_once_is_written_once(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    recovery, page, ready = begun(store), messages(200), Barrier(TOGETHER)
    queued = [new_job(acme, e_id=message.job_id) for message in page[:100]]
    with store.begin() as tx:
        tx.jobs.accept(queued)

    def write_it() -> None:
        ready.wait()
        write(store, recovery, acme, page)

    for future in [elsewhere(write_it) for _ in range(TOGETHER)]:
        future.result()
    with store.begin() as tx:
        jobs = tx.recoveries.jobs([message.job_id for message in page])
        assert tx.recoveries.count(recovery.e_id) == {Found.SETTLED: 100, Found.ADOPTED: 100}
        assert {job.status for job in jobs.values()} == {JobStatus.SENT}
        assert {job.attempts for job in jobs.values()} == {1}
        assert len(jobs) == 200


def test_who_claimed_before_it_began_records_first_or_finds_it_settled(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    new, claim_id = new_job(acme), uuid4()
    with store.begin() as tx:
        tx.jobs.accept([new])
        tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=1, lease_seconds=60)
    recovery = begun(store)
    (message,) = messages(1, job_id=new.job.e_id, claim_id=claim_id, message_id="message")
    with store.begin() as tx:
        sent = Settlement(new.job.e_id, JobStatus.SENT, provider_message_id="message")
        assert tx.jobs.record(claim_id, [sent])
        waits = elsewhere(lambda: write(store, recovery, acme, [message]))
        until_somebody_waits()
    waits.result()
    with store.begin() as tx:
        (job,) = tx.recoveries.jobs([new.job.e_id]).values()
        assert (job.status, job.attempts, job.provider_message_id) == (JobStatus.SENT, 1, "message")
        assert tx.recoveries.count(recovery.e_id) == {}


def test_whether_one_is_open_is_asked_with_the_time(store: PostgresStore) -> None:
    with statements(store.engine) as noted, store.begin() as tx:
        assert not tx.recovering()
        assert tx.now() == tx.now()
        assert not tx.recovering()
    assert len([one for one in noted if "now()" in one]) == 1


def test_the_gate_is_asked_with_the_account(store: PostgresStore) -> None:
    with statements(store.engine) as noted, store.begin() as tx:
        assert tx.account.gate(probe_seconds=30) is Gate.OPEN
    assert len([one for one in noted if "provider_account" in one]) == 1
    assert len([one for one in noted if "recovery" in one]) == 1
