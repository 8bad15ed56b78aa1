"""Minutes of traffic go when they are old enough, and none before."""

from datetime import datetime

import pytest

from scheduler import jobs
from scheduler.jobs import SchedulerDeps
from shared.domain.traffic import Counted
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore

DAY_SECONDS = 86_400.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def deps(store: MemoryStore, keep_days: float | None) -> SchedulerDeps:
    return SchedulerDeps(
        store,
        RecordingDoorbell(),
        limit=10,
        look_in_seconds=0,
        keys=FakeCipher(),
        traffic_keep_days=keep_days,
    )


def add(store: MemoryStore, labels: int = 1) -> None:
    with store.begin() as tx:
        tx.traffic.add({(Counted.REFUSED, str(label)): 1 for label in range(labels)})


def kept(store: MemoryStore) -> list[datetime]:
    with store.begin() as tx:
        bars = tx.traffic.bars(since=datetime.min.replace(tzinfo=tx.now().tzinfo), span_minutes=1)
    return [bar.begins_at for bar in bars]


def test_minutes_are_kept_for_as_many_days_as_was_set(store: MemoryStore) -> None:
    add(store)
    (minute,) = kept(store)
    store.advance(seconds=2 * DAY_SECONDS)
    add(store)
    jobs.forget_traffic(deps(store, keep_days=2.5))
    assert kept(store) == [minute, store.clock.now()]
    store.advance(seconds=DAY_SECONDS)
    jobs.forget_traffic(deps(store, keep_days=2.5))
    assert minute not in kept(store)
    assert len(kept(store)) == 1


def test_where_no_time_was_set_nothing_is_forgotten(store: MemoryStore) -> None:
    add(store)
    store.advance(seconds=10_000 * DAY_SECONDS)
    jobs.forget_traffic(deps(store, keep_days=None))
    assert len(kept(store)) == 1


def test_one_tick_forgets_in_slices_and_leaves_what_is_too_much_for_it(store: MemoryStore) -> None:
    add(store, labels=jobs.ROWS_OF_A_SLICE * jobs.SLICES_AT_ONCE + 1)
    store.advance(seconds=2 * DAY_SECONDS)
    jobs.forget_traffic(deps(store, keep_days=1))
    assert len(kept(store)) == 1
    jobs.forget_traffic(deps(store, keep_days=1))
    assert kept(store) == []
