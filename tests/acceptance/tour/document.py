"""The document: blocks of commands, each with what it shows of their output.

A line of output is shown whole or with `...` for what is left out; lines may be left out, their order may not. Ids,
times and how far columns stand apart differ from run to run. An exit code other than 0 stands in a line of its own, as
`(exit code 8)`, at its place; none of them is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^```sh\n(?P<commands>.*?)^```\n(?:\n?^```text\n(?P<shown>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
_EXIT = re.compile(r"\(exit code \d+\)")
_VARIES = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "DIGEST"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Block:
    line: int
    commands: str
    shown: tuple[str, ...]


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [_block(text, found) for found in _BLOCK.finditer(text)]


def _block(text: str, found: re.Match[str]) -> Block:
    line = text.count("\n", 0, found.start("commands")) + 1
    return Block(line, found["commands"], tuple((found["shown"] or "").splitlines()))


def differences(block: Block, output: str) -> Iterator[str]:
    """What the output lacks of what is shown, and the exit codes that are not as shown."""
    lines = [_steady(line) for line in output.splitlines()]
    rest = iter(lines)
    for shown in block.shown:
        if shown.strip() not in ("", "...") and not any(_is(shown, line) for line in rest):
            yield f"not said, or not there: {shown}"
            rest = iter(lines)
    if (ended := _EXIT.findall(output)) != (told := _EXIT.findall("\n".join(block.shown))):
        yield f"ended with {ended}, and not with {told}"


def _is(shown: str, line: str) -> bool:
    parts = (re.escape(_steady(part)) for part in shown.split("..."))
    return re.fullmatch(".*".join(parts), line) is not None


def _steady(line: str) -> str:
    for pattern, word in _VARIES:
        line = pattern.sub(word, line)
    return line.strip()
