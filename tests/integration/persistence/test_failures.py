"""What PostgreSQL refuses or does not answer, in our words, without a word of what was in the rows."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import StoreUnavailable
from shared.persistence import PostgresArrivals, PostgresStore, make_engine
from shared.persistence.faults import DatabaseFault
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob
from shared.ports.store import outside_transaction
from tests.contract.store.test_offers import an_offer
from tests.factories import TENANT, configuration, content, facts, job, new_job

HASH = b"\x01" * 32
SECRET = "someone.private@example.com"


def test_a_server_that_is_not_there_is_unavailable() -> None:
    store = PostgresStore(make_engine("postgresql://nobody@127.0.0.1:1/none", connect_timeout_seconds=1))
    with pytest.raises(StoreUnavailable):
        store.ping()
    with pytest.raises(StoreUnavailable), store.begin():
        pytest.fail("a transaction was begun")
    outside_transaction()


def end_every_other_session(engine: Engine) -> None:
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with engine.connect() as connection:
        connection.execute(
            text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}")
        )


def test_connections_that_the_server_ended_are_replaced_before_anybody_notices(
    store: PostgresStore, other_store: PostgresStore
) -> None:
    store.ping()
    end_every_other_session(other_store.engine)
    with store.begin() as tx:
        tx.now()


def nobody_has_the_token(arrivals: PostgresArrivals) -> bool:
    return arrivals.event(HASH, uuid4(), facts(), "{}", EventHeaders()) is None


def test_what_arrives_finds_a_connection_when_the_server_ended_all(
    store: PostgresStore, other_store: PostgresStore
) -> None:
    arrivals = PostgresArrivals(store.engine)
    assert nobody_has_the_token(arrivals)
    end_every_other_session(other_store.engine)
    assert nobody_has_the_token(arrivals)


def test_what_arrives_at_a_server_that_is_not_there_is_unavailable() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/none", connect_timeout_seconds=1)
    with pytest.raises(StoreUnavailable):
        nobody_has_the_token(PostgresArrivals(engine))
    outside_transaction()


def test_what_arrives_is_refused_without_being_shown(store: PostgresStore) -> None:
    """And the connection is good for the next one."""
    arrivals = PostgresArrivals(store.engine)
    offered = an_offer(configuration(), recipient=f"{SECRET}\0")
    with pytest.raises((DatabaseFault, StoreUnavailable)) as caught:
        arrivals.job(TENANT, offered)
    assert SECRET not in str(caught.value)
    assert nobody_has_the_token(arrivals)


def test_a_connection_lost_in_a_transaction_is_unavailable_and_the_next_one_works(
    store: PostgresStore, other_store: PostgresStore
) -> None:
    def interrupted() -> None:
        with store.begin() as tx:
            tx.now()
            end_every_other_session(other_store.engine)
            tx.suppressions.active_among(TENANT, [SECRET])

    with pytest.raises(StoreUnavailable) as caught:
        interrupted()
    assert SECRET not in str(caught.value.__cause__)
    store.ping()
    outside_transaction()


def test_a_pool_that_is_used_up_is_unavailable(database_url: str) -> None:
    engine = make_engine(database_url, pool_size=1, pool_wait_seconds=0.05)
    store = PostgresStore(engine)
    with engine.connect(), pytest.raises(StoreUnavailable, match="every connection"):
        store.ping()
    engine.dispose()


def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    engine = make_engine(database_url, statement_timeout_seconds=0.05)
    with pytest.raises(StoreUnavailable, match="QueryCanceled"), PostgresStore(engine).begin() as tx:
        tx._connection.execute(text("SELECT pg_sleep(5)"))  # type: ignore[attr-defined]
    engine.dispose()


def test_the_settings_of_a_session_are_those_that_were_asked_for(database_url: str) -> None:
    engine = make_engine(
        database_url,
        statement_timeout_seconds=7,
        lock_timeout_seconds=3,
        idle_in_transaction_seconds=11,
        application_name="email-web",
    )
    with engine.connect() as connection:
        shown = {
            name: connection.scalar(text(f"SHOW {name}"))
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "application_name",
                "timezone",
                "transaction_isolation",
            )
        }
    engine.dispose()
    assert shown == {
        "statement_timeout": "7s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "11s",
        "application_name": "email-web",
        "timezone": "UTC",
        "transaction_isolation": "read committed",
    }


def test_a_refused_row_is_named_by_its_rule_and_never_shown(
    store: PostgresStore, acme: EmailConfiguration
) -> None:
    bad = NewJob(job(acme, recipient=SECRET, due_at=None), content(subject=SECRET))
    with pytest.raises(DatabaseFault) as caught, store.begin() as tx:
        tx.jobs.accept([bad])
    assert "ck_email_job_waiting_is_due" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert SECRET not in str(caught.value)


def test_an_engine_says_nothing_of_its_password() -> None:
    assert "hunter2" not in repr(make_engine("postgresql://email:hunter2@localhost/email"))


def test_a_body_with_a_nul_is_refused_without_being_shown(
    store: PostgresStore, acme: EmailConfiguration
) -> None:
    with pytest.raises(DatabaseFault) as caught, store.begin() as tx:
        tx.jobs.accept([NewJob(new_job(acme).job, content(text_body=f"{SECRET}\x00"))])
    assert SECRET not in str(caught.value)
