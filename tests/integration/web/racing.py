"""Requests that meet in the database, on purpose and without luck."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from time import monotonic
from typing import TypeVar

from sqlalchemy import Engine, text

Answer = TypeVar("Answer")

_BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_PATIENCE_SECONDS = 10.0


def begun(call: Callable[[], Answer]) -> Future[Answer]:
    """The call in a thread of its own, which ends with it."""
    threads = ThreadPoolExecutor(1)
    future = threads.submit(call)
    threads.shutdown(wait=False)
    return future


def wait_until_blocked(engine: Engine) -> None:
    """Until some connection to the database waits for a lock."""
    deadline = monotonic() + _PATIENCE_SECONDS
    pause = Event()
    while monotonic() < deadline:
        with engine.connect() as connection:
            if connection.execute(_BLOCKED).scalar_one():
                return
        pause.wait(0.01)
    raise AssertionError("nothing came to wait for a lock")


def at_once(calls: list[Callable[[], Answer]]) -> list[Answer]:
    """All calls, let go together; their answers in order."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> Answer:
        barrier.wait(_PATIENCE_SECONDS)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(run, call) for call in calls]]
