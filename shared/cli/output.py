"""What a command says: results on standard output, everything else on standard error.

Tables are for people; `-o json` and `-o yaml` are for programs, and their names are those of the API.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

# Elsewhere than on a terminal no cell is cut: whoever reads it has lines as long as they come.
_ENDLESS = 100_000
# Elsewhere than on a terminal progress is told so many times.
_TOLD_TIMES = 20

Value = str | int | float | bool | None
Row = Mapping[str, object]


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the field; `title` heads it for people. Styles are rich's: `styles` by the value, over `style`.

    `whole`: never folded, so that it can be copied.
    """

    name: str
    title: str
    style: str = ""
    styles: Mapping[str, str] = field(default_factory=dict)
    whole: bool = False

    def text_of(self, row: "Row") -> Text:
        value = cell(row.get(self.name))
        return Text(value, style=self.styles.get(value, ""))


class Output:
    """`NO_COLOR` is rich's to obey, and it does."""

    def __init__(self, format: Format = Format.TABLE) -> None:
        self.format = format
        self._out = _console(stderr=False)
        self._err = _console(stderr=True)

    @property
    def for_people(self) -> bool:
        return self.format is Format.TABLE

    def rows(self, columns: Sequence[Column], rows: Sequence[Row], *, empty: str) -> None:
        """One kind of thing. `empty` is said to people when there is none of it."""
        if not self.for_people:
            self.value(rows)
        elif rows:
            self.table(columns, rows)
        else:
            self.note(empty)

    def table(self, columns: Sequence[Column], rows: Sequence[Row], *, title: str = "") -> None:
        table = Table(
            box=None, pad_edge=False, header_style="bold", title=title or None, title_justify="left"
        )
        for column in columns:
            table.add_column(column.title, style=column.style, overflow="fold", no_wrap=column.whole)
        for row in rows:
            table.add_row(*(column.text_of(row) for column in columns))
        self._out.print(table)

    def record(self, record: Row) -> None:
        """One thing, a field a line."""
        if not self.for_people:
            self.value(record)
            return
        width = max(len(name) for name in record)
        for name, value in record.items():
            self._out.print(Text(f"{name.ljust(width)}  {cell(value)}"))

    def value(self, value: object) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
        click.echo(as_yaml(json.loads(text)) if self.format is Format.YAML else text)

    def say(self, text: str) -> None:
        """A result in words, for people."""
        if self.for_people:
            self._out.print(Text(safe(text)))

    def note(self, text: str) -> None:
        self._err.print(Text(safe(text)))

    @contextmanager
    def progress(self, doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Call what is given with the number of items that are done since. Standard error only.

        `total` is None where nobody knows it before the end.
        """
        if not self._err.is_terminal:
            yield _Lines(self.note, doing, total).advance
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._err, transient=True) as bar:
            task = bar.add_task(doing, total=total)
            yield lambda done: bar.advance(task, done)

    @contextmanager
    def watching(self) -> Iterator[Callable[[str], None]]:
        """Call what is given with how things are now: it replaces what was told before. Standard error only."""
        if not self._err.is_terminal:
            yield _Changes(self.note).tell
            return
        with self._err.status("") as shown:
            yield lambda text: shown.update(Text(safe(text)))


class _Changes:
    """The same where nobody watches it move: a line for each change."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._told = ""

    def tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._note(text)


class _Lines:
    """Progress where nobody watches it move: a line now and then."""

    def __init__(self, note: Callable[[str], None], doing: str, total: int | None) -> None:
        self._note, self._doing, self._total = note, doing, total
        self._done = 0
        self._next = self._step

    def advance(self, done: int) -> None:
        self._done += done
        if self._done >= self._next or self._done == self._total:
            self._next = self._done + self._step
            of = "" if self._total is None else f" of {self._total}"
            self._note(f"{self._doing}: {self._done}{of}")

    @property
    def _step(self) -> int:
        """A twentieth; without a total, as much again as was done."""
        return max(1, self._done if self._total is None else self._total // _TOLD_TIMES)


def cell(value: object) -> str:
    """A value as people read it. Times are UTC."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
        case list() | tuple():
            return ", ".join(map(cell, value)) or "-"
    return safe(str(value))


def as_yaml(value: object) -> str:
    """Of plain values, without a line break at the end."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=_ENDLESS).rstrip("\n")


def moment(milliseconds: object) -> datetime | None:
    """Epoch milliseconds, as the API tells times."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if isinstance(milliseconds, int) else None


def safe(text: str) -> str:
    """A note or a provider's words must not steer the terminal."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _plain(value: object) -> object:
    """What JSON has no word for: times are epoch milliseconds, as in the API."""
    if isinstance(value, datetime):
        return int(value.timestamp() * 1000)
    return str(value)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, soft_wrap=stderr)
    if not console.is_terminal:
        console.width = _ENDLESS
    return console
