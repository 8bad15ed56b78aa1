"""A CSV file in pieces small enough for one request, each with the header, each line with its number in the file."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.cli.exits import Refused

LINES = 5_000
# Of text: with the longest notes a piece of 5,000 lines would be more than the API takes at once.
BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """`lines`: records as one line each, with the number at which each begins in the file."""

    header: str
    lines: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        return self.header + "".join(line for _, line in self.lines)

    def number_of(self, line: int) -> int:
        """In the file, of a line of this piece; both count from 1, the header included."""
        if line < 2:
            return 1
        return self.lines[min(line - 2, len(self.lines) - 1)][0]

    def after(self, line: int) -> "Piece":
        """What comes after this line of it."""
        return Piece(self.header, self.lines[line - 1 :])


def count(path: Path) -> int:
    """Records below the header. Reads the whole of it once, so that what cannot be read is known before the start."""
    return sum(len(piece.lines) for piece in pieces(path))


def pieces(path: Path, *, lines_max: int = LINES, bytes_max: int = BYTES) -> Iterator[Piece]:
    """Raises `Refused` for what is no CSV in UTF-8."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _pieces(_records(file), lines_max, bytes_max)
    except UnicodeDecodeError:
        raise Refused("The file is not in UTF-8: save it as such.") from None
    except OSError as error:
        raise Refused(f"The file cannot be read: {error.strerror}.") from None


def _pieces(records: Iterator[tuple[int, str]], lines_max: int, bytes_max: int) -> Iterator[Piece]:
    _, header = next(records, (1, ""))
    if not header:
        raise Refused("The file is empty: begin it with a line that names the columns, address for one.")
    lines: list[tuple[int, str]] = []
    size = 0
    for number, line in records:
        length = len(line.encode())
        if lines and (len(lines) == lines_max or size + length > bytes_max):
            yield Piece(header, tuple(lines))
            lines, size = [], 0
        lines.append((number, line))
        size += length
    if lines:
        yield Piece(header, tuple(lines))


def _records(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Where each begins, and itself on one line. Empty ones are left out, as the API leaves them out."""
    reader = csv.reader(file, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, _line_of(cells)
            begins = reader.line_num + 1
    except csv.Error:
        raise Refused(f"The record that begins at line {begins} has no end: look at its quotes.") from None


def _line_of(cells: list[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([" ".join(cell.splitlines()) for cell in cells])
    return written.getvalue()
