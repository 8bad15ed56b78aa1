"""A suppression list as CSV, out and in: the columns, and what is wrong with a line."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import InvalidValue
from shared.domain.suppression import SuppressionEntry, SuppressionReason, checked_address
from web import errors
from web.csv_files import Line, line_of, read_lines
from web.intake.suppression_file import Imported

BYTES_MAX = 5_000_000
LINES_MAX = 10_000
# No address, so that an import tells this line as a fault.
NOT_COMPLETE = "NOT COMPLETE: the list could not be read to its end, export it again"
COLUMNS = ("address", "reason", "since", "note", "author")
LIFTED_AT = "liftedAt"
_NOTE_MAX = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """`line` counts from 1, the header included."""

    line: int
    field: str
    advice: str


@dataclass(frozen=True, slots=True)
class Reading:
    """`lines` of the file have either an address to put on the list or a fault."""

    good: Sequence[Imported]
    faults: Sequence[Fault]

    @property
    def lines(self) -> int:
        return len(self.good) + len(self.faults)


def read(raw: bytes) -> Reading:
    """Raises `Problem` invalid_csv or body_too_large for what is no list at all."""
    lines = read_lines(raw, known=(*COLUMNS, LIFTED_AT), required="address", lines_max=LINES_MAX)
    found = [_read(line) for line in lines]
    return Reading(
        [each for each in found if isinstance(each, Imported)],
        [each for each in found if isinstance(each, Fault)],
    )


def written(slices: Iterable[list[SuppressionEntry]], *, lifted: bool) -> Iterator[str]:
    """One piece of text a slice."""
    yield line_of([*COLUMNS, LIFTED_AT] if lifted else COLUMNS)
    try:
        for entries in slices:
            yield "".join(line_of(_cells(entry, lifted=lifted)) for entry in entries)
    except Exception as fault:  # noqa: BLE001 - the status is out, and the server would end the file as if it were whole
        errors.tell(fault)
        yield line_of([NOT_COMPLETE])


def _cells(entry: SuppressionEntry, *, lifted: bool) -> list[str]:
    cells = [entry.address, entry.reason.value, _iso(entry.since), entry.note or "", entry.author]
    return [*cells, _iso(entry.lifted_at) if entry.lifted_at else ""] if lifted else cells


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read(line: Line) -> Imported | Fault:
    """`since` and `author` of a file that was exported are let pass: it is we who put it on this list, now."""
    cells = line.cells
    if line.surplus:
        return Fault(line.number, "line", "quote cells that have commas in them")
    if cells.get(LIFTED_AT, "").strip():
        return Fault(line.number, LIFTED_AT, "leave this line out: the address was lifted")
    try:
        return Imported(
            address=checked_address(cells.get("address", ""), "address"),
            reason=_reason(cells.get("reason", "")),
            note=_note(cells.get("note", "")),
        )
    except InvalidValue as fault:
        return Fault(line.number, fault.field, fault.advice)


def _reason(cell: str) -> SuppressionReason:
    named = cell.strip().upper()
    if not named:
        return SuppressionReason.IMPORTED
    if named not in SuppressionReason.__members__:
        raise InvalidValue("reason", f"leave it empty, or give one of {', '.join(SuppressionReason)}")
    return SuppressionReason(named)


def _note(cell: str) -> str | None:
    """Line breaks become spaces: spreadsheets put them in, and our own notes have none."""
    text = " ".join(cell.split())
    if len(text) > _NOTE_MAX or any(ord(character) < 0x20 or ord(character) == 0x7F for character in text):
        raise InvalidValue("note", f"give at most {_NOTE_MAX} characters, without control characters")
    return text or None
