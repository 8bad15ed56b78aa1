"""Many takers of one neighbour's turns: together never more than the rate allows, and nobody's turn is lost.

Nobody waits for a turn here: its moment is the database's time plus the wait that was told, and lies between what the
clock showed before it was taken and after.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

from shared.persistence import PostgresStore
from shared.ports.pace import Turn

Elsewhere = Callable[[Callable[[], Any]], Future[Any]]
Wait = Callable[[], None]
WORKERS, TIMES, PER_SECOND = 4, 30, 5
FOR_EVER = 3600.0


@dataclass(frozen=True)
class Taken:
    turn: Turn
    earliest: datetime
    latest: datetime


def take(store: PostgresStore, patience_seconds: float) -> Taken:
    with store.begin() as tx:
        before = tx.now()
        turn = tx.turns.take("zone", per_second=PER_SECOND, patience_seconds=patience_seconds)
    with store.begin() as tx:
        after = tx.now()
    wait = timedelta(seconds=turn.wait_seconds)
    return Taken(turn, before + wait, after + wait)


def taken_at_once(store: PostgresStore, elsewhere: Elsewhere, patience_seconds: float) -> list[Taken]:
    together = Barrier(WORKERS)

    def taking() -> list[Taken]:
        together.wait()
        return [take(store, patience_seconds) for _ in range(TIMES)]

    workers = [elsewhere(taking) for _ in range(WORKERS)]
    return [taken for worker in workers for taken in worker.result()]


def most_allowed(seconds: float) -> float:
    """In any stretch of time: what had been saved up, a second's worth, and what came up meanwhile."""
    return PER_SECOND * (1 + seconds)


def test_takers_at_once_get_no_more_turns_than_the_rate_allows_in_any_stretch_of_time(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    turns = taken_at_once(store, elsewhere, FOR_EVER)
    assert all(taken.turn.granted for taken in turns)
    for first in turns:
        for last in turns:
            seconds = (last.latest - first.earliest).total_seconds()
            within = sum(first.earliest <= one.earliest and one.latest <= last.latest for one in turns)
            assert within <= most_allowed(max(seconds, 0.0))


def test_takers_at_once_leave_no_turn_unused(store: PostgresStore, elsewhere: Elsewhere) -> None:
    turns = taken_at_once(store, elsewhere, FOR_EVER)
    span = max(one.earliest for one in turns) - min(one.latest for one in turns)
    # Whatever time passes while they are taken, it is no reason for a gap: others wait for the next turn already.
    assert span.total_seconds() <= (WORKERS * TIMES - PER_SECOND) / PER_SECOND


def test_impatient_takers_at_once_share_what_lies_within_their_patience(
    store: PostgresStore, elsewhere: Elsewhere
) -> None:
    turns = taken_at_once(store, elsewhere, patience_seconds=2.0)
    granted = [one for one in turns if one.turn.granted]
    took_seconds = (max(one.latest for one in turns) - min(one.earliest for one in turns)).total_seconds()
    assert PER_SECOND * (1 + 2) <= len(granted) <= most_allowed(took_seconds)
    assert all(one.turn.wait_seconds <= 2.0 for one in granted)
    # The next one, as far as anybody's patience had taken them; a second is left for a slow machine.
    refused = [one.turn.wait_seconds for one in turns if not one.turn.granted]
    assert all(1.0 < seconds <= 2.0 + 1 / PER_SECOND for seconds in refused)


def test_whoever_waited_for_another_taker_gets_the_turn_after_his(
    store: PostgresStore, other_store: PostgresStore, elsewhere: Elsewhere, until_somebody_waits: Wait
) -> None:
    def first_then_hold() -> Future[Turn]:
        with store.begin() as tx:
            assert tx.turns.take("zone", per_second=0.01, patience_seconds=0).granted
            waiting = elsewhere(partial(slow_take, other_store))
            until_somebody_waits()
        return waiting

    def slow_take(store: PostgresStore) -> Turn:
        with store.begin() as tx:
            return tx.turns.take("zone", per_second=0.01, patience_seconds=FOR_EVER)

    # Twice: the neighbour's first call ever, and one that finds its row.
    assert 50 < first_then_hold().result().wait_seconds <= 100
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE neighbour_turn SET free_at = now() - interval '1 day'")
    assert 50 < first_then_hold().result().wait_seconds <= 100
