from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.replay import Fate, Replay, ReplayState
from shared.ports.clock import NewId
from shared.ports.replays import ReplayResult, ReplayWork
from tests.fakes.store.state import KeptReplay, Moment, State


class MemoryReplays:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, KeptReplay]:
        return self._state.replays

    def add(self, replay: Replay) -> None:
        assert replay.wanted.raised_until is not None, "its filter has an end"
        self._all[replay.e_id] = KeptReplay(replay, due_at=replay.begins_at)

    def get(self, e_id: UUID) -> Replay | None:
        kept = self._all.get(e_id)
        return kept.replay if kept else None

    def newest(self, *, before: UUID | None, limit: int) -> list[Replay]:
        ids = sorted((e_id for e_id in self._all if before is None or e_id < before), reverse=True)
        return [self._all[e_id].replay for e_id in ids[:limit]]

    def due(self, limit: int) -> list[UUID]:
        free = sorted((kept.due_at, e_id) for e_id, kept in self._all.items() if self._is_free(kept))
        return [e_id for _, e_id in free][:limit]

    def _is_free(self, kept: KeptReplay) -> bool:
        is_held = kept.lease is not None and not self._moment.is_due(kept.lease[1])
        return self._moment.is_due(kept.due_at) and not is_held

    def take(self, e_id: UUID, *, lease_seconds: float) -> ReplayWork | None:
        kept = self._all.get(e_id)
        if kept is None or not self._is_free(kept):
            return None
        running = replace(kept.replay, state=ReplayState.RUNNING)
        lease = (self._new_id(), self._moment.after(lease_seconds))
        self._all[e_id] = replace(kept, replay=running, lease=lease)
        return ReplayWork(running, lease[0], kept.cursor)

    def note(
        self,
        work: ReplayWork,
        fates: Sequence[tuple[UUID, Fate]],
        *,
        next_in_seconds: float,
        lease_seconds: float,
    ) -> ReplayWork:
        e_id, kept = work.replay.e_id, self._held(work)
        if kept is None or kept.cursor != work.cursor:
            raise Conflict("it is another's by now")
        for letter_id, fate in fates:
            assert (e_id, letter_id) not in self._state.replayed, "each letter has one fate"
            self._state.replayed[e_id, letter_id] = (fate, self._moment.now)
        counts = Counter(kept.replay.fates) + Counter(fate for _, fate in fates)
        moved = KeptReplay(
            replace(kept.replay, fates=dict(counts)),
            due_at=self._moment.after(next_in_seconds),
            lease=(work.token, self._moment.after(lease_seconds)),
            cursor=fates[-1][0] if fates else kept.cursor,
        )
        self._all[e_id] = moved
        return replace(work, replay=moved.replay, cursor=moved.cursor)

    def finish(self, work: ReplayWork) -> None:
        kept = self._held(work)
        if kept is None:
            raise Conflict("it is another's by now")
        self._end(kept, state=ReplayState.DONE)

    def release(self, work: ReplayWork) -> None:
        kept = self._held(work)
        if kept is not None:
            self._all[work.replay.e_id] = replace(kept, lease=None)

    def _held(self, work: ReplayWork) -> KeptReplay | None:
        kept = self._all.get(work.replay.e_id)
        return kept if kept and kept.lease and kept.lease[0] == work.token else None

    def stop(self, e_id: UUID, *, author: str) -> Replay | None:
        kept = self._all.get(e_id)
        if kept is None or kept.due_at is None:
            return None
        return self._end(kept, state=ReplayState.STOPPED, stopped_by=author)

    def _end(self, kept: KeptReplay, *, state: ReplayState, stopped_by: str | None = None) -> Replay:
        ended = replace(kept.replay, state=state, finished_at=self._moment.now, stopped_by=stopped_by)
        self._all[ended.e_id] = replace(kept, replay=ended, due_at=None, lease=None)
        return ended

    def results(
        self, e_id: UUID, *, fate: Fate | None = None, after: UUID | None, limit: int
    ) -> list[ReplayResult]:
        def is_wanted(letter_id: UUID, told: tuple[Fate, datetime]) -> bool:
            return fate in (None, told[0]) and (after is None or letter_id > after)

        noted = {letter: told for (of, letter), told in self._state.replayed.items() if of == e_id}
        found = sorted(letter for letter, told in noted.items() if is_wanted(letter, told))
        return [ReplayResult(self._state.letters[one], *noted[one]) for one in found[:limit]]
