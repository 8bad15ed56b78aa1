"""Many workers when things go wrong: no token is given twice, one probes, nobody waits where nothing limits."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, text

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus, Settlement
from shared.persistence import PostgresStore
from shared.ports.pressure import Gate, Permit
from tests.factories import LONG_AGO, TENANT, action, handler_fault, new_job

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]
WORKERS = 4


def at_once(elsewhere: Elsewhere, work: Callable[[], Any]) -> list[Any]:
    together = Barrier(WORKERS)

    def working() -> Any:
        together.wait()
        return work()

    return [future.result() for future in [elsewhere(working) for _ in range(WORKERS)]]


def set_row(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def bucket(engine: Engine, scope: UUID, tokens: int) -> None:
    """So many tokens, and the next in a year or so."""
    set_row(
        engine,
        "INSERT INTO send_pressure (scope, calls_per_second, tokens, refilled_at)"
        " VALUES (:scope, :tokens, :tokens, now() + interval '1 year')",
        scope=scope,
        tokens=tokens,
    )


def test_workers_at_once_get_as_many_permits_as_there_are_tokens(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    bucket(store.engine, UUID(int=0), 30)
    server = uuid4()
    bucket(store.engine, server, 20)

    def permits() -> int:
        granted = 0
        for number in range(20):
            with store.begin() as tx:
                granted += tx.pressure.permit(server if number % 2 else uuid4()).allowed
        return granted

    # 40 calls are wanted by the server, which has 20 tokens, and 40 by others: 30 is what the account has.
    assert sum(at_once(elsewhere, permits)) == 30
    with store.engine.connect() as connection:
        left = connection.scalar(
            text("SELECT sum(tokens) FROM send_pressure WHERE scope = :s"), {"s": UUID(int=0)}
        )
    assert left == 0


def test_one_worker_of_many_probes(store: PostgresStore, elsewhere: Elsewhere) -> None:
    for _ in range(5):
        with store.begin() as tx:
            tx.account.pause(seconds=0, longest_seconds=0, reason="405")

        def ask() -> Gate:
            with store.begin() as tx:
                return tx.account.gate(probe_seconds=60)

        assert sorted(gate.name for gate in at_once(elsewhere, ask)) == ["PROBE", "SHUT", "SHUT", "SHUT"]
        with store.begin() as tx:
            tx.account.resume()


def test_whoever_comes_second_to_a_probe_does_not_wait_for_the_first(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere
) -> None:
    with store.begin() as tx:
        tx.account.pause(seconds=0, longest_seconds=0, reason="405")

    def ask() -> Gate:
        with other_store.begin() as tx:
            return tx.account.gate(probe_seconds=60)

    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=60) is Gate.PROBE
        assert elsewhere(ask).result() is Gate.SHUT


def test_a_probe_whose_transaction_is_undone_is_free_for_another(store: PostgresStore) -> None:
    class NotNow(Exception):
        pass

    with store.begin() as tx:
        tx.account.pause(seconds=0, longest_seconds=0, reason="405")
    try:
        with store.begin() as tx:
            assert tx.account.gate(probe_seconds=60) is Gate.PROBE
            raise NotNow
    except NotNow:
        pass
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=60) is Gate.PROBE


def test_where_nothing_limits_a_permit_is_one_read_that_locks_no_row(store: PostgresStore) -> None:
    statements = statements_of(store)
    with store.begin() as tx:
        assert tx.account.gate(probe_seconds=60) is Gate.OPEN
        assert tx.pressure.permit(uuid4()) == Permit(allowed=True)
        # A transaction that has written nothing and locked no row has no id.
        assert tx._connection.scalar(text("SELECT pg_current_xact_id_if_assigned()")) is None  # type: ignore[attr-defined]
    assert len(statements) == 3


def test_a_batch_is_claimed_with_one_statement_and_recorded_with_one(
    store: PostgresStore, acme: EmailConfiguration
) -> None:
    jobs = [new_job(acme) for _ in range(50)]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
    statements, claim_id = statements_of(store), uuid4()
    with store.begin() as tx:
        claim = tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=50, lease_seconds=60)
        tx.jobs.record(claim_id, [Settlement(job.e_id, JobStatus.SENT) for job in claim.jobs])
    assert len(statements) == 2


def statements_of(store: PostgresStore) -> list[str]:
    """Grows with each statement from here on."""
    seen: list[str] = []

    def remember(_1: object, _2: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", remember)
    return seen


def test_servers_throttled_eased_and_asked_at_once_do_not_deadlock(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    servers = [uuid4() for _ in range(3)]

    def press() -> None:
        for number in range(30):
            server = servers[number % 3]
            with store.begin() as tx:
                tx.pressure.permit(server)
                if number % 3 == 0:
                    tx.pressure.throttled(server, wait_seconds=0)
                elif number % 3 == 1:
                    tx.pressure.ease(server, full_batch_size=50)
                else:
                    tx.pressure.shrink_batch(server, from_size=50)

    at_once(elsewhere, press)


def sent(e_id: UUID) -> Settlement:
    return Settlement(e_id, JobStatus.SENT, provider_message_id=f"message-{e_id}")


def doubtful(store: PostgresStore, acme: EmailConfiguration) -> tuple[UUID, dict[UUID, int]]:
    """A claim whose worker is gone, and the version of each of its jobs, all under a look at the provider."""
    claim_id = uuid4()
    with store.begin() as tx:
        tx.jobs.accept([new_job(acme) for _ in range(20)])
        tx.jobs.claim(acme.e_id, claim_id=claim_id, limit=50, lease_seconds=0)
    with store.begin() as tx:
        tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=50)
    with store.begin() as tx:
        looks = tx.jobs.take_doubts(acme.e_id, limit=50, lease_seconds=60)
    return claim_id, {look.job_id: look.version for look in looks}


@pytest.mark.parametrize("writer", ["a zombie's record", "a look at the provider"])
def test_whoever_writes_attempts_locks_them_in_the_order_of_their_jobs(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
    writer: str,
) -> None:
    """Both write the same attempts: in two orders they would wait for each other for ever."""
    claim_id, versions = doubtful(store, acme)
    first, *others = sorted(versions)

    def write() -> int:
        with other_store.begin() as tx:
            if writer == "a zombie's record":
                return len(tx.jobs.record(claim_id, [sent(e_id) for e_id in [*others[::-1], first]]))
            told = {e_id: (versions[e_id], sent(e_id), 0) for e_id in [*others[::-1], first]}
            return len(tx.jobs.resolve_doubts(told))

    lock = (
        "SELECT count(*) FROM (SELECT 1 FROM send_attempt WHERE job_id = ANY(:ids) FOR UPDATE NOWAIT) AS held"
    )
    with store.engine.begin() as connection:
        assert connection.scalar(text(lock), {"ids": [first]}) == 1
        writing = elsewhere(write)
        until_somebody_waits()
        assert connection.scalar(text(lock), {"ids": others}) == 19
    assert writing.result() == (0 if writer == "a zombie's record" else 20)
    with store.begin() as tx:
        for e_id in versions:
            (attempt,) = tx.jobs.attempts(TENANT, e_id)
            assert (attempt.outcome, attempt.provider_message_id) == ("SENT", f"message-{e_id}")


def test_a_letter_replayed_by_two_at_once_is_put_back_once(
    store: PostgresStore,
    other_store: PostgresStore,
    acme: EmailConfiguration,
    elsewhere: Elsewhere,
    until_somebody_waits: Wait,
) -> None:
    new = new_job(acme, status=JobStatus.IN_DOUBT, claim_id=uuid4(), in_doubt_since=LONG_AGO)
    with store.begin() as tx:
        tx.jobs.accept([new])
        (doubt,) = tx.jobs.take_doubts(acme.e_id, limit=1, lease_seconds=60)
        poison = Settlement(doubt.job_id, JobStatus.FAILED, error_code="poison")
        tx.jobs.resolve_doubts({doubt.job_id: (doubt.version, poison, 0)})
        (letter,) = tx.dead_letters.find(DeadLetterFilter(), limit=9)

    def replay() -> bool:
        with other_store.begin() as tx:
            return tx.dead_letters.replay(letter, action(letter.subject_id))

    with store.begin() as tx:
        assert tx.dead_letters.replay(letter, action(letter.subject_id))
        second = elsewhere(replay)
        until_somebody_waits()
    assert second.result() is False


def test_faults_counted_at_once_are_all_counted_and_make_one_letter(
    store: PostgresStore, acme: EmailConfiguration, elsewhere: Elsewhere
) -> None:
    def count() -> list[int]:
        counts = []
        for _ in range(5):
            with store.begin() as tx:
                counts.append(
                    tx.dead_letters.count_fault(
                        handler_fault(acme.e_id), dead_after=3, forget_after_seconds=60
                    )
                )
        return counts

    counted = sorted(one for some in at_once(elsewhere, count) for one in some)
    assert counted == list(range(1, 5 * WORKERS + 1))
    with store.begin() as tx:
        (letter,) = tx.dead_letters.find(DeadLetterFilter(), limit=9)
    assert letter.attempts == 5 * WORKERS
