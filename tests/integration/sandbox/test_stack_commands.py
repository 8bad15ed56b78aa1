"""The command lines that the stack makes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sandbox.stack.servers import postmark_command


def test_the_account_token_is_in_a_file_and_on_no_command_line(tmp_path: Path) -> None:
    cloud = cast("Any", SimpleNamespace(url="http://127.0.0.1:1", zone_id="Z1"))
    command = postmark_command(cloud, tmp_path, "the-account-token")
    assert "the-account-token" not in " ".join(command)
    named = Path(command[command.index("--account-token-file") + 1])
    assert named.read_text() == "the-account-token"
    assert named.stat().st_mode & 0o077 == 0
