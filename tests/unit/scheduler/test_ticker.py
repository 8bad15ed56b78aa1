"""One leader ticks; the others wait."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from scheduler.jobs import SchedulerDeps
from scheduler.main import Ticker
from scheduler.timetable import timetable
from shared.config import read
from shared.domain.errors import Conflict, StoreUnavailable
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from tests.unit.config.test_read import ENOUGH

SETTINGS = read(ENOUGH).scheduler.model_copy(
    update={
        "sweep_seconds": 5.0,
        "verification_seconds": 7.0,
        "reconcile_seconds": 11.0,
        "leader_seconds": 2.0,
    }
)


class FakeLeadership:
    def __init__(self, *, leads: bool) -> None:
        self.leads = leads
        self.silence_seconds = 0.0

    def hold(self, *, silence_seconds: float) -> bool:
        self.silence_seconds = silence_seconds
        return self.leads

    def holds(self) -> bool:
        return self.leads

    def resign(self) -> None:
        self.leads = False


class CountingStore(MemoryStore):
    """Counts the transactions that ticks begin."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def begin(self) -> Any:
        self.begun += 1
        return super().begin()


class World:
    def __init__(self, *, leads: bool) -> None:
        self.leadership = FakeLeadership(leads=leads)
        self.store = CountingStore()
        self.deps = SchedulerDeps(
            self.store, RecordingDoorbell(), limit=10, look_in_seconds=0, keys=FakeCipher()
        )
        self.ticker = Ticker(self.leadership, self.deps, SETTINGS)
        self.scheduler = BackgroundScheduler(timezone="UTC")
        self.ticker.schedule_on(self.scheduler)
        self.scheduler.start(paused=True)

    def tick(self) -> int:
        """Every job of the timetable once; how many transactions they begin."""
        before = self.store.begun
        for job in self.scheduler.get_jobs():
            if job.args:
                job.func(*job.args)
        return self.store.begun - before

    def look(self) -> int:
        before = self.store.begun
        self.ticker.look_after_leadership()
        return self.store.begun - before


@pytest.fixture
def make() -> Any:
    worlds: list[World] = []

    def make(*, leads: bool) -> World:
        worlds.append(World(leads=leads))
        return worlds[-1]

    yield make
    for world in worlds:
        world.scheduler.shutdown(wait=False)


Make = Callable[..., World]


def test_a_scheduler_that_does_not_lead_does_not_tick(make: Make) -> None:
    world = make(leads=False)
    assert world.look() == 0
    assert world.tick() == 0


def test_beginning_to_lead_runs_the_whole_timetable_at_once_and_only_then(make: Make) -> None:
    world = make(leads=True)
    at_once = world.look()
    assert at_once >= len(timetable(SETTINGS))
    assert world.look() == 0
    assert world.tick() == at_once


def test_whoever_loses_the_lead_stops_and_begins_anew_when_it_is_back(make: Make) -> None:
    world = make(leads=True)
    world.look()
    world.leadership.resign()
    assert world.look() == 0
    assert world.tick() == 0
    world.leadership.leads = True
    assert world.look() > 0


def test_a_tick_after_the_lead_was_lost_does_not_run_though_nobody_looked_meanwhile(make: Make) -> None:
    world = make(leads=True)
    world.look()
    world.leadership.leads = False
    assert world.tick() == 0


def test_a_tick_that_found_the_lead_lost_leaves_the_timetable_to_the_next_look(make: Make) -> None:
    world = make(leads=True)
    at_once = world.look()
    world.leadership.leads = False
    world.tick()
    world.leadership.leads = True
    assert world.tick() == 0
    assert world.look() == at_once


def test_the_lead_is_lost_only_by_a_silence_of_several_looks(make: Make) -> None:
    world = make(leads=True)
    world.look()
    assert world.leadership.silence_seconds >= 3 * SETTINGS.leader_seconds


def test_a_database_that_is_away_ends_neither_the_tick_nor_the_leader(make: Make) -> None:
    world = make(leads=True)
    world.store.down = True
    world.look()
    world.store.down = False
    assert world.tick() > 0


@pytest.mark.parametrize("fault", [StoreUnavailable("away"), Conflict("moved")])
def test_a_job_that_fails_does_not_keep_the_next_from_running(make: Make, fault: Exception) -> None:
    world = make(leads=True)
    seen = []

    def fails(_deps: SchedulerDeps) -> None:
        seen.append("fails")
        raise fault

    def runs(_deps: SchedulerDeps) -> None:
        seen.append("runs")

    entry = timetable(SETTINGS)[0]
    world.ticker._entries = (type(entry)(fails, 1), type(entry)(runs, 1))
    world.look()
    assert seen == ["fails", "runs"]


def test_every_entry_is_scheduled_at_its_interval_and_never_piles_up(make: Make) -> None:
    world = make(leads=False)
    scheduled = world.scheduler.get_jobs()
    intervals = [2.0, *(entry.every_seconds for entry in timetable(SETTINGS))]
    assert sorted(job.trigger.interval.total_seconds() for job in scheduled) == sorted(intervals)
    assert all(
        (job.coalesce, job.max_instances, job.misfire_grace_time) == (True, 1, None) for job in scheduled
    )
    assert all(job.next_run_time > datetime(2026, 1, 1, tzinfo=UTC) for job in scheduled)


def test_what_is_shown_of_the_lead_follows_it(make: Make) -> None:
    world = make(leads=True)
    assert not world.ticker.leads
    world.look()
    assert world.ticker.leads
    world.leadership.leads = False
    world.tick()
    assert not world.ticker.leads
