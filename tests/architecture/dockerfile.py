"""The Dockerfile, stage by stage."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.architecture.sources import text

PRODUCT, SANDBOX = "product", "sandbox"


@dataclass(frozen=True)
class Stage:
    """`base` is another stage or an image; instructions are word and rest, continued lines joined."""

    name: str
    base: str
    instructions: tuple[tuple[str, str], ...]


@cache
def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for start in re.split(r"^(?=FROM )", _joined(), flags=re.MULTILINE)[1:]:
        first, *others = start.splitlines()
        _, base, _, name = first.split()
        split = (line.split(maxsplit=1) for line in others)
        found[name] = Stage(name, base, tuple((word, rest) for word, rest in split))
    return found


def defaults() -> dict[str, str]:
    """Of the arguments before the first stage."""
    return dict(re.findall(r"^ARG (\w+)=(\S*)$", _joined().partition("FROM ")[0], re.MULTILINE))


def instructions(stage: str) -> Iterator[tuple[str, str]]:
    """With those of the stages it is built on."""
    known = stages()[stage]
    if known.base in stages():
        yield from instructions(known.base)
    yield from known.instructions


def arguments(word: str, stage: str) -> list[str]:
    return [rest for other, rest in instructions(stage) if other == word]


def from_checkout(stage: str) -> list[str]:
    """What it copies from the checkout."""
    return [rest.split()[0] for rest in arguments("COPY", stage) if not rest.startswith("--from")]


def source_of(folder: str, stage: str) -> str:
    """The stage that it takes `folder` from."""
    copies = (re.fullmatch(r"--from=(\S+) (\S+) (\S+)", rest) for rest in arguments("COPY", stage))
    return next(copy[1] for copy in copies if copy and copy[3] == folder)


def requirements(stage: str) -> list[str]:
    """The files of what is installed in its environment."""
    runs = " ".join(arguments("RUN", source_of("/opt/venv", stage)))
    return re.findall(r"-r (\S+\.txt)", runs)


def environment(stage: str) -> dict[str, str]:
    return {
        name: value for rest in arguments("ENV", stage) for name, value in re.findall(r"(\w+)=(\S+)", rest)
    }


def entrypoint(stage: str) -> list[str]:
    command: list[str] = json.loads(arguments("ENTRYPOINT", stage)[-1])
    return command


def _joined() -> str:
    whole = re.sub(r"\\\n\s*", "", text("Dockerfile"))
    return "".join(f"{line}\n" for line in whole.splitlines() if line and not line.startswith("#"))
