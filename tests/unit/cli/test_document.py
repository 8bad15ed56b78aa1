"""What is written about emailctl is there, and what is there is written about.

Calls in documents are read by `tests/architecture/test_commands.py`.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cli.exits import EmailctlError
from shared.cli.main import cli
from tests.unit.cli.catalogue import ALL, LEAVES

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs/cli.md"
# `group one` `two` `three`: three commands of one group.
ROW = re.compile(r"^\| ((?:`[^`]+` ?)+) \|", re.MULTILINE)
CALL = re.compile(r"\bemailctl ((?:[a-z][a-z-]*|--[a-z-]+)(?:[^\n`'|;)]|'[^']*')*)")


def told_of() -> Iterator[str]:
    for row in ROW.findall(DOCUMENT.read_text("utf-8")):
        first, *others = re.findall(r"`([^`]+)`", row)
        group = first.rpartition(" ")[0]
        yield first
        yield from (f"{group} {other}".strip() for other in others)


def fault_of(call: str) -> str | None:
    """What emailctl would say to its names of commands and options; values are whoever reads it to fill in."""
    words = [word for word in re.split(r"\s+", re.sub(r'"[^"]*"', "x", call)) if word]
    name = next((" ".join(words[:size]) for size in (2, 1) if " ".join(words[:size]) in ALL), None)
    if name is None:
        return None if words[0].startswith("-") else f"no such command: {call}"
    command = ALL[name]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    known |= {"-h", "--help"}
    given = {word.partition("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)}
    return f"no such option of {name}: {given - known}" if given - known else None


def test_every_command_is_in_the_table_of_the_document_and_nothing_else_is() -> None:
    named = [name for name in told_of() if name.split()[0] in cli.commands]
    assert sorted(named) == sorted(set(named))
    assert set(named) == LEAVES.keys()


@pytest.mark.parametrize("name", LEAVES)
def test_an_example_uses_only_options_that_its_command_has(name: str) -> None:
    text = (LEAVES[name].help or "").replace("\\\n", " ")
    examples = text.partition("Examples:")[2]
    assert [fault for call in CALL.findall(examples) if (fault := fault_of(call.strip()))] == []


@pytest.mark.parametrize("name", LEAVES)
def test_the_first_example_of_a_command_is_one_that_it_can_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values and all: arguments are parsed as they stand, and nothing is run."""
    monkeypatch.chdir(tmp_path)
    text = (LEAVES[name].help or "").replace("\\\n", " ")
    first = re.search(rf"emailctl {name}([^\n>|#)]*)", text.partition("Examples:")[2])
    assert first is not None
    words = shlex.split(first[1])
    for file in (word for word in words if re.search(r"\.(csv|json)$", word)):
        Path(file).touch()
    with LEAVES[name].make_context(name, words):
        pass


def test_every_exit_code_is_told_of() -> None:
    told = set(map(int, re.findall(r"^\| ([0-8]) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)))
    assert told == {0, 1, *(kind.exit_code for kind in EmailctlError.__subclasses__())}
