"""Times as callers see them: epoch milliseconds. Inside they are aware UTC with microseconds."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# The last one that datetime can hold, 9999-12-31, less a day for zones.
LAST_MILLISECOND = 253_402_214_400_000


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def milliseconds_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def moment_of(millisecond: int) -> datetime:
    return _EPOCH + millisecond * _MILLISECOND


def end_of(millisecond: int) -> datetime:
    """The last microsecond of it: what we reported as this millisecond had happened by then."""
    return _EPOCH + (millisecond + 1) * _MILLISECOND - timedelta(microseconds=1)
