"""Turns at a neighbour: as many at once as a second allows, then evenly.

Rates are slow or waits long where the time between two calls would matter: PostgreSQL's clock goes on during a test.
"""

from collections.abc import Callable

import pytest

from shared.ports.pace import Turn
from shared.ports.store import Store

TimePasses = Callable[[float], object]

NOW = Turn(granted=True, wait_seconds=0.0)
# One call in 100 seconds.
SLOW = 0.01
SHORT, LONG = 1.0, 3600.0
A_SLOW_MACHINE_SECONDS = 20


def take(
    store: Store, *, neighbour: str = "zone", per_second: float = SLOW, patience_seconds: float = LONG
) -> Turn:
    with store.begin() as tx:
        return tx.turns.take(neighbour, per_second=per_second, patience_seconds=patience_seconds)


def last_of(store: Store, times: int, *, per_second: float) -> Turn:
    with store.begin() as tx:
        turns = [tx.turns.take("zone", per_second=per_second, patience_seconds=LONG) for _ in range(times)]
    assert all(turn.granted for turn in turns)
    return turns[-1]


def is_about(seconds: float) -> object:
    return pytest.approx(seconds, abs=A_SLOW_MACHINE_SECONDS)


@pytest.mark.parametrize(("per_second", "times"), [(SLOW, 1), (1, 1), (2.5, 2), (3, 3), (5, 5), (7, 7)])
def test_a_neighbour_that_was_left_alone_may_be_called_a_seconds_worth_at_once(
    store: Store, per_second: float, times: int
) -> None:
    for _ in range(times):
        assert take(store, per_second=per_second, patience_seconds=0) == NOW


def test_a_neighbour_that_counts_every_second_is_called_once_at_a_time(store: Store) -> None:
    with store.begin() as tx:
        turns = [tx.turns.take("zone", per_second=0.01, patience_seconds=LONG, at_once=1) for _ in range(3)]
    assert [turn.wait_seconds for turn in turns] == [0.0, is_about(100), is_about(200)]


def test_after_that_turns_come_evenly(store: Store) -> None:
    assert last_of(store, 2 + 200, per_second=2).wait_seconds == is_about(200 / 2)


def test_somebody_who_would_wait_too_long_is_told_how_long_and_takes_nothing(store: Store) -> None:
    take(store)
    for _ in range(3):
        refused = take(store, patience_seconds=SHORT)
        assert not refused.granted
        assert refused.wait_seconds == is_about(100)
    assert take(store).wait_seconds == is_about(100)
    assert take(store).wait_seconds == is_about(200)


def test_a_turn_comes_with_time(store: Store, time_passes: TimePasses) -> None:
    take(store)
    time_passes(100)
    assert take(store, patience_seconds=0) == NOW
    assert not take(store, patience_seconds=SHORT).granted


def test_a_turn_that_lies_ahead_and_is_not_far_is_granted_with_its_wait(
    store: Store, time_passes: TimePasses
) -> None:
    take(store)
    time_passes(50)
    turn = take(store, patience_seconds=60)
    assert turn.granted
    assert 0 < turn.wait_seconds <= 50


@pytest.mark.parametrize(("per_second", "more"), [(SLOW, 1 + 2), (2, 2 + 400)])
def test_nobody_saves_up_more_than_a_seconds_worth(
    store: Store, time_passes: TimePasses, per_second: float, more: int
) -> None:
    take(store, per_second=per_second)
    time_passes(1_000_000)
    assert last_of(store, more, per_second=per_second).wait_seconds == is_about(200)


def test_neighbours_do_not_take_each_others_turns(store: Store) -> None:
    assert take(store, neighbour="zone") == NOW
    assert take(store, neighbour="provider", patience_seconds=0) == NOW


def test_a_turn_of_a_transaction_that_failed_was_not_taken(store: Store) -> None:
    class Interrupted(Exception):
        pass

    def take_and_fail() -> None:
        with store.begin() as tx:
            tx.turns.take("zone", per_second=SLOW, patience_seconds=0)
            raise Interrupted

    with pytest.raises(Interrupted):
        take_and_fail()
    assert take(store, patience_seconds=0) == NOW
