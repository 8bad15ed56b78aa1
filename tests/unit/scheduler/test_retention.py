"""When old rows are removed, and what is told of how far that came."""

from collections.abc import Mapping

import pytest

from scheduler import jobs
from scheduler.jobs import SchedulerDeps
from shared.domain.retention import Kind
from shared.messaging.messages import RemoveOldRows
from shared.ports.doorbell import Message
from shared.telemetry.exposition import OF_THE_LEADER
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore

HOUR = 3600.0
DAY = 86_400.0


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def doorbell() -> RecordingDoorbell:
    return RecordingDoorbell()


def tick(store: MemoryStore, doorbell: RecordingDoorbell, keep_days: Mapping[Kind, float]) -> list[Message]:
    """What was rung for by this tick."""
    deps = SchedulerDeps(
        store,
        doorbell,
        limit=10,
        look_in_seconds=0,
        keys=FakeCipher(),
        keep_days=keep_days,
        retention_seconds=HOUR,
    )
    before = len(doorbell.rung)
    jobs.due_retention(deps)
    jobs.tell_retention(deps)
    return doorbell.rung[before:]


def go_through(store: MemoryStore, kind: Kind, keep_days: float) -> None:
    with store.begin() as tx:
        pass_ = tx.retention.begin(kind, keep_days=keep_days, lease_seconds=60)
        assert pass_ is not None
        assert tx.retention.remove(pass_, rows=10, lease_seconds=60).done


def told(name: str, kind: Kind) -> float | None:
    return OF_THE_LEADER.get_sample_value(name, {"kind": kind.value})


def test_nothing_is_rung_for_that_is_kept_for_ever(store: MemoryStore, doorbell: RecordingDoorbell) -> None:
    assert tick(store, doorbell, {}) == []


def test_what_is_kept_for_a_while_is_gone_through_at_once_and_then_at_its_interval(
    store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    keep = {Kind.CONTENTS: 30.0}
    assert tick(store, doorbell, keep) == [RemoveOldRows(Kind.CONTENTS.e_id)]
    go_through(store, Kind.CONTENTS, 30.0)
    store.advance(seconds=HOUR - 1)
    assert tick(store, doorbell, keep) == []
    store.advance(seconds=1)
    assert tick(store, doorbell, keep) == [RemoveOldRows(Kind.CONTENTS.e_id)]


def test_a_worker_that_died_is_rung_past_when_its_lease_is_over(
    store: MemoryStore, doorbell: RecordingDoorbell
) -> None:
    keep = {Kind.CONTENTS: 30.0}
    tick(store, doorbell, keep)
    with store.begin() as tx:
        assert tx.retention.begin(Kind.CONTENTS, keep_days=30, lease_seconds=60) is not None
    assert tick(store, doorbell, keep) == []
    store.advance(seconds=60)
    assert tick(store, doorbell, keep) == [RemoveOldRows(Kind.CONTENTS.e_id)]


def test_what_is_switched_off_is_rung_for_no_more(store: MemoryStore, doorbell: RecordingDoorbell) -> None:
    tick(store, doorbell, {Kind.CONTENTS: 30.0, Kind.JOBS: 400.0})
    assert tick(store, doorbell, {Kind.JOBS: 400.0}) == [RemoveOldRows(Kind.JOBS.e_id)]


def test_how_far_behind_each_kind_is_is_told(store: MemoryStore, doorbell: RecordingDoorbell) -> None:
    keep = {Kind.CONTENTS: 30.0}
    tick(store, doorbell, keep)
    assert told("email_retention_last_finished_seconds", Kind.CONTENTS) == 0
    go_through(store, Kind.CONTENTS, 30.0)
    finished_at = store.clock.now().timestamp()
    store.advance(seconds=2 * DAY)
    tick(store, doorbell, keep)
    assert told("email_retention_last_finished_seconds", Kind.CONTENTS) == finished_at
    assert told("email_retention_behind_seconds", Kind.CONTENTS) == 2 * DAY
    assert told("email_retention_behind_seconds", Kind.JOBS) == 0
    tick(store, doorbell, {})
    assert told("email_retention_behind_seconds", Kind.CONTENTS) == 0
