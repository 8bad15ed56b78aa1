"""For how long rows are kept, as the settings say it."""

from pathlib import Path

import pytest

from shared.config import ROOT, read
from shared.domain.retention import Kind
from tests.unit.config.test_read import by_default, faults_of, with_file


def settings_with(tmp_path: Path, retention: str) -> dict[Kind, float]:
    return read(with_file(tmp_path, f"{ROOT}.extras.retention {{ {retention} }}")).retention.keep_days


def test_mail_its_events_and_what_operators_did_are_kept_for_ever_unless_it_is_set() -> None:
    kept = set(Kind) - set(by_default().retention.keep_days)
    assert kept == {Kind.JOBS, Kind.EVENTS, Kind.ATTEMPTS, Kind.RECORDS, Kind.AUDIT}
    assert by_default().retention.keep_days[Kind.CONTENTS] == 30


def test_every_kind_has_its_setting(tmp_path: Path) -> None:
    given = {kind: float(number) for number, kind in enumerate(Kind, start=1)}
    text = ", ".join(f"{kind.value}Days = {days}" for kind, days in given.items())
    assert settings_with(tmp_path, text) == given


def test_nothing_is_removed_where_it_is_switched_off(tmp_path: Path) -> None:
    assert settings_with(tmp_path, "enabled = false, jobsDays = 5") == {}


@pytest.mark.parametrize("days", ["0", "null"])
def test_nought_and_nothing_are_for_ever(tmp_path: Path, days: str) -> None:
    assert Kind.CONTENTS not in settings_with(tmp_path, f"contentsDays = {days}")


@pytest.mark.parametrize("days", ["0.5", "-1", "36501", "soon"])
def test_less_than_a_day_and_what_is_no_time_are_refused(tmp_path: Path, days: str) -> None:
    text = f"{ROOT}.extras.retention.contentsDays = {days}"
    (fault,) = faults_of(with_file(tmp_path, text))
    assert fault.startswith("extras.retention.contentsDays: ")
