"""A file that is fresh only while work gets on."""

import json
import os
from pathlib import Path

import pytest

from shared.telemetry.liveness import Liveness, Progress, verdict


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def progress(seconds: Seconds) -> Progress:
    return Progress(monotonic=seconds)


def liveness(file: Path | None, progress: Progress) -> Liveness:
    return Liveness(file, progress, counts="messages_processed", stuck_after_seconds=300)


def test_progress_counts_what_ended_and_knows_what_runs_longest(progress: Progress, seconds: Seconds) -> None:
    progress.begin("a")
    seconds.now += 5
    progress.begin("b")
    seconds.now += 2
    assert (progress.oldest_seconds(), progress.running, progress.done) == (7, 2, 0)
    progress.end("a")
    assert (progress.oldest_seconds(), progress.running, progress.done) == (2, 1, 1)
    progress.end("b")
    assert (progress.oldest_seconds(), progress.running, progress.done) == (0, 0, 2)


def test_the_end_of_what_never_began_is_not_counted(progress: Progress) -> None:
    progress.end("a")
    assert progress.done == 0


def test_the_file_says_how_far_work_has_come(tmp_path: Path, progress: Progress, seconds: Seconds) -> None:
    progress.begin("a")
    progress.end("a")
    progress.begin("b")
    seconds.now += 1.5
    file = tmp_path / "live"
    assert liveness(file, progress).touch()
    content = json.loads(file.read_text())
    assert (content["messages_processed"], content["oldest_running_seconds"]) == (1, 1.5)
    assert content["at"] == pytest.approx(file.stat().st_mtime, abs=5)
    assert list(tmp_path.iterdir()) == [file]


def test_the_file_is_not_touched_while_something_hangs_and_again_when_it_ended(
    tmp_path: Path, progress: Progress, seconds: Seconds
) -> None:
    progress.begin("a")
    seconds.now += 300
    file = tmp_path / "live"
    assert liveness(file, progress).touch()
    file.unlink()
    seconds.now += 0.1
    assert not liveness(file, progress).touch()
    assert not file.exists()
    progress.end("a")
    assert liveness(file, progress).touch()


def test_without_a_file_nothing_is_written(progress: Progress) -> None:
    assert not liveness(None, progress).touch()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, progress: Progress) -> None:
    with pytest.raises(OSError, match="No such file"):
        liveness(tmp_path / "missing" / "live", progress).touch()


@pytest.mark.parametrize(
    ("age_seconds", "alive"), [(0, True), (30, True), (30.5, False), (-30, True), (-31, False)]
)
def test_the_verdict_goes_by_the_files_age_not_by_what_is_in_it(
    tmp_path: Path, age_seconds: float, alive: bool
) -> None:
    file = tmp_path / "live"
    file.write_text('{"at": 1.0}\n')
    os.utime(file, (1_000_000, 1_000_000))
    found, why = verdict(file, max_age_seconds=30, now=1_000_000 + age_seconds)
    assert found is alive
    assert '{"at": 1.0}' in why
    assert "\n" not in why


def test_a_file_that_is_not_there_is_no_sign_of_life(tmp_path: Path) -> None:
    assert verdict(tmp_path / "live", max_age_seconds=30, now=0) == (
        False,
        f"{tmp_path / 'live'}: No such file or directory",
    )
