"""Postmark's spellings of a moment. Inside the simulator a moment is a float: seconds since the epoch."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
_TICKS_PER_SECOND = 10_000_000


@lru_cache(maxsize=256)
def _whole_second(second: int, zone: tzinfo) -> tuple[str, str]:
    moment = datetime.fromtimestamp(second, zone)
    return moment.strftime("%Y-%m-%dT%H:%M:%S"), "Z" if zone is UTC else _offset(moment)


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:]}"


def _spell(at: float, zone: tzinfo) -> str:
    second, ticks = divmod(int(at * _TICKS_PER_SECOND), _TICKS_PER_SECOND)
    prefix, suffix = _whole_second(second, zone)
    fraction = f"{ticks:07d}".rstrip("0")  # recorded answers drop trailing zeros: 5 and 6 digits were seen
    return f"{prefix}.{fraction}{suffix}" if fraction else prefix + suffix


def eastern(at: float) -> str:
    """As in answers of the API: up to 7 fractional digits and New York's offset."""
    return _spell(at, EASTERN)


def eastern_second(at: float) -> str:
    """As in a dump of suppressions: no fraction."""
    return _spell(float(int(at)), EASTERN)


def eastern_day(at: float) -> date:
    return datetime.fromtimestamp(at, EASTERN).date()


def zulu(at: float) -> str:
    """As in webhooks: up to 7 fractional digits and `Z`."""
    return _spell(at, UTC)


def since(text: str) -> float:
    """Start of a `fromdate` filter, read as Eastern time. Raises ValueError."""
    return _parse(text, at_end=False)


def until(text: str) -> float:
    """End of a `todate` filter, read as Eastern time; a bare day is included whole. Raises ValueError."""
    return _parse(text, at_end=True)


def is_single_day(start: str | None, end: str | None, now: float) -> bool:
    """Whether a filter spans no more than the day it begins on. Raises ValueError."""
    if not start:
        return False
    last = datetime.fromisoformat(end).date() if end else eastern_day(now)
    return datetime.fromisoformat(start).date() >= last


def _parse(text: str, *, at_end: bool) -> float:
    if len(text) == len("2026-01-31"):
        day = date.fromisoformat(text) + timedelta(days=int(at_end))
        return datetime.combine(day, time(), EASTERN).timestamp()
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=EASTERN)).timestamp()
