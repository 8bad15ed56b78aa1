"""Lines out and in again: nothing runs, nothing is lost."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.csv_files import Line, line_of, read_lines
from web.problems import Problem

KNOWN = ("address", "reason", "note")
RUNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def read(raw: bytes | str, *, lines_max: int = 10) -> list[Line]:
    data = raw.encode() if isinstance(raw, str) else raw
    return read_lines(data, known=KNOWN, required="address", lines_max=lines_max)


def refused(raw: bytes | str) -> str:
    with pytest.raises(Problem) as raised:
        read(raw)
    assert raised.value.code == "invalid_csv"
    return raised.value.detail


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.builds(
    "".join, st.lists(st.sampled_from([*RUNS, "'", '"', ",", "a"]), max_size=6)
)


@given(address=CELLS, note=CELLS)
def test_what_was_written_is_read_as_it_was(address: str, note: str) -> None:
    rows = [line.cells for line in read(line_of(KNOWN) + line_of([address, "x", note]))]
    assert rows == [{"address": address, "reason": "x", "note": note}]


@given(cell=CELLS)
def test_no_cell_of_a_file_begins_as_a_formula_does(cell: str) -> None:
    ((seen, _),) = csv.reader(io.StringIO(line_of([cell, "x"]), newline=""))
    assert not seen.startswith(tuple(RUNS))


def test_a_formula_is_written_as_text() -> None:
    assert line_of(["=1+1", "-2", "a=b"]) == "'=1+1,'-2,a=b\r\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_line_end_and_a_byte_order_mark_will_do(end: str, mark: str) -> None:
    lines = read(f"{mark}Reason , ADDRESS{end}{end}MANUAL,a@b.c{end} ,{end},d@e.f")
    assert [line.cells for line in lines] == [
        {"reason": "MANUAL", "address": "a@b.c"},
        {"reason": "", "address": "d@e.f"},
    ]
    assert [line.number for line in lines] == [3, 5]


def test_a_line_is_called_by_where_it_begins() -> None:
    lines = read('address,note\na@b.c,"one\ntwo"\n"d@e.f",x\n')
    assert [(line.number, line.cells["note"]) for line in lines] == [(2, "one\ntwo"), (4, "x")]


def test_a_short_line_has_no_cells_for_the_rest_and_a_long_one_says_so() -> None:
    short, long, padded = read("address,note\na@b.c\nd@e.f,x,y\ng@h.i,z,,\n")
    assert (short.cells, short.surplus) == ({"address": "a@b.c"}, False)
    assert long.surplus
    assert not padded.surplus


@pytest.mark.parametrize(
    ("raw", "advice"),
    [
        (b"", "begin with a line"),
        (b"\n\n", "begin with a line"),
        (b"a@b.example\n", "begin with a line"),
        (b"address;reason\na@b.c;x\n", "begin with a line"),
        (b"address,address\n", "name each column once"),
        (b"address,score\n", "name each column once"),
        (b"address,\n", "name each column once"),
        (b"address\n\xff@b.c\n", "UTF-8"),
        ("address\na@b.c\n".encode("utf-16"), "UTF-8"),
        (b'address\na@b.c\n"d@e.f\ng@h.i\n', "line 3 has no end"),
        (b'address\n"a@b.c"x\n', "line 2 has no end"),
        (b"address\n" + b"x" * 140_000, "line 2 has no end"),
    ],
)
def test_a_file_whose_lines_cannot_be_told_apart_is_refused_with_advice(raw: bytes, advice: str) -> None:
    assert advice in refused(raw)


def test_no_more_lines_are_read_than_are_allowed() -> None:
    assert len(read("address\n" + "a@b.c\n" * 10)) == 10
    with pytest.raises(Problem) as raised:
        read("address\n" + "a@b.c\n" * 11)
    assert raised.value.code == "body_too_large"
