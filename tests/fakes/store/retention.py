"""Rows that have been kept long enough, in memory. Nobody else ever holds one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.dead_letter import Rest
from shared.domain.errors import Conflict
from shared.domain.job import EmailJob
from shared.domain.retention import OVER, Kind, Pass, is_record_only
from shared.persistence.ids import made_at
from shared.ports.clock import NewId
from shared.ports.configurations import ConfigurationRecord
from shared.ports.retention import RetentionReport, Slice
from tests.fakes.store.state import KeptEvent, KeptPass, Moment, State
from tests.fakes.store.traffic import MemoryTraffic

_REPORTED = {field.name for field in fields(RetentionReport)} & {field.name for field in fields(KeptPass)}


class MemoryRetention:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[Kind, KeptPass]:
        return self._state.passes

    def arm(self, kind: Kind, *, every_seconds: float) -> None:
        kept = self._all.get(kind, KeptPass())
        if kept.due_at is None:
            every = timedelta(seconds=every_seconds)
            due_at = kept.begun_at + every if kept.begun_at is not None else self._moment.now
            self._all[kind] = replace(kept, due_at=due_at)

    def ask(self, kind: Kind) -> None:
        self._all[kind] = replace(self._all.get(kind, KeptPass()), due_at=self._moment.now)

    def disarm(self, kind: Kind) -> None:
        kept = self._all.get(kind)
        if kept is not None and not self._is_running(kept):
            self._all[kind] = replace(kept, due_at=None, lease=None, until=None, cursor=None)

    def due(self) -> list[UUID]:
        free = [(kept.due_at, kind.e_id) for kind, kept in self._all.items() if self._is_due(kept)]
        return [e_id for _, e_id in sorted(free)]

    def _is_due(self, kept: KeptPass) -> bool:
        return self._moment.is_due(kept.due_at) and not self._is_running(kept)

    def _is_running(self, kept: KeptPass) -> bool:
        return kept.lease is not None and not self._moment.is_due(kept.lease[1])

    def begin(self, kind: Kind, *, keep_days: float, lease_seconds: float) -> Pass | None:
        kept = self._all.get(kind)
        if kept is None or not self._is_due(kept):
            return None
        end = self._moment.now - timedelta(days=keep_days)
        if kept.until is None:
            kept = replace(kept, begun_at=self._moment.now, looked=0, removed=0)
        until = min(kept.until or end, end)
        lease = (self._new_id(), self._moment.after(lease_seconds))
        self._all[kind] = replace(kept, lease=lease, until=until)
        return Pass(kind, lease[0], until, kept.cursor)

    def remove(self, pass_: Pass, *, rows: int, lease_seconds: float) -> Slice:
        kept = self._held(pass_)
        slice_, going = self._slice(pass_, rows)
        for e_id in going:
            _REMOVALS[pass_.kind](self._state, e_id)
        if pass_.kind is Kind.TRAFFIC:
            MemoryTraffic(self._state, self._moment).forget(until=pass_.until, limit=rows)
        self._note(pass_, kept, slice_, lease_seconds)
        return slice_

    def _note(self, pass_: Pass, kept: KeptPass, slice_: Slice, lease_seconds: float) -> None:
        begun_at, due_at = kept.begun_at, kept.due_at
        assert begun_at is not None
        assert due_at is not None
        passed = [made_at(slice_.cursor)] if slice_.cursor is not None else []
        reached = [kept.reached_at] if kept.reached_at is not None else []
        reached += [pass_.until] if slice_.done else passed
        kept = replace(
            kept,
            looked=kept.looked + slice_.looked,
            removed=kept.removed + slice_.removed,
            removed_in_all=kept.removed_in_all + slice_.removed,
            reached_at=max(reached, default=None),
        )
        if slice_.done:
            again_at, now = due_at if due_at > begun_at else None, self._moment.now
            kept = replace(kept, lease=None, until=None, cursor=None, finished_at=now, due_at=again_at)
        else:
            lease = (pass_.token, self._moment.after(lease_seconds))
            kept = replace(kept, lease=lease, cursor=slice_.cursor)
        self._all[pass_.kind] = kept

    def would_remove(self, pass_: Pass, *, rows: int) -> Slice:
        if pass_.kind is Kind.TRAFFIC:
            count = sum(key[0] < pass_.until for key in self._state.traffic)
            return Slice(count, count, None, done=True)
        return self._slice(pass_, rows)[0]

    def _slice(self, pass_: Pass, rows: int) -> tuple[Slice, list[UUID]]:
        if pass_.kind is Kind.TRAFFIC:
            count = min(rows, sum(key[0] < pass_.until for key in self._state.traffic))
            return Slice(count, count, None, done=count < rows), []
        ids = sorted(_ids(self._state, pass_.kind))
        next_ = [e_id for e_id in ids if pass_.cursor is None or e_id > pass_.cursor][:rows]
        going = [e_id for e_id in next_ if _MAY_GO[pass_.kind](self._state, e_id, pass_.until)]
        removed = sum(_rows(self._state, pass_.kind, e_id) for e_id in going)
        return Slice(len(next_), removed, next_[-1] if next_ else pass_.cursor, len(next_) < rows), going

    def release(self, pass_: Pass) -> None:
        kept = self._all.get(pass_.kind)
        if kept is not None and kept.lease is not None and kept.lease[0] == pass_.token:
            self._all[pass_.kind] = replace(kept, lease=None)

    def _held(self, pass_: Pass) -> KeptPass:
        kept = self._all.get(pass_.kind)
        if kept is None or kept.lease is None or kept.lease[0] != pass_.token:
            raise Conflict("the pass's lease is another's by now")
        return kept

    def reports(self) -> Sequence[RetentionReport]:
        return [self._report(kind, self._all.get(kind, KeptPass())) for kind in Kind]

    def _report(self, kind: Kind, kept: KeptPass) -> RetentionReport:
        told = {name: getattr(kept, name) for name in _REPORTED}
        return RetentionReport(kind=kind, running=self._is_running(kept), **told)


def _ids(state: State, kind: Kind) -> set[UUID]:
    tables: Mapping[Kind, Callable[[], set[UUID]]] = {
        Kind.CONTENTS: lambda: set(state.contents),
        Kind.ATTEMPTS: lambda: {job_id for job_id, _ in state.attempts},
        Kind.EVENTS: lambda: set(state.events),
        Kind.JOBS: lambda: set(state.jobs),
        Kind.RECORDS: lambda: {record.r_id for records in state.records.values() for record in records},
        Kind.AUDIT: lambda: set(state.actions),
        Kind.REPLAYS: lambda: set(state.replays),
        Kind.DEAD_LETTERS: lambda: set(state.letters),
        Kind.FINDINGS: lambda: set(state.findings),
    }
    return tables[kind]()


def _rows(state: State, kind: Kind, e_id: UUID) -> int:
    return sum(key[0] == e_id for key in state.attempts) if kind is Kind.ATTEMPTS else 1


def _job_is_over(state: State, e_id: UUID, until: datetime) -> bool:
    job = state.jobs[e_id]
    may_be_put_back = any(one.subject_id == e_id and one.rest is Rest.OPEN for one in state.letters.values())
    return job.status in OVER and job.updated_at < until and not may_be_put_back


def _job_may_go(state: State, e_id: UUID, until: datetime) -> bool:
    job = state.jobs[e_id]
    caught_up = any(
        kept.gap.configuration_id == job.configuration_id and kept.gap.finished_at is None
        for kept in state.gaps.values()
    )
    waited_for = any(_waits_and_tells_of(kept, job) for kept in state.events.values())
    return _job_is_over(state, e_id, until) and not caught_up and not waited_for


def _waits_and_tells_of(kept: KeptEvent, job: EmailJob) -> bool:
    facts, message_id = kept.event.facts, job.provider_message_id
    same_message = message_id is not None and facts.message_id == message_id
    return kept.due_at is not None and (facts.job_id == job.e_id or same_message)


def _event_may_go(state: State, e_id: UUID, until: datetime) -> bool:
    event = state.events[e_id].event
    job = state.jobs.get(event.job_id) if event.job_id is not None else None
    projected = event.projected_at is not None and event.received_at < until
    return projected and is_record_only(event.facts) and (job is None or job.status in OVER)


def _record_may_go(state: State, r_id: UUID, until: datetime) -> bool:
    records = next(ones for ones in state.records.values() if any(one.r_id == r_id for one in ones))
    record = next(one for one in records if one.r_id == r_id)

    def order(one: ConfigurationRecord) -> tuple[datetime, int]:
        return one.effective_at, one.configuration.version

    known = [one for one in records if one.recorded_at <= until and one.effective_at <= until]
    newest = record is records[-1]
    return record.recorded_at < until and not newest and any(order(one) > order(record) for one in known)


def _letter_may_go(state: State, e_id: UUID, until: datetime) -> bool:
    letter = state.letters[e_id]
    rests = letter.rest is not Rest.OPEN and letter.rested_at is not None and letter.rested_at < until
    return rests and all(letter_id != e_id for _, letter_id in state.replayed)


def _finding_may_go(state: State, e_id: UUID, until: datetime) -> bool:
    finding = state.findings[e_id].finding
    snoozed = finding.snoozed_until is not None and finding.snoozed_until >= until
    return finding.resolved_at is not None and finding.resolved_at < until and not snoozed


def _replay_may_go(state: State, e_id: UUID, until: datetime) -> bool:
    finished_at = state.replays[e_id].replay.finished_at
    return finished_at is not None and finished_at < until


_MAY_GO: Mapping[Kind, Callable[[State, UUID, datetime], bool]] = {
    Kind.CONTENTS: _job_is_over,
    Kind.ATTEMPTS: _job_is_over,
    Kind.EVENTS: _event_may_go,
    Kind.JOBS: _job_may_go,
    Kind.RECORDS: _record_may_go,
    Kind.AUDIT: lambda state, e_id, until: (
        state.actions[e_id].at < until and state.actions[e_id].subject_id not in state.jobs
    ),
    Kind.REPLAYS: _replay_may_go,
    Kind.DEAD_LETTERS: _letter_may_go,
    Kind.FINDINGS: _finding_may_go,
}


def _remove_attempts(state: State, job_id: UUID) -> None:
    for key in [key for key in state.attempts if key[0] == job_id]:
        del state.attempts[key]


def _remove_job(state: State, e_id: UUID) -> None:
    del state.jobs[e_id]
    state.contents.pop(e_id, None)
    _remove_attempts(state, e_id)
    for event_id, kept in list(state.events.items()):
        if kept.event.job_id == e_id and not _bears_on_suppression(kept):
            del state.events[event_id]


def _bears_on_suppression(kept: KeptEvent) -> bool:
    return not is_record_only(kept.event.facts) and kept.event.facts.kind != "Delivery"


def _remove_record(state: State, r_id: UUID) -> None:
    for configuration_id, records in state.records.items():
        state.records[configuration_id] = tuple(one for one in records if one.r_id != r_id)


def _remove_replay(state: State, e_id: UUID) -> None:
    del state.replays[e_id]
    for key in [key for key in state.replayed if key[0] == e_id]:
        del state.replayed[key]


_REMOVALS: Mapping[Kind, Callable[[State, UUID], object]] = {
    Kind.CONTENTS: lambda state, e_id: state.contents.pop(e_id),
    Kind.ATTEMPTS: _remove_attempts,
    Kind.EVENTS: lambda state, e_id: state.events.pop(e_id),
    Kind.JOBS: _remove_job,
    Kind.RECORDS: _remove_record,
    Kind.AUDIT: lambda state, e_id: state.actions.pop(e_id),
    Kind.REPLAYS: _remove_replay,
    Kind.DEAD_LETTERS: lambda state, e_id: state.letters.pop(e_id),
    Kind.FINDINGS: lambda state, e_id: state.findings.pop(e_id),
}
