"""The command that a probe runs."""

import os
from pathlib import Path

import pytest

from tests.unit.config.test_read import ENOUGH
from workers.alive import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "live"
    file.write_text("{}\n")
    return file


def test_a_fresh_file_is_alive(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_an_old_file_is_not_unless_more_patience_is_asked_for(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long_ago = file.stat().st_mtime - 100
    os.utime(file, (long_ago, long_ago))
    assert main([str(file)]) == 1
    assert "not within 30 s" in capsys.readouterr().out
    assert main(["--max-age", "200", str(file)]) == 0


def test_a_file_that_was_never_written_is_not_alive(tmp_path: Path) -> None:
    assert main([str(tmp_path / "live")]) == 1


def test_without_a_name_the_settings_have_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENOUGH, "EMAIL_LIVENESS_FILE": str(file)}.items():
        monkeypatch.setenv(name, value)
    assert main([]) == 0
    file.unlink()
    assert main([]) == 1


def test_without_any_file_there_is_no_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in ENOUGH.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EMAIL_LIVENESS_FILE", raising=False)
    assert main([]) == 1
    assert "EMAIL_LIVENESS_FILE" in capsys.readouterr().out
