"""The tour of `docs/operating.md` is walked as it is written: on the sandbox, by its commands, block after block."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.stack import commands
from sandbox.stack.records import State
from tests.acceptance.tour import document, shell

DOCUMENT = shell.PROJECT / "docs" / "operating.md"
BLOCKS = document.blocks(DOCUMENT)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shell.Shell]:
    """A shell before a world that runs, as `make up` leaves it."""
    folder = tmp_path_factory.mktemp("tour")
    running = commands.running(State(folder / ".state"), "sandbox.roles:PRODUCT", lambda _: None)
    with running, shell.opened(folder) as one:
        yield one


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_commands_say_and_end_as_the_document_shows(opened: shell.Shell, block: document.Block) -> None:
    output = opened.run(block.commands)
    assert list(document.differences(block, output)) == [], output


def test_every_block_of_commands_shows_what_it_says() -> None:
    assert len(BLOCKS) == DOCUMENT.read_text(encoding="utf-8").count("\n```sh\n") > 10
    for block in BLOCKS:
        assert any(line.strip() != "..." for line in block.shown), block.line


def test_a_line_that_was_not_said_an_order_and_an_exit_code_are_found(tmp_path: Path) -> None:
    path = tmp_path / "one.md"
    path.write_text("```sh\nemailctl doctor\n```\n\n```text\nfirst ...\nthird  of 3\n(exit code 8)\n```\n")
    (block,) = document.blocks(path)
    assert list(document.differences(block, "first one\nsecond\nthird of   3\n(exit code 8)\n")) == []
    for output in (
        "third of 3\nfirst one\n(exit code 8)\n",
        "first one\n(exit code 8)\n",
        "first one\nthird of 3\n",
        "first one\nthird of 3\n(exit code 8)\n(exit code 4)\n",
    ):
        assert list(document.differences(block, output)) != [], output
