"""One line of the table, and the table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import told


@dataclass(frozen=True)
class Result:
    """`lost`: promised, and at the end neither done nor visibly waiting, or said to be sent and not with the provider.
    `doubled`: more than once with the provider. `unresolved`: not done when patience ended."""

    fault: str
    jobs: int
    lost: int
    doubled: int
    unresolved: int
    seconds: float
    held: bool
    note: str
    in_doubt_peak: int
    # After the fault's beginning; None when no job was seen in doubt.
    last_resolved_seconds: float | None

    @property
    def may_be_chance(self) -> bool:
        """Too few deaths, or patience that ended, on a busy machine. What is lost or doubled never is."""
        return not self.held and not self.lost and not self.doubled


_NAMES = tuple(field.name for field in fields(Result))


def write(results: Sequence[Result], path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def show(results: Sequence[Result], console: Console) -> None:
    table = Table(title="Faults")
    for name in _NAMES:
        table.add_column(name.replace("_", " "), overflow="fold", ratio=1 if name == "note" else None)
    for result in results:
        table.add_row(*(_cell(getattr(result, name)) for name in _NAMES))
    console.print(table)


def write_section(results: Sequence[Result], path: Path) -> None:
    """The table as Markdown, with when and where it was made."""
    path.write_text(f"{told.when_and_where()}.\n\n{_markdown(results)}\n")


def insert_section(section: Path, document: Path, *, name: str = "faults") -> None:
    """Between the two marks of this name in `document`."""
    text = document.read_text()
    before, begin, rest = text.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    if not (begin and end):
        raise ValueError(f"{document} has no place for the table: <!-- {name} --> and <!-- end of {name} -->")
    document.write_text(f"{before}{begin}\n{section.read_text()}{end}{after}")


def _markdown(results: Sequence[Result]) -> str:
    headings = [name.replace("_", " ") for name in _NAMES]
    return told.markdown(headings, [[_cell(getattr(result, name)) for name in _NAMES] for result in results])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return "-" if value is None else str(value).replace("|", "/")
