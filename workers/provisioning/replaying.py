"""Put dead letters back to work in bulk: slice by slice, at the pace that was asked for.

A slice is one transaction: what was put back, what became of each letter and how far the replay came are committed
together or not at all. So it may be broken off at any moment, and whoever takes it next goes on behind the last slice.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.replay import ReplayState
from shared.messaging.messages import Message, RunReplay
from shared.ports.replays import ReplayWork
from shared.ports.store import Transaction
from shared.replaying import Replayed, put_back, rings
from shared.telemetry.replays import record_replay
from workers.provisioning.deps import ProvisioningDeps


def run_replay(replay_id: UUID, deps: ProvisioningDeps) -> None:
    """For a while; then it rings for itself, so that others get their turn. Others' rings are for after each commit."""
    with deps.store.begin() as tx:
        work = tx.replays.take(replay_id, lease_seconds=deps.policy.replay_lease_seconds)
    if work is None:
        return
    try:
        _carry_out(work, deps)
    except Conflict:
        # Stopped, or another worker's by now: nothing of the slice in hand has happened.
        return


def _carry_out(work: ReplayWork, deps: ProvisioningDeps) -> None:
    """Raises `Conflict` when it was stopped, or the lease is another's."""
    leave_at = deps.monotonic() + deps.policy.replay_turn_seconds
    while True:
        slice = _put_slice_back(work, deps)
        deps.doorbell.ring(*rings(slice.replayed))
        record_replay(work.replay.e_id, state=slice.state, fates=Counter(one.fate for one in slice.replayed))
        if slice.state is ReplayState.DONE:
            return
        work = slice.work
        if slice.due_in_seconds > deps.policy.replay_patience_seconds:
            # Long enough for the sweep to ring in time.
            _let_go(work, deps)
            return
        _wait(slice.due_in_seconds, deps)
        if deps.monotonic() >= leave_at:
            _let_go(work, deps, RunReplay(work.replay.e_id))
            return


@dataclass(frozen=True, slots=True)
class _Slice:
    work: ReplayWork
    replayed: Sequence[Replayed]
    state: ReplayState
    due_in_seconds: float = 0.0


def _put_slice_back(work: ReplayWork, deps: ProvisioningDeps) -> _Slice:
    begun_at, replay = deps.monotonic(), work.replay
    # No more than go into a second: a burst of fifty and a minute's silence is not one a second.
    size = max(1, min(deps.policy.replay_slice, int(replay.per_second)))
    with deps.store.begin() as tx:
        page = tx.dead_letters.find(replay.wanted, limit=size, after=work.cursor)
        replayed = put_back(tx, page, replay, deps.new_id)
        due_in_seconds = max(0.0, begun_at + len(page) / replay.per_second - deps.monotonic())
        if page:
            work = _note(tx, work, replayed, due_in_seconds, deps)
        if len(page) < size:
            tx.replays.finish(work)
            return _Slice(work, replayed, ReplayState.DONE)
    return _Slice(work, replayed, ReplayState.RUNNING, due_in_seconds)


def _note(
    tx: Transaction,
    work: ReplayWork,
    replayed: Sequence[Replayed],
    due_in_seconds: float,
    deps: ProvisioningDeps,
) -> ReplayWork:
    return tx.replays.note(
        work,
        [(one.letter.e_id, one.fate) for one in replayed],
        next_in_seconds=due_in_seconds,
        lease_seconds=deps.policy.replay_lease_seconds,
    )


def _wait(seconds: float, deps: ProvisioningDeps) -> None:
    until = deps.monotonic() + seconds
    while (left := until - deps.monotonic()) > 0:
        deps.pause(left)


def _let_go(work: ReplayWork, deps: ProvisioningDeps, *then: Message) -> None:
    with deps.store.begin() as tx:
        tx.replays.release(work)
    deps.doorbell.ring(*then)
