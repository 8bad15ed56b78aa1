"""The scheduler's sign of life."""

import json
from pathlib import Path
from threading import Event, Thread

from scheduler.jobs import SchedulerDeps
from scheduler.main import Ticker
from scheduler.timetable import Entry, timetable
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore
from tests.unit.scheduler.test_ticker import SETTINGS, FakeLeadership


def ticker(file: Path, *, leads: bool, stuck_after_seconds: float = 300.0) -> Ticker:
    deps = SchedulerDeps(MemoryStore(), RecordingDoorbell(), limit=10, look_in_seconds=0, keys=FakeCipher())
    return Ticker(
        FakeLeadership(leads=leads),
        deps,
        SETTINGS,
        liveness_file=file,
        stuck_after_seconds=stuck_after_seconds,
    )


def test_whoever_waits_for_the_lead_is_alive_too(tmp_path: Path) -> None:
    ticker(tmp_path / "live", leads=False).look_after_leadership()
    assert json.loads((tmp_path / "live").read_text())["jobs_run"] == 0


def test_the_leader_shows_how_many_jobs_it_ran(tmp_path: Path) -> None:
    ticker(tmp_path / "live", leads=True).look_after_leadership()
    assert json.loads((tmp_path / "live").read_text())["jobs_run"] == len(timetable(SETTINGS))


def test_a_job_that_hangs_ends_the_signs_of_life_until_it_is_done(tmp_path: Path) -> None:
    file = tmp_path / "live"
    hanging = ticker(file, leads=True, stuck_after_seconds=0.0)
    hanging.look_after_leadership()
    file.unlink()
    begun, let_go = Event(), Event()

    def hang(_: SchedulerDeps) -> None:
        begun.set()
        let_go.wait(10)

    thread = Thread(target=hanging._tick, args=[Entry(hang, 1).job])
    thread.start()
    assert begun.wait(10)
    hanging.look_after_leadership()
    assert not file.exists()
    let_go.set()
    thread.join(10)
    hanging.look_after_leadership()
    assert file.exists()


def test_a_folder_that_is_gone_does_not_end_the_ticks(tmp_path: Path) -> None:
    ticker(tmp_path / "missing" / "live", leads=True).look_after_leadership()
