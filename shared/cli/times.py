"""Times as operators give them: a moment with its offset, a span such as 90s, 15m, 2h, 7d, or so long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from shared.cli.session import Session

_SPAN = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
SPAN_MAX = timedelta(days=3650)


class Moment(click.ParamType[datetime]):
    """A time with its offset: an hour's mistake about what is meant costs a night."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail("give a time such as 2026-11-22T03:30Z.", param, ctx)
        if at.tzinfo is None:
            self.fail("say in which zone, such as 2026-11-22T03:30Z or 2026-11-22T04:30+01:00.", param, ctx)
        return at.astimezone(UTC)


class Span(click.ParamType[timedelta]):
    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        span = span_of(value)
        if span is None:
            self.fail("give a number with its unit, such as 90s, 15m, 2h or 7d; at most 3650d.", param, ctx)
        return span


class MomentOrAgo(click.ParamType[datetime | timedelta]):
    """A moment, or a span before now: see `moment_of`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | timedelta:
        if isinstance(value, datetime | timedelta):
            return value
        span = span_of(value)
        return Moment().convert(value, param, ctx) if span is None else span


def span_of(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    span = timedelta(**{_UNITS[found[2]]: min(int(found[1]), 400_000_000)})
    return span if span <= SPAN_MAX else None


def moment_of(session: Session, given: datetime | timedelta) -> datetime:
    """By this machine's clock."""
    return session.tools.clock.now() - given if isinstance(given, timedelta) else given


def milliseconds(at: datetime) -> int:
    """As the API tells times."""
    return int(at.timestamp() * 1000)


def age(seconds: float) -> str:
    """A span as people read it: the two largest units."""
    whole = max(int(seconds), 0)
    days, hours, minutes = whole // 86_400, whole % 86_400 // 3_600, whole % 3_600 // 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes >= 2 else f"{whole} s"
