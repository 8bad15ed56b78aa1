"""`/configuration/suppression/export` and `/import`: the list as a CSV file."""

from dataclasses import asdict
from itertools import chain, islice

from flask import Blueprint, Response, request

from shared.ports.clock import NewId
from shared.ports.store import Store
from web.answers import answer
from web.auth import caller
from web.body import read_bytes
from web.csv_files import MEDIA_TYPE
from web.examples import suppression_file as examples
from web.intake import suppression_file as intake
from web.operation import Operation, operation
from web.problems import FieldFault, Problem
from web.records import Output
from web.suppression_csv import BYTES_MAX, COLUMNS, LIFTED_AT, LINES_MAX, NOT_COMPLETE, read, written

_FAULTS_SHOWN = 100


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
                f"RFC 4180 in UTF-8, with the columns {', '.join(COLUMNS)}, in the order of the addresses. It is read "
                f"in slices; a file whose last line says `{NOT_COMPLETE.partition(':')[0]}` was cut: export it again."
            ),
            writes=False,
            answers={200: None},
            answer_text=MEDIA_TYPE,
            answer_headers={200: {"Content-Disposition": "A name to save it under."}},
            switches={"lifted": f"Also those that were lifted, with `{LIFTED_AT}` as a last column."},
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
        lines = written(chain(first, slices), lifted=lifted)
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
        found = read(raw)
        outcome = intake.import_all(self._store, self._new_id, author.tenant_id, author.author, found.good)
        return answer(
            ImportOutcome(
                lines=found.lines,
                added=outcome.added,
                already_there=outcome.already_there,
                errors_total=len(found.faults),
                errors=[LineFault(**asdict(fault)) for fault in found.faults[:_FAULTS_SHOWN]],
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
