from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from shared.domain.event import EmailEvent, EventKind
from shared.persistence.faults import DatabaseFault
from shared.ports.events import EventHeaders
from tests.fakes.store.dead_letters import MemoryDeadLetters
from tests.fakes.store.state import KeptEvent, Moment, State

_ALWAYS = (EventKind.SPAM_COMPLAINT, EventKind.SUBSCRIPTION_CHANGE)


class MemoryEvents:
    def __init__(self, state: State, moment: Moment, letters: MemoryDeadLetters) -> None:
        self._state = state
        self._moment = moment
        self._letters = letters

    @property
    def _all(self) -> dict[UUID, KeptEvent]:
        return self._state.events

    def add(self, event: EmailEvent, headers: EventHeaders) -> bool:
        if event.configuration_id not in self._state.configurations:
            raise DatabaseFault("ForeignKeyViolation (fk_email_event_configuration_id)")
        if any(_same(kept.event, event) for kept in self._all.values()):
            return False
        fresh = replace(event, job_id=None, projected_at=None)
        self._all[event.e_id] = KeptEvent(fresh, headers, due_at=self._moment.now)
        return True

    def serialise(self, configuration_id: UUID) -> None:
        """Transactions follow one another already."""

    def unprojected(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        due = (kept.event for kept in self._all.values() if self._moment.is_due(kept.due_at))
        return _by_arrival(event for event in due if event.configuration_id == configuration_id)[:limit]

    def mark_projected(self, job_ids: Mapping[UUID, UUID | None]) -> None:
        for event_id, job_id in job_ids.items():
            kept = self._all[event_id]
            event = replace(kept.event, job_id=job_id, projected_at=self._moment.now)
            job = self._state.jobs.get(job_id) if job_id else None
            if job is not None and event.facts.recipient is None:
                event = replace(event, facts=replace(event.facts, recipient=job.recipient))
            self._all[event_id] = replace(kept, event=event, due_at=None)

    def put_off(self, event_ids: Collection[UUID], *, seconds: float) -> None:
        for kept in self._pending(event_ids):
            self._all[kept.event.e_id] = replace(kept, due_at=self._moment.after(seconds))

    def park(self, event_ids: Collection[UUID]) -> None:
        for kept in self._pending(event_ids):
            self._all[kept.event.e_id] = replace(kept, due_at=None)
            self._letters.bury_event(kept)

    def _pending(self, event_ids: Collection[UUID]) -> list[KeptEvent]:
        return [kept for e_id in event_ids if (kept := self._all[e_id]).due_at is not None]

    def for_job(self, tenant_id: UUID, job_id: UUID) -> list[EmailEvent]:
        joined = (kept.event for kept in self._all.values() if kept.event.job_id == job_id)
        return _by_arrival(event for event in joined if event.tenant_id == tenant_id)

    def about(self, tenant_id: UUID, addresses: Collection[str]) -> list[EmailEvent]:
        return _by_arrival(
            kept.event
            for kept in self._all.values()
            if kept.event.tenant_id == tenant_id
            and kept.event.facts.recipient in addresses
            and (kept.event.facts.hard_bounce or kept.event.facts.kind in _ALWAYS)
        )

    def configurations_with_due_events(self, limit: int) -> list[UUID]:
        due = [
            (kept.due_at, kept.event.configuration_id)
            for kept in self._all.values()
            if kept.due_at is not None and kept.due_at <= self._moment.now
        ]
        return list(dict.fromkeys(configuration_id for _, configuration_id in sorted(due)))[:limit]


def _same(one: EmailEvent, other: EmailEvent) -> bool:
    return (one.configuration_id, one.facts.content_key) == (other.configuration_id, other.facts.content_key)


def _by_arrival(events: Iterable[EmailEvent]) -> list[EmailEvent]:
    return sorted(events, key=lambda event: (event.received_at, event.e_id))
