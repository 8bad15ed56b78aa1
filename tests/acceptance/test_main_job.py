"""The main job, by the same command a newcomer runs, on real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

PROJECT = Path(__file__).parents[2]


def processes_with(variable: str, value: str) -> Iterator[int]:
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value:
                yield process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def test_the_demo_holds_every_step_and_leaves_no_process(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "503 jobs, 503 messages, none lost and none twice" in demo.stdout
    # All that it started has its environment.
    assert list(processes_with("TMPDIR", str(tmp_path))) == []
