"""The command lines that the stack makes."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sandbox.stack.servers import postmark_command

PROJECT = Path(__file__).parents[3]


def test_an_account_token_that_begins_with_a_dash_is_no_option_of_the_simulator() -> None:
    cloud = cast("Any", SimpleNamespace(url="http://127.0.0.1:1", zone_id="Z1"))
    command = (*postmark_command(cloud, "-begins-with-a-dash"), "--state-dir", "unused", "--help")
    asked = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
