"""Remove rows that were kept long enough: slice by slice, beside the work and never in its way.

A slice is one transaction: what went and how far the pass came are committed together or not at all. So it may be
broken off at any moment, and whoever takes it next goes on behind the last slice.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.retention import Kind, Pass
from shared.messaging.messages import RemoveOldRows
from shared.ports.doorbell import Doorbell
from shared.ports.store import Store
from shared.telemetry.retention import record_removed, record_turn

_KINDS = {kind.e_id: kind for kind in Kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionDeps:
    store: Store
    doorbell: Doorbell
    # Of the kinds that are not kept for ever.
    keep_days: Mapping[Kind, float]
    slice_rows: int
    pause_seconds: float
    lease_seconds: float
    # Waits for so many seconds, or for a second.
    pause: Callable[[float], None]
    # A message lasts so long, and then lets others go first: also whoever wants this process to end.
    turn_seconds: float = 5.0
    monotonic: Callable[[], float] = field(default=time.monotonic)


@dataclass
class _Turn:
    pass_: Pass
    looked: int = 0
    removed: int = 0

    def tell(self, end: str) -> None:
        record_turn(self.pass_.kind, end=end, looked=self.looked, removed=self.removed)


def remove_old_rows(kind_id: UUID, deps: RetentionDeps) -> None:
    kind = _KINDS.get(kind_id)
    if kind is None or kind not in deps.keep_days:
        # Of a release, or of settings, that others have.
        return
    with deps.store.begin() as tx:
        if tx.recovering():
            # Old rows may be what the provider is asked about.
            return
        pass_ = tx.retention.begin(kind, keep_days=deps.keep_days[kind], lease_seconds=deps.lease_seconds)
    if pass_ is None:
        return
    turn = _Turn(pass_)
    try:
        _work(turn, deps)
    except Conflict:
        # Stopped for longer than the lease: the slice in hand has not happened.
        turn.tell("overtaken")


def _work(turn: _Turn, deps: RetentionDeps) -> None:
    """Raises `Conflict` when the lease is another's."""
    leave_at = deps.monotonic() + deps.turn_seconds
    while not _remove_slice(turn, deps):
        if deps.monotonic() + deps.pause_seconds >= leave_at:
            _leave(turn, deps)
            return
        deps.pause(deps.pause_seconds)
    turn.tell("finished")


def _remove_slice(turn: _Turn, deps: RetentionDeps) -> bool:
    """Whether nothing is behind it."""
    with deps.store.begin() as tx:
        slice_ = tx.retention.remove(turn.pass_, rows=deps.slice_rows, lease_seconds=deps.lease_seconds)
    turn.pass_ = replace(turn.pass_, cursor=slice_.cursor)
    turn.looked += slice_.looked
    turn.removed += slice_.removed
    record_removed(turn.pass_.kind, slice_.removed)
    return slice_.done


def _leave(turn: _Turn, deps: RetentionDeps) -> None:
    with deps.store.begin() as tx:
        tx.retention.release(turn.pass_)
    turn.tell("left")
    deps.doorbell.ring(RemoveOldRows(turn.pass_.kind.e_id))
