from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.event import EmailEvent, EventKind
from shared.domain.job import EmailJob
from shared.persistence.ids import made_at
from shared.ports.rebuild import LoggedJob
from tests.fakes.store.state import State

_ALWAYS = (EventKind.SPAM_COMPLAINT, EventKind.SUBSCRIPTION_CHANGE)


class MemoryTenantLog:
    def __init__(self, state: State) -> None:
        self._state = state

    def jobs_with_events(self, tenant_id: UUID, *, after: UUID | None, limit: int) -> list[LoggedJob]:
        told_of = {event.job_id for event in self._events(tenant_id)}
        last = self._place_of(after) if after is not None else None
        jobs = [
            job
            for job in self._state.jobs.values()
            if job.tenant_id == tenant_id
            and job.e_id in told_of
            and (last is None or _by_acceptance(job) > last)
        ]
        return [self._logged(job) for job in sorted(jobs, key=_by_acceptance)[:limit]]

    def _place_of(self, e_id: UUID) -> tuple[datetime, UUID]:
        job = self._state.jobs.get(e_id)
        return (made_at(e_id) - timedelta(minutes=1), e_id) if job is None else _by_acceptance(job)

    def _logged(self, job: EmailJob) -> LoggedJob:
        events = [event for event in self._events(job.tenant_id) if event.job_id == job.e_id]
        attempts = [one for one in self._state.attempts.values() if one.job_id == job.e_id]
        actions = [
            one
            for one in self._state.actions.values()
            if (one.subject_id, one.tenant_id) == (job.e_id, job.tenant_id)
        ]
        return LoggedJob(
            job,
            tuple(sorted(events, key=lambda event: (event.received_at, event.e_id))),
            tuple(sorted(attempts, key=lambda attempt: (attempt.claimed_at, attempt.number))),
            tuple(sorted(actions, key=lambda action: (action.at, action.e_id))),
        )

    def _events(self, tenant_id: UUID) -> Iterator[EmailEvent]:
        return (kept.event for kept in self._state.events.values() if kept.event.tenant_id == tenant_id)

    def addresses(self, tenant_id: UUID, *, after: str | None, limit: int) -> list[str]:
        spoken_of = {
            *(event.facts.recipient for event in self._events(tenant_id) if _bears_on_suppression(event)),
            *(address for owner, address in self._state.facts if owner == tenant_id),
            *(entry.address for entry in self._state.entries.values() if entry.tenant_id == tenant_id),
        }
        return sorted(address for address in spoken_of if address and address > (after or ""))[:limit]

    def active_states(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, str]:
        return {
            entry.address: entry.reason.value
            for entry in self._state.entries.values()
            if entry.active and entry.tenant_id == tenant_id and entry.address in addresses
        }


def _bears_on_suppression(event: EmailEvent) -> bool:
    return event.facts.hard_bounce or event.facts.kind in _ALWAYS


def _by_acceptance(job: EmailJob) -> tuple[datetime, UUID]:
    return job.accepted_at, job.e_id
