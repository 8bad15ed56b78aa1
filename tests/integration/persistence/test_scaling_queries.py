"""What KEDA asks of a database: helm/queries, each run as it stands there."""

import re
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from sandbox.postgres import Server, with_database
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.messaging import messages
from shared.messaging.messages import Message, ResealToken
from shared.persistence import PostgresStore as Store
from tests.factories import LONG_AGO, configuration, later
from tests.integration.persistence.scaling_work import (
    EVENTS,
    IN_DOUBT,
    MANY,
    RECOVERY,
    WORK,
    a_doubt_of_another,
    a_job,
    accept,
    add,
    quiet,
)

CHART = Path(__file__).parents[3] / "helm"
QUERIES = {path.stem: path.read_text() for path in sorted((CHART / "queries").iterdir())}
FAR_AHEAD = later(days=100_000)


@pytest.fixture
def store(postgres_store: Store) -> Store:
    return postgres_store


def due(store: Store, pool: str, rows: int = 1000) -> int:
    with store.engine.connect() as connection:
        return int(connection.exec_driver_sql(QUERIES[pool].replace(":rows", str(rows))).scalar_one())


def counts(store: Store) -> dict[str, int]:
    """Of the pools that have anything to do."""
    return {pool: count for pool in QUERIES if (count := due(store, pool))}


# Which tokens an older key sealed is known to those alone who hold the keys.
NOT_IN_ROWS = {ResealToken}


def test_there_is_work_here_for_every_message_that_a_pool_hears() -> None:
    declared = {one for one in vars(messages).values() if isinstance(one, type) and hasattr(one, "queue")}
    assert {one.__name__ for one in declared} == {one.__name__ for one in WORK.keys() | NOT_IN_ROWS}


def test_where_nothing_is_stored_no_pool_has_anything_to_do(store: Store) -> None:
    assert counts(store) == {}


def test_where_all_is_well_no_pool_has_anything_to_do(store: Store) -> None:
    one = quiet(store)
    accept(store, one, status=JobStatus.SENT, due_at=None)
    accept(store, one, due_at=FAR_AHEAD)
    accept(store, one, **{**IN_DOUBT, "due_at": FAR_AHEAD})
    add(store, configuration(retired_at=LONG_AGO, cleaned_up_at=LONG_AGO))
    assert counts(store) == {}


@pytest.mark.parametrize("message", WORK, ids=lambda one: one.__name__)
def test_work_is_counted_by_the_pool_that_does_it_and_by_no_other(
    message: type[Message], store: Store
) -> None:
    WORK[message](store)
    assert counts(store) == {message.queue: 1}


@pytest.mark.parametrize(
    "state",
    [
        {"administrative": Administrative.LOCKED},
        {"operational": Operational.FAILURE},
        {"operational": Operational.AWAITING_VERIFICATION},
    ],
    ids=str,
)
def test_jobs_of_who_may_not_send_call_for_nobody(state: dict[str, object], store: Store) -> None:
    accept(store, quiet(store, **state))
    assert due(store, "send") == 0


def test_jobs_of_a_drain_are_sent(store: Store) -> None:
    accept(store, quiet(store, administrative=Administrative.LOCKING))
    assert due(store, "send") == 1


def test_a_pause_of_the_account_calls_for_nobody_and_its_end_for_all(store: Store) -> None:
    accept(store, quiet(store), number=3)
    with store.begin() as tx:
        tx.account.pause(seconds=300, longest_seconds=300, reason="405")
    assert due(store, "send") == 0
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE provider_account SET paused_until = now()")
    assert due(store, "send") == 3


@pytest.mark.parametrize("of_account", [False, True])
def test_a_server_that_is_to_wait_calls_for_nobody_and_holds_up_no_other(
    of_account: bool, store: Store
) -> None:
    blocked, other = quiet(store), quiet(store, tenant_id=uuid4(), slug="other")
    accept(store, blocked, number=3)
    accept(store, other)
    scope = UUID(int=0) if of_account else blocked.e_id
    with store.engine.begin() as connection:
        statement = (
            "INSERT INTO send_pressure (scope, blocked_until) VALUES (:scope, now() + interval '1 hour')"
        )
        connection.execute(text(statement), {"scope": scope})
    assert due(store, "send") == (0 if of_account else 1)


def test_a_recovery_holds_jobs_and_doubts_back(store: Store) -> None:
    a_job(store)
    a_doubt_of_another(store)
    assert due(store, "send") == 2
    with store.begin() as tx:
        tx.recoveries.begin(RECOVERY)
    assert due(store, "send") == 0


def test_no_more_is_counted_than_is_asked_for(store: Store) -> None:
    accept(store, quiet(store), number=30)
    accept(store, quiet(store, tenant_id=uuid4(), slug="other"), number=30, **IN_DOUBT)
    assert due(store, "send") == 60
    assert due(store, "send", rows=40) == 40
    assert due(store, "send", rows=7) == 7


def test_what_the_sweep_would_ring_for_calls_for_somebody(store: Store) -> None:
    """The same question in two places: they may not drift apart."""
    for index, administrative in enumerate(Administrative):
        for number, operational in enumerate(Operational):
            state = {"administrative": administrative, "operational": operational}
            accept(store, quiet(store, tenant_id=uuid4(), slug=f"t{index}-{number}", **state))
    with store.begin() as tx:
        assert due(store, "send") == len(tx.jobs.configurations_with_due_jobs(1000)) > 0


def test_one_tenants_events_call_for_one_worker_at_the_most(engine: Engine, store: Store) -> None:
    one = quiet(store)
    with engine.begin() as connection:
        connection.execute(EVENTS, {"configuration": one.e_id, "tenant": one.tenant_id, "number": 700})
    assert due(store, "projection", rows=8000) == 500


def test_a_login_that_may_only_read_what_the_readme_says_can_ask_everything(
    postgres: Server, database_url: str
) -> None:
    (grant,) = re.findall(r"GRANT SELECT ON [^;]+", (CHART / "README.md").read_text())
    name = make_url(database_url).database
    assert name is not None
    with psycopg.connect(with_database(postgres.superuser_url, name)) as connection:
        connection.execute("CREATE ROLE email_scaler NOLOGIN")
        connection.execute(grant.encode())
        connection.execute("SET LOCAL ROLE email_scaler")
        for query in QUERIES.values():
            assert connection.execute(query.replace(":rows", "10").encode()).fetchone() == (0,)
        connection.rollback()


def test_a_backlog_is_counted_by_the_index_that_holds_what_waits(engine: Engine, store: Store) -> None:
    with engine.begin() as connection:
        connection.execute(MANY)
    for number in range(3):
        accept(store, quiet(store, tenant_id=uuid4(), slug=f"busy-{number}"), number=400)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE email_configuration, email_job, email_event")
        asked = {pool: query.replace(":rows", "2000") for pool, query in QUERIES.items()}
        plans = {
            pool: "\n".join(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())
            for pool, query in asked.items()
        }
    assert "ix_email_job_queued" in plans["send"]
    assert "ix_email_job_in_doubt" in plans["send"]
    assert "ix_email_event_due" in plans["projection"]
    for plan in plans.values():
        assert not re.search(r"(Seq|Bitmap Heap) Scan on (email_job|email_event)\b", plan), plan
    assert due(store, "send", rows=2000) == 1200
