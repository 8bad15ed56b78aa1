"""CSV (RFC 4180) as spreadsheets write and read it, both ways without surprises.

A spreadsheet takes a cell that begins with one of a few characters for a formula, and runs it. Such a cell is written
with an apostrophe before it, which a spreadsheet does not show; reading a file takes the apostrophe away again.
"""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from web.problems import Problem

MEDIA_TYPE = "text/csv"
# OWASP, CSV Injection; the last four are the full-width forms of the first four.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class Line:
    """`number` is where it begins in the file, counted from 1; `cells` by the name of their column.

    `surplus`: it has more cells than the header.
    """

    number: int
    cells: dict[str, str]
    surplus: bool


def line_of(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([_defused(cell) for cell in cells])
    return written.getvalue()


def read_lines(raw: bytes, *, known: Sequence[str], required: str, lines_max: int) -> list[Line]:
    """The lines below the header, empty ones left out. Raises `Problem` invalid_csv when they cannot be told apart.

    Column names in any letter case and order; a byte order mark and any kind of line end.
    """
    try:
        text = raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        raise _invalid("send the file in UTF-8") from None
    records = _records(text)
    _, header = next(records, (1, []))
    columns = _columns(header, known, required)
    lines: list[Line] = []
    for number, cells in records:
        if len(lines) == lines_max:
            raise Problem(
                "body_too_large", f"send at most {lines_max:,} lines at once, and the rest after them"
            )
        named = {name: _undefused(cell) for name, cell in zip(columns, cells, strict=False)}
        lines.append(Line(number, named, surplus=any(cells[len(columns) :])))
    return lines


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error:
        advice = "close its quotes, and double those inside of them"
        raise _invalid(f"the record that begins at line {begins} has no end: {advice}") from None


def _columns(header: Sequence[str], known: Sequence[str], required: str) -> list[str]:
    by_folded = {name.lower(): name for name in known}
    columns = [by_folded.get(cell.strip().lower(), "") for cell in header]
    if required not in columns:
        raise _invalid(
            f"begin with a line that names the columns, with commas between them, {required} for one"
        )
    if "" in columns or len(set(columns)) < len(columns):
        raise _invalid(f"name each column once, and none but {', '.join(known)}")
    return columns


def _defused(cell: str) -> str:
    return f"'{cell}" if _would_run(cell) else cell


def _undefused(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _would_run(cell) else cell


def _would_run(cell: str) -> bool:
    """Also one that would once its apostrophes are gone: so that what was written is read as it was."""
    return cell.lstrip("'").startswith(_FORMULA)


def _invalid(detail: str) -> Problem:
    return Problem("invalid_csv", detail)
