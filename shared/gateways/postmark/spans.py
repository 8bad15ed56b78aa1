"""Spans of time as Postmark's filters take them, and how far its lists reach.

Postmark reads the dates of its filters as Eastern time, and its documentation shows days only. So whole days are
asked for, wide of the mark on both sides, and each row's own time decides.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.domain.errors import ProviderUnavailable
from shared.gateways.postmark.calls import JsonObject
from shared.gateways.postmark.entities import id_of
from shared.gateways.postmark.events import time_of

PAGE_SIZE: Final = 500
# `count` and `offset` together may not be more.
REACH: Final = 10_000

DAY: Final = timedelta(days=1)
MARGIN: Final = timedelta(minutes=1)
_EASTERN: Final = ZoneInfo("America/New_York")
# Both ends of the hour that the clocks repeat in autumn are written alike: beyond it they are not.
_REPEATED: Final = timedelta(hours=1)

Filters = Mapping[str, str]


def total_of(page: JsonObject) -> int:
    """How many rows there are on all pages together."""
    total = id_of(page, "TotalCount")
    if total is None:
        raise ProviderUnavailable("unreadable", "HTTP 200 with a body that has no TotalCount")
    return total


def days(since: datetime, until: datetime) -> Filters:
    """Whichever way the day of `todate` counts, the day after holds it."""
    return {"fromdate": day(since), "todate": day(until + DAY)}


def day(at: datetime) -> str:
    return at.astimezone(_EASTERN).date().isoformat()


def moments(since: datetime, until: datetime) -> Filters:
    begin, end = since - MARGIN, until + MARGIN
    if _reading(begin, fold=1) > begin:
        begin -= _REPEATED
    if _reading(end, fold=0) < end:
        end += _REPEATED
    return {"fromdate": _local(begin), "todate": _local(end)}


def _local(at: datetime) -> str:
    return at.astimezone(_EASTERN).replace(tzinfo=None).isoformat(timespec="seconds")


def _reading(at: datetime, *, fold: int) -> datetime:
    """What another takes the local time of `at` for, if it takes a repeated hour for its first or second."""
    return at.astimezone(_EASTERN).replace(fold=fold).astimezone(UTC)


def is_within(text: object, since: datetime, until: datetime | None) -> bool:
    """Whether a row with this time is of the span. One without a readable time may be."""
    at = time_of(text)
    return at is None or (since <= at and (until is None or at < until))
