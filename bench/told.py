"""How a benchmark tells what it found: on a terminal or into a log, and as Markdown for a document."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console

# Elsewhere than on a terminal, such as in a log of CI.
WIDTH = 160


def console(width: int = WIDTH) -> Console:
    """`width`: of what is no terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=width)


def when_and_where() -> str:
    """This moment and this machine."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    system = f"{platform.system()} {platform.machine()}"
    return f"{now}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, *rows)]
    lines.insert(1, "|" + "---|" * len(headings))
    return "\n".join(lines)
