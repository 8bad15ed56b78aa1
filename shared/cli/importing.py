"""Put the addresses of a CSV file on a tenant's list, piece by piece, and keep count."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shared.cli.api import Api, JsonObject
from shared.cli.csv_pieces import Piece

PATH = "/configuration/suppression/import"


@dataclass(frozen=True, slots=True)
class LineFault:
    """`line` is the file's own."""

    line: int
    field: str
    advice: str


@dataclass(slots=True)
class Tally:
    """`wrong` counts all lines with a fault; `faults` has those that were told."""

    lines: int = 0
    added: int = 0
    already_there: int = 0
    wrong: int = 0
    faults: list[LineFault] = field(default_factory=list)


def import_pieces(
    api: Api,
    some: Iterable[Piece],
    *,
    author: str,
    every_fault: bool,
    tally: Tally,
    advance: Callable[[int], None],
) -> None:
    """Fills `tally` as it goes, so that it says how far it came also when this raises.

    The API tells the first faults of a request; with `every_fault` it is asked again for the rest. That adds nothing
    twice.
    """
    for piece in some:
        answer = _send(api, piece, author)
        tally.lines += answer["lines"]
        tally.added += answer["added"]
        tally.already_there += answer["alreadyThere"]
        tally.wrong += answer["errorsTotal"]
        told = _faults(piece, answer)
        tally.faults += told
        if every_fault:
            _ask_for_the_rest(api, piece, author, answer, tally)
        advance(len(piece.lines))


def _ask_for_the_rest(api: Api, piece: Piece, author: str, answer: JsonObject, tally: Tally) -> None:
    while answer["errorsTotal"] > len(answer["errors"]) and answer["errors"]:
        piece = piece.after(answer["errors"][-1]["line"])
        answer = _send(api, piece, author)
        tally.faults += _faults(piece, answer)


def _send(api: Api, piece: Piece, author: str) -> JsonObject:
    answer = api.post_text(PATH, piece.text, content_type="text/csv", author=author)
    return {"errorsTotal": len(answer["errors"]), **answer}


def _faults(piece: Piece, answer: JsonObject) -> list[LineFault]:
    return [
        LineFault(piece.number_of(fault["line"]), fault["field"], fault["advice"])
        for fault in answer["errors"]
    ]
