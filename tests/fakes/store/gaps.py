from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.gap import SLOWEST_DELIVERY, Gap
from shared.domain.job import EmailJob, JobStatus
from shared.ports.clock import NewId
from tests.fakes.store.state import KeptGap, Moment, State


class MemoryGaps:
    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self._new_id = new_id

    @property
    def _all(self) -> dict[UUID, KeptGap]:
        return self._state.gaps

    def open(
        self,
        from_at: datetime,
        until_at: datetime,
        *,
        cause: str,
        author: str,
        configuration_id: UUID | None = None,
    ) -> int:
        concerned = [
            one.e_id
            for one in self._state.configurations.values()
            if configuration_id in (None, one.e_id)
            and _has_webhook(one)
            and not self._is_covered(one.e_id, from_at, until_at)
        ]
        for e_id in concerned:
            opened = Gap(
                e_id=self._new_id(),
                configuration_id=e_id,
                from_at=from_at,
                until_at=until_at,
                cause=cause,
                author=author,
                opened_at=self._moment.now,
            )
            self._all[opened.e_id] = KeptGap(opened, due_at=self._moment.now)
        return len(concerned)

    def _is_covered(self, configuration_id: UUID, from_at: datetime, until_at: datetime) -> bool:
        return any(
            kept.gap.configuration_id == configuration_id
            and kept.due_at is not None
            and kept.gap.from_at <= from_at
            and kept.gap.until_at >= until_at
            for kept in self._all.values()
        )

    def due(self, limit: int) -> list[UUID]:
        waiting = sorted((due_at, gap.configuration_id) for due_at, gap in self._free())
        return list(dict.fromkeys(configuration_id for _, configuration_id in waiting))[:limit]

    def take(self, configuration_id: UUID, *, lease_seconds: float) -> Gap | None:
        mine = (gap for _, gap in self._free() if gap.configuration_id == configuration_id)
        oldest = min(mine, key=lambda gap: (gap.opened_at, gap.e_id), default=None)
        if oldest is not None:
            self._all[oldest.e_id] = KeptGap(oldest, due_at=self._moment.after(lease_seconds))
        return oldest

    def _free(self) -> Iterator[tuple[datetime, Gap]]:
        for kept in self._all.values():
            if kept.due_at is not None and self._moment.is_due(kept.due_at):
                yield kept.due_at, kept.gap

    def messages(self, gap: Gap, *, limit: int) -> list[tuple[UUID, str]]:
        last = self._state.jobs.get(gap.cursor) if gap.cursor is not None else None
        mine = [
            job
            for job in self._state.jobs.values()
            if job.configuration_id == gap.configuration_id
            and job.status is JobStatus.SENT
            and gap.from_at - SLOWEST_DELIVERY <= job.accepted_at <= gap.until_at
            and (last is None or _by_acceptance(job) > _by_acceptance(last))
        ]
        mine.sort(key=_by_acceptance)
        return [(job.e_id, job.provider_message_id) for job in mine if job.provider_message_id][:limit]

    def save(self, gap: Gap, *, due_in_seconds: float = 0.0) -> None:
        held = self._all.get(gap.e_id)
        if held is None or held.due_at is None:
            return
        saved = replace(
            held.gap,
            found=gap.found,
            cursor=gap.cursor,
            tries=gap.tries,
            fault=gap.fault,
            finished_at=gap.finished_at,
        )
        due_at = self._moment.after(due_in_seconds) if gap.finished_at is None else None
        self._all[gap.e_id] = KeptGap(saved, due_at)

    def covering(self, from_at: datetime, until_at: datetime, *, configuration_id: UUID | None) -> list[Gap]:
        return [
            gap
            for gap in self.latest(len(self._all), configuration_id=configuration_id)
            if gap.finished_at is None and gap.from_at <= from_at and until_at <= gap.until_at
        ]

    def some(self, ids: Collection[UUID]) -> list[Gap]:
        return [kept.gap for e_id, kept in self._all.items() if e_id in ids]

    def latest(self, limit: int, *, configuration_id: UUID | None = None) -> list[Gap]:
        gaps = [
            kept.gap for kept in self._all.values() if configuration_id in (None, kept.gap.configuration_id)
        ]
        return sorted(gaps, key=lambda gap: (gap.opened_at, gap.e_id), reverse=True)[:limit]


def _has_webhook(one: EmailConfiguration) -> bool:
    return one.provisioned.webhook_id is not None and one.cleaned_up_at is None


def _by_acceptance(job: EmailJob) -> tuple[datetime, UUID]:
    return job.accepted_at, job.e_id
