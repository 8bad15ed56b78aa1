"""The simulator's reading of dates: New York's, in summer and in winter, over the change of the clocks."""

from datetime import UTC, datetime

import pytest

from sandbox.postmark.dates import eastern, eastern_second, is_single_day, since, until, zulu


def _utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-07-01", "2026-07-01T04:00:00", "2026-07-02T04:00:00"),
        ("2026-12-01", "2026-12-01T05:00:00", "2026-12-02T05:00:00"),
        # The day that has 25 hours, and the one that has 23.
        ("2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
        ("2026-03-08", "2026-03-08T05:00:00", "2026-03-09T04:00:00"),
        ("2026-07-01T12:30:00", "2026-07-01T16:30:00", "2026-07-01T16:30:00"),
    ],
)
def test_a_filters_date_is_read_in_new_york(text: str, begin: str, end: str) -> None:
    assert (since(text), until(text)) == (_utc(begin), _utc(end))


def test_the_hour_that_comes_twice_is_read_as_the_first() -> None:
    assert since("2026-11-01T01:30:00") == _utc("2026-11-01T05:30:00")


def test_moments_are_spelled_with_the_offset_of_their_season() -> None:
    at = _utc("2026-11-01T05:30:00") + 0.25
    assert eastern(at) == "2026-11-01T01:30:00.25-04:00"
    assert eastern(at + 3600) == "2026-11-01T01:30:00.25-05:00"
    assert eastern_second(at) == "2026-11-01T01:30:00-04:00"
    assert zulu(at) == "2026-11-01T05:30:00.25Z"


@pytest.mark.parametrize(
    ("start", "end", "single"),
    [
        (None, None, False),
        (None, "2026-07-01", False),
        ("2026-07-01", "2026-07-01", True),
        ("2026-06-30", "2026-07-01", False),
        # Now is the second of July in London, and still the first in New York.
        ("2026-07-01", None, True),
        ("2026-06-30", None, False),
    ],
)
def test_a_single_day_is_one_in_new_york(start: str | None, end: str | None, single: bool) -> None:
    assert is_single_day(start, end, _utc("2026-07-02T02:00:00")) is single
