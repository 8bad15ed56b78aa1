"""Moments and lengths of time as people say them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from flask import Flask

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


def install(app: Flask) -> None:
    said = {
        "utc": utc,
        "iso": iso,
        "ago": ago,
        "duration": duration,
        "lasted": lasted,
        "thousands": thousands,
    }
    app.jinja_env.filters.update(said)


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def ago(at: datetime, now: datetime) -> str:
    passed = now - at
    if abs(passed) < timedelta(seconds=1):
        return "now"
    return f"{duration(passed)} ago" if passed > timedelta(0) else f"in {duration(-passed)}"


def duration(length: timedelta) -> str:
    """In its largest unit and the next, down to seconds: 2 d 3 h, 5 min, 12 s."""
    for (name, unit), (smaller_name, smaller) in zip(
        _UNITS, (*_UNITS[1:], ("s", timedelta(seconds=1))), strict=True
    ):
        if length >= unit:
            whole, rest = divmod(length, unit)
            part = rest // smaller
            # Seconds of many minutes are noise.
            shown = part and (name != "min" or whole < 5)
            return f"{whole} {name} {part} {smaller_name}" if shown else f"{whole} {name}"
    return f"{max(0, length // timedelta(seconds=1))} s"


def thousands(count: int) -> str:
    return f"{count:,}"


def lasted(length: timedelta) -> str:
    """Of what is over, and mostly short: 40 ms, 1.2 s; else as `duration`."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(length)


def counted(count: int, what: str) -> str:
    """With its plural, which is regular: 1 job, 1,204 jobs."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def listed(things: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(things[:-1]), *things[-1:]]))
