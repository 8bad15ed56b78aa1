"""What goes over a connection to PostgreSQL, as libpq itself writes it down: nothing is sampled or estimated."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Heard:
    """`statements` as they were sent, each with its text up to its first line's end; BEGIN and COMMIT are some."""

    statements: tuple[str, ...]
    round_trips: int

    def __len__(self) -> int:
        return len(self.statements)


class Wire:
    """Listens to every connection that `engine` makes from now on.

    One thread at a time: of several nobody could say whose statements these were.
    """

    def __init__(self, engine: Engine) -> None:
        self._written = tempfile.TemporaryFile("a+b")  # noqa: SIM115 - the connections write to it until `close`
        self._read_to = 0
        # Prepared statements by their names, with the text that made them.
        self._texts: dict[str, str] = {}
        event.listen(engine, "connect", self._listen)

    def _listen(self, connection: Any, _record: object) -> None:
        connection.pgconn.trace(self._written.fileno())
        connection.pgconn.set_trace_flags(psycopg.pq.Trace.SUPPRESS_TIMESTAMPS)

    def heard(self, act: Callable[[], object]) -> Heard:
        """What was sent meanwhile."""
        self._since_last()
        act()
        return self._since_last()

    def _since_last(self) -> Heard:
        self._written.seek(self._read_to)
        lines = self._written.read().decode(errors="replace").splitlines()
        self._read_to = self._written.tell()
        return Heard(tuple(self._statements(lines)), sum(_is_answer(line) for line in lines))

    def _statements(self, lines: list[str]) -> list[str]:
        found: list[str] = []
        bound = ""
        for sender, _, kind, *rest in (line.split("\t", 3) for line in lines if line.count("\t") >= 2):
            told = _quoted(rest[0]) if rest else []
            if (sender, kind) == ("F", "Parse"):
                self._texts[told[0]] = told[1]
            elif (sender, kind) == ("F", "Bind"):
                bound = self._texts[told[1]]
            elif (sender, kind) == ("F", "Execute"):
                found.append(bound)
            elif (sender, kind) == ("F", "Query"):
                found.append(told[0])
        return found

    def close(self) -> None:
        self._written.close()


def _is_answer(line: str) -> bool:
    """The server has done all that it was asked, and waits: one round trip is over."""
    return line.startswith("B\t") and "\tReadyForQuery\t" in line


def _quoted(told: str) -> list[str]:
    """The first two texts in quotes; of one that goes on in the next line, its first line."""
    return [part for number, part in enumerate(told.split('"')) if number % 2 == 1][:2]
