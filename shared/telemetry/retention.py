"""What is worth telling of rows that were kept long enough: as in `metrics`."""

from datetime import datetime

import structlog
from prometheus_client import Counter, Gauge

from shared.domain.retention import Kind
from shared.telemetry.exposition import OF_THE_LEADER

_log = structlog.get_logger("email")

_REMOVED = Counter("email_retention_removed", "Rows that were kept long enough and removed", ("kind",))
_TURN = Counter("email_retention_turn", "Turns at removing old rows, by how they ended", ("kind", "end"))
_FINISHED = Gauge(
    "email_retention_last_finished_seconds",
    "When each kind was last gone through to its end, as Unix time; 0 when it never was",
    ("kind",),
    registry=OF_THE_LEADER,
)
_BEHIND = Gauge(
    "email_retention_behind_seconds",
    "How much longer than was set the oldest row may have been kept; 0 for what is kept for ever",
    ("kind",),
    registry=OF_THE_LEADER,
)


def record_removed(kind: Kind, rows: int) -> None:
    """Of one slice that was committed."""
    _REMOVED.labels(kind.value).inc(rows)


def record_turn(kind: Kind, *, end: str, looked: int, removed: int) -> None:
    """One message's worth: `finished`, `left` for the next turn, or `overtaken` by another worker."""
    _TURN.labels(kind.value, end).inc()
    _log.info("email.retention.turn", kind=kind.value, end=end, looked=looked, removed=removed)


def record_retention(kind: Kind, *, finished_at: datetime | None, behind_seconds: float | None) -> None:
    """`behind_seconds` is None for what is kept for ever."""
    _FINISHED.labels(kind.value).set(0.0 if finished_at is None else finished_at.timestamp())
    _BEHIND.labels(kind.value).set(behind_seconds or 0.0)
