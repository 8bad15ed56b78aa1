"""`/configuration/suppression/export` and `/import`: the list as a CSV file."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice

from flask import Blueprint, Response, request

from shared.domain.errors import InvalidValue
from shared.domain.suppression import SuppressionEntry, SuppressionReason, checked_address
from shared.ports.clock import NewId
from shared.ports.store import Store
from web import errors
from web.answers import answer
from web.auth import caller
from web.body import read_bytes
from web.csv_files import MEDIA_TYPE, Line, line_of, read_lines
from web.examples import suppression_file as examples
from web.intake import suppression_file as intake
from web.operation import Operation, operation
from web.problems import FieldFault, Problem
from web.records import Output

BYTES_MAX = 5_000_000
LINES_MAX = 10_000
# No address, so that an import tells this line as a fault.
NOT_COMPLETE = "NOT COMPLETE: the list could not be read to its end, export it again"
_FAULTS_SHOWN = 100
_NOTE_MAX = 1000
_COLUMNS = ("address", "reason", "since", "note", "author")
_LIFTED_AT = "liftedAt"


class LineFault(Output):
    """`line` counts from 1, the header included."""

    line: int
    field: str
    advice: str


class ImportOutcome(Output):
    """`lines` = `added` + `alreadyThere` + `errorsTotal`; of the faults the first 100 are told."""

    lines: int
    added: int
    already_there: int
    errors_total: int
    errors: list[LineFault]


class SuppressionFile:
    def __init__(self, store: Store, new_id: NewId) -> None:
        self._store = store
        self._new_id = new_id

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/export")(self.download)
        routes.post("/import")(self.upload)

    @operation(
        Operation(
            summary="The tenant's suppressed addresses as a CSV file",
            description=(
                f"RFC 4180 in UTF-8, with the columns {', '.join(_COLUMNS)}, in the order of the addresses. It is read "
                f"in slices; a file whose last line says `{NOT_COMPLETE.partition(':')[0]}` was cut: export it again."
            ),
            writes=False,
            answers={200: None},
            answer_text=MEDIA_TYPE,
            answer_headers={200: {"Content-Disposition": "A name to save it under."}},
            switches={"lifted": f"Also those that were lifted, with `{_LIFTED_AT}` as a last column."},
            problems=("invalid_fields",),
            examples=examples.EXPORT,
        )
    )
    def download(self) -> Response:
        lifted = _wants_lifted()
        slices = intake.slices(self._store, caller().tenant_id, lifted=lifted)
        # The first slice before the status: a list that cannot be read is a 503 and not an empty file.
        first = list(islice(slices, 1))
        headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
        lines = _lines(chain(first, slices), lifted=lifted)
        return Response(lines, headers=headers, content_type=f"{MEDIA_TYPE}; charset=utf-8; header=present")

    @operation(
        Operation(
            summary=f"Put up to {LINES_MAX:,} addresses of a CSV file on the list",
            description=(
                "With a header that names the column `address`, and `reason` and `note` if there are any. Good lines "
                "are imported whatever is wrong with others; an address that is on the list stays there as it is."
            ),
            body_text=MEDIA_TYPE,
            answers={200: ImportOutcome},
            examples=examples.IMPORT,
            problems=("invalid_csv", "body_cut", "body_too_large", "unsupported_media_type"),
        )
    )
    def upload(self) -> Response:
        author = caller()
        raw = read_bytes(BYTES_MAX)
        if request.mimetype != MEDIA_TYPE:
            raise Problem("unsupported_media_type", f"send the file as 'Content-Type: {MEDIA_TYPE}'")
        lines = read_lines(raw, known=(*_COLUMNS, _LIFTED_AT), required="address", lines_max=LINES_MAX)
        read = [_imported(line) for line in lines]
        good = (each for each in read if isinstance(each, intake.Imported))
        outcome = intake.import_all(self._store, self._new_id, author.tenant_id, author.author, good)
        faults = [each for each in read if isinstance(each, LineFault)]
        return answer(
            ImportOutcome(
                lines=len(lines),
                added=outcome.added,
                already_there=outcome.already_there,
                errors_total=len(faults),
                errors=faults[:_FAULTS_SHOWN],
            )
        )


def _wants_lifted() -> bool:
    faults = [
        FieldFault("lifted", "send true or false, once")
        if name == "lifted"
        else FieldFault(
            name[:64] if name.isprintable() else "?", "leave this parameter out: it is not known here"
        )
        for name, values in request.args.lists()
        if name != "lifted" or values not in (["true"], ["false"])
    ]
    if faults:
        raise Problem("invalid_fields", "see errors for the parameters to mend", errors=faults)
    return request.args.get("lifted") == "true"


def _lines(slices: Iterable[list[SuppressionEntry]], *, lifted: bool) -> Iterator[str]:
    """One piece of text a slice."""
    yield line_of([*_COLUMNS, _LIFTED_AT] if lifted else _COLUMNS)
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


def _imported(line: Line) -> intake.Imported | LineFault:
    """`since` and `author` of a file that was exported are let pass: it is we who put it on this list, now."""
    cells = line.cells
    if line.surplus:
        return LineFault(line=line.number, field="line", advice="quote cells that have commas in them")
    if cells.get(_LIFTED_AT, "").strip():
        return LineFault(
            line=line.number, field=_LIFTED_AT, advice="leave this line out: the address was lifted"
        )
    try:
        return intake.Imported(
            address=checked_address(cells.get("address", ""), "address"),
            reason=_reason(cells.get("reason", "")),
            note=_note(cells.get("note", "")),
        )
    except InvalidValue as fault:
        return LineFault(line=line.number, field=fault.field, advice=fault.advice)


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
