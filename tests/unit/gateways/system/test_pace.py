"""A gateway's turns, taken from the store."""

import pytest

from shared.domain.errors import OutOfTurn
from shared.gateways.system.pace import SharedPace
from tests.fakes.store import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def pace(store: MemoryStore, *, patience_seconds: float = 0.0) -> SharedPace:
    return SharedPace(store, "route53", calls_per_second=5, patience_seconds=patience_seconds)


def calls(pace: SharedPace, *, patient: bool = True) -> int:
    """How many may be made at once."""
    made = 0
    while True:
        try:
            pace.keep(patient=patient)
        except OutOfTurn:
            return made
        made += 1


def test_two_workers_share_one_pace(store: MemoryStore) -> None:
    assert calls(pace(store)) + calls(pace(store)) == 5


def test_who_is_refused_is_told_when_to_come_back_and_may_call_then(store: MemoryStore) -> None:
    calls(pace(store))
    with pytest.raises(OutOfTurn) as refused:
        pace(store).keep()
    assert refused.value.retry_after_seconds is not None
    assert 0 < refused.value.retry_after_seconds <= 0.2
    store.advance(seconds=refused.value.retry_after_seconds)
    pace(store).keep()


def test_what_may_be_left_out_gives_up_where_what_may_not_still_waits(store: MemoryStore) -> None:
    busy = SharedPace(store, "route53", calls_per_second=5, patience_seconds=0.2, at_once=1)
    busy.keep()
    with pytest.raises(OutOfTurn):
        busy.keep(patient=False)
    busy.keep()


def test_a_turn_soon_enough_is_waited_for(store: MemoryStore) -> None:
    calls(pace(store))
    pace(store, patience_seconds=0.2).keep()


def test_neighbours_have_a_pace_each(store: MemoryStore) -> None:
    calls(pace(store))
    SharedPace(store, "postmark", calls_per_second=1, patience_seconds=0).keep()


def test_a_turn_is_never_taken_inside_a_transaction(store: MemoryStore) -> None:
    with store.begin(), pytest.raises(RuntimeError):
        pace(store).keep()
