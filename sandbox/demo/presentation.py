"""How the demo looks: a line for each step, a bar while waiting, a table at the end. Plain lines without a terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from sandbox.demo.scenario import Step

# Without a terminal there is no bar, but a line for each fifth.
_PLAIN_PARTS = 5


@dataclass(frozen=True)
class Outcome:
    title: str
    seen: str
    seconds: float
    held: bool


class Presentation:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._outcomes: list[Outcome] = []
        self._bar: Progress | None = None
        self._told = 0

    def say(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style, markup=False, soft_wrap=True)

    def started(self, news: dict[str, Any]) -> None:
        """A line of the stack's progress."""
        if "seconds" in news:
            self._line(f"start {news['step']}", "ready", news["seconds"])

    def play(self, step: Step) -> None:
        """Play `step` and show it; its exception goes on to the caller."""
        began = time.monotonic()
        try:
            with self._waiting(step.title):
                seen = step.play()
        except Exception as failure:
            self._outcomes.append(Outcome(step.title, str(failure), time.monotonic() - began, held=False))
            raise
        outcome = Outcome(step.title, seen, time.monotonic() - began, held=True)
        self._outcomes.append(outcome)
        self._line(outcome.title, outcome.seen, outcome.seconds)

    def count(self, what: str, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=total, completed=done, description=f"  {what}")
        elif (parts := done * _PLAIN_PARTS // total) > self._told:
            self._told = parts
            self.say(f"          {done} of {total} {what}")

    def table(self, not_played: list[Step]) -> None:
        table = Table("step", "what was seen", "seconds", "held", title="The main job")
        for outcome in self._outcomes:
            held = "[green]yes[/]" if outcome.held else "[red]no[/]"
            table.add_row(outcome.title, outcome.seen, f"{outcome.seconds:.1f}", held)
        for step in not_played:
            table.add_row(step.title, "not played", "", "[red]no[/]")
        self._console.print(table)

    @contextmanager
    def _waiting(self, title: str) -> Iterator[None]:
        self._told = 0
        if not self._console.is_terminal:
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as self._bar:
            self._bar.add_task(f"  {title}", total=None)
            yield
        self._bar = None

    def _line(self, title: str, seen: str, seconds: float) -> None:
        self.say(f"{time.strftime('%H:%M:%S')}  {title}: {seen} ({seconds:.1f} s)")
