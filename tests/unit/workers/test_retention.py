"""A worker removes old rows slice by slice, whoever dies or wants it to end when."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import JobStatus
from shared.domain.recovery import Recovery
from shared.domain.retention import Kind
from shared.messaging.messages import RemoveOldRows
from shared.ports.retention import RetentionReport
from shared.ports.store import Store
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.workers.breaker import Breaker, BreakingStore, Death
from workers.drift.retention import RetentionDeps, remove_old_rows

KEEP_DAYS = 30.0
LEASE_SECONDS = 60.0


@dataclass
class World:
    """Time passes while it pauses, and not otherwise."""

    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    acme: EmailConfiguration = field(default_factory=factories.sendable)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        with self.store.begin() as tx:
            tx.configurations.add(self.acme, factories.CREATED)
            tx.retention.ask(Kind.CONTENTS)

    def jobs(self, count: int, status: JobStatus = JobStatus.SENT) -> None:
        due_at = factories.LONG_AGO if status is JobStatus.QUEUED else None
        with self.store.begin() as tx:
            tx.jobs.accept([factories.new_job(self.acme, status=status, due_at=due_at) for _ in range(count)])

    def recover(self) -> None:
        with self.store.begin() as tx:
            now = tx.now()
            hour = timedelta(hours=1)
            recovery = Recovery(
                e_id=uuid4(),
                gap_from=now - hour,
                gap_until=now,
                author="olga",
                reason="restored",
                begun_at=now,
            )
            tx.recoveries.begin(recovery)

    def deps(self, store: Store | None = None, **given: float) -> RetentionDeps:
        fields: dict[str, float] = {"pause_seconds": 1.0, "lease_seconds": LEASE_SECONDS, **given}
        return RetentionDeps(
            store=store or self.store,
            doorbell=self.doorbell,
            keep_days={Kind.CONTENTS: KEEP_DAYS},
            slice_rows=2,
            pause=self._pause,
            monotonic=lambda: self.seconds,
            **fields,
        )

    def _pause(self, seconds: float) -> None:
        self.seconds += seconds

    def work(self, store: Store | None = None, **given: float) -> list[str]:
        """How each turn ended that was told of."""
        with capture_logs() as logs:
            remove_old_rows(Kind.CONTENTS.e_id, self.deps(store, **given))
        return [str(log["end"]) for log in logs if log["event"] == "email.retention.turn"]

    @property
    def contents(self) -> int:
        return len(self.store._state.contents)

    @property
    def report(self) -> RetentionReport:
        with self.store.begin() as tx:
            return next(one for one in tx.retention.reports() if one.kind is Kind.CONTENTS)


@pytest.fixture
def world() -> World:
    return World()


def test_old_rows_go_and_the_others_stay(world: World) -> None:
    world.jobs(5)
    world.jobs(2, JobStatus.QUEUED)
    assert world.work(turn_seconds=99) == ["finished"]
    assert world.contents == 2
    assert (world.report.looked, world.report.removed) == (7, 5)
    assert world.doorbell.rung == []


def test_between_slices_it_pauses(world: World) -> None:
    world.jobs(5)
    world.work(pause_seconds=0.25, turn_seconds=99)
    assert world.seconds == 0.5


def test_a_turn_ends_in_time_and_rings_for_the_next(world: World) -> None:
    world.jobs(9)
    assert world.work(turn_seconds=2.5) == ["left"]
    assert world.seconds <= 2.5
    assert world.contents == 3
    assert world.doorbell.rung == [RemoveOldRows(Kind.CONTENTS.e_id)]
    assert world.work(turn_seconds=2.5) == ["finished"]
    assert world.contents == 0
    assert world.report.removed == 9


def test_a_turn_is_over_when_the_next_pause_would_be_too_long(world: World) -> None:
    world.jobs(9)
    assert world.work(pause_seconds=10, turn_seconds=5) == ["left"]
    assert world.seconds == 0


def test_nothing_is_removed_that_is_kept_for_ever_or_that_another_release_has(world: World) -> None:
    world.jobs(2)
    with world.store.begin() as tx:
        tx.retention.ask(Kind.JOBS)
    remove_old_rows(Kind.JOBS.e_id, world.deps())
    remove_old_rows(uuid4(), world.deps())
    assert len(world.store._state.jobs) == 2


def test_nothing_is_removed_that_was_not_asked_for(world: World) -> None:
    world.jobs(2)
    assert world.work() == ["finished"]
    world.jobs(2)
    assert world.work() == []
    assert world.contents == 2


def test_nothing_is_removed_while_a_recovery_is_open(world: World) -> None:
    world.jobs(2)
    world.recover()
    assert world.work() == []
    assert world.contents == 2


def test_whoever_dies_when_is_gone_on_behind(world: World) -> None:
    """At each commit of a turn, before and after it."""
    counted = Breaker()
    rehearsal = World()
    rehearsal.jobs(5)
    rehearsal.work(BreakingStore(rehearsal.store, counted))
    for dies_at in range(len(counted.moments)):
        dying = World()
        dying.jobs(5)
        with pytest.raises(Death):
            dying.work(BreakingStore(dying.store, Breaker(dies_at)))
        dying.store.advance(seconds=LEASE_SECONDS)
        dying.work()
        assert dying.contents == 0
        assert dying.report.removed == 5
        assert dying.report.finished_at is not None


def test_a_worker_that_was_overtaken_tells_and_leaves_it(world: World) -> None:
    world.jobs(5)

    def sleep(seconds: float) -> None:
        """For longer than its lease; somebody else begins."""
        world.store.advance(seconds=LEASE_SECONDS)
        with world.store.begin() as tx:
            assert tx.retention.begin(Kind.CONTENTS, keep_days=KEEP_DAYS, lease_seconds=60) is not None

    deps = world.deps()
    object.__setattr__(deps, "pause", sleep)
    with capture_logs() as logs:
        remove_old_rows(Kind.CONTENTS.e_id, deps)
    assert [log["end"] for log in logs if log["event"] == "email.retention.turn"] == ["overtaken"]
    assert world.contents == 3
