"""The command as a process of its own, with what it is given by its environment alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "a-key-that-is-valid-now"
EMAILCTL = [sys.executable, "-X", "utf8", "-c", "from shared.cli.main import main; main()"]
SECONDS_MAX = 120


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    key = tmp_path / "key"
    key.write_text(KEY)
    return {
        "EMAIL_INFRASTRUCTURE": "Alpha002",
        "EMAIL_PARTITION": "dev",
        "EMAIL_DATABASE_URL": database_url,
        "EMAIL_REDIS_URL": "redis://localhost:1/0",
        "EMAIL_MAIL_ZONE_ID": "Z1",
        "EMAIL_MAIL_ZONE_NAME": "dev.ardamails.com",
        "EMAIL_POSTMARK_ACCOUNT_TOKEN": "account-token-of-tests",
        "EMAIL_PUBLIC_BASE_URL": "https://mail.example.com",
        "ARDA_API_KEY_FILE": str(key),
        "EMAIL_KEY_MATERIAL_FILE": str(tmp_path / "nowhere.json"),
    }


def emailctl(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMAILCTL, *args],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_it_reads_its_settings_and_the_rows(environment: dict[str, str]) -> None:
    done = emailctl(environment, "webhooks", "keys", "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["webhooks"][0]["is"] == "current"
    assert KEY not in done.stdout + done.stderr


def test_nothing_to_rotate_is_a_good_end(environment: dict[str, str]) -> None:
    done = emailctl(environment, "webhooks", "rotate-bearer")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every webhook shows the current key" in done.stdout


def test_a_database_that_is_not_there_is_a_sentence_and_exit_code_4(environment: dict[str, str]) -> None:
    nowhere = {**environment, "EMAIL_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = emailctl(nowhere, "webhooks", "health")
    assert done.returncode == 4
    assert "EMAIL_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_completion_of_the_shell_is_there(environment: dict[str, str]) -> None:
    done = emailctl({**environment, "_EMAILCTL_COMPLETE": "bash_source"})
    assert done.returncode == 0
    assert "_emailctl_completion" in done.stdout
