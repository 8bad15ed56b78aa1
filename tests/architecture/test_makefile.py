"""`make help` is the list of what can be made."""

import re
import subprocess

from tests.architecture.makefile import phony_targets
from tests.architecture.sources import ROOT, text


def shown() -> dict[str, str]:
    """Target to what the help says of it."""
    command = ["make", "--no-print-directory", "--silent", "help"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^\s*make (\S+)[ \t]*(.*)$", output, re.MULTILINE))


def test_help_shows_every_target_and_nothing_else() -> None:
    assert shown().keys() == phony_targets()


def test_help_says_something_of_every_target() -> None:
    assert [target for target, words in shown().items() if not words.strip()] == []


def test_every_target_that_makes_no_file_is_phony() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", text("Makefile"), re.MULTILINE))
    assert targets == phony_targets()
