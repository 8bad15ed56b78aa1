"""One leader among several processes, and what ends its lead: each has sessions of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from shared.persistence import make_engine
from shared.persistence.leadership import SCHEDULER_LOCK, AdvisoryLeadership

LONG_SECONDS = 600.0
SHORT_SECONDS = 0.05


@pytest.fixture
def scheduler(database_url: str) -> Iterator[Callable[[], AdvisoryLeadership]]:
    """Another process with each call."""
    engines: list[Engine] = []
    made: list[AdvisoryLeadership] = []

    def make() -> AdvisoryLeadership:
        engines.append(make_engine(database_url, application_name=f"email-scheduler-{len(engines)}"))
        made.append(AdvisoryLeadership(engines[-1]))
        return made[-1]

    yield make
    for leadership in made:
        leadership.resign()
    for engine in engines:
        engine.dispose()


Scheduler = Callable[[], AdvisoryLeadership]


def _holders(engine: Engine) -> list[int]:
    """The server's pids of the sessions that hold the lock."""
    question = text(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND (classid::bigint << 32) + objid::bigint = :lock"
    )
    with engine.connect() as connection:
        return list(connection.scalars(question, {"lock": SCHEDULER_LOCK}))


def _until_nobody_holds(engine: Engine) -> None:
    """Asks PostgreSQL, and not the clock."""
    for _ in range(100_000):
        if not _holders(engine):
            return
    pytest.fail("the lead did not end")


def test_one_of_several_leads_and_the_next_when_it_resigns(scheduler: Scheduler) -> None:
    one, other = scheduler(), scheduler()
    assert one.hold(silence_seconds=LONG_SECONDS)
    assert not other.hold(silence_seconds=LONG_SECONDS)
    assert one.hold(silence_seconds=LONG_SECONDS)
    one.resign()
    assert not one.holds()
    assert other.hold(silence_seconds=LONG_SECONDS)


def test_a_leader_that_is_silent_for_too_long_is_followed_by_another(
    scheduler: Scheduler, engine: Engine
) -> None:
    """As when it is stopped: the process lives, and so do its connections."""
    stopped, other = scheduler(), scheduler()
    assert stopped.hold(silence_seconds=SHORT_SECONDS)
    _until_nobody_holds(engine)
    assert other.hold(silence_seconds=LONG_SECONDS)
    assert not stopped.holds()
    assert not stopped.hold(silence_seconds=LONG_SECONDS)
    assert len(_holders(engine)) == 1


def test_whoever_lost_the_lead_may_lead_again_when_nobody_else_does(
    scheduler: Scheduler, engine: Engine
) -> None:
    stopped = scheduler()
    assert stopped.hold(silence_seconds=SHORT_SECONDS)
    _until_nobody_holds(engine)
    assert not stopped.holds()
    assert stopped.hold(silence_seconds=LONG_SECONDS)


def test_whoever_does_not_lead_keeps_its_connections(scheduler: Scheduler, engine: Engine) -> None:
    """The bound is on the leader's session alone: others go back to a pool, and would be broken there."""
    one, other = scheduler(), scheduler()
    assert one.hold(silence_seconds=LONG_SECONDS)
    assert not other.hold(silence_seconds=SHORT_SECONDS)
    with other._engine.connect() as connection:
        assert connection.scalar(text("SHOW idle_session_timeout")) == "0"


def test_a_session_that_the_server_ended_ends_the_lead_without_an_error(
    scheduler: Scheduler, engine: Engine
) -> None:
    one, other = scheduler(), scheduler()
    assert one.hold(silence_seconds=LONG_SECONDS)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": _holders(engine)[0]})
    assert other.hold(silence_seconds=LONG_SECONDS)
    assert not one.holds()


def test_threads_of_one_process_that_ask_at_once_take_the_lock_once(
    scheduler: Scheduler, engine: Engine
) -> None:
    one = scheduler()
    with ThreadPoolExecutor(8) as threads:
        asked = list(threads.map(lambda _: one.hold(silence_seconds=LONG_SECONDS), range(40)))
    assert all(asked)
    assert len(_holders(engine)) == 1
    one.resign()
    assert not _holders(engine)
