"""The pain is always the longest file."""

from tests.architecture.sources import PRODUCT, ROOT, python_files

LINES_MAX = 300
# Each with the reason why it reads better in one piece than in two. Take a file off when it no longer needs it.
LONGER: dict[str, str] = {}


def lengths() -> dict[str, int]:
    return {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files(*PRODUCT)
    }


def test_no_file_of_the_product_is_longer_than_a_reader_can_hold() -> None:
    assert {path for path, lines in lengths().items() if lines > LINES_MAX} - LONGER.keys() == set()


def test_every_exception_to_the_length_is_still_needed() -> None:
    found = lengths()
    assert {path for path in LONGER if found.get(path, 0) <= LINES_MAX} == set()
