"""The one URL that is read before there are settings, by a command that prints how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INI = "shared/persistence/migrations/alembic.ini"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://email:part@hunter2@127.0.0.1:1/email",
        "postgresql://email:part@more:hunter2@127.0.0.1:1/email",
        "hunter2",
    ],
)
def test_a_url_whose_password_is_not_encoded_is_refused_unquoted(url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", INI, "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "EMAIL_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "percent-encode its user and password" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
