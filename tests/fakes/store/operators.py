"""What operators look at, in memory: everything is looked through, and refused what no index would answer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, Rest, Subject
from shared.domain.event import EmailEvent
from shared.domain.job import IN_FLIGHT, EmailJob, JobStatus
from shared.domain.suppression import SuppressionEntry, normalised
from shared.persistence.locators import storable
from shared.persistence.searches import (
    check_configurations,
    check_jobs,
    check_suppressions,
    id_in,
    of_tenant,
    server_id_in,
)
from shared.ports.operators import (
    ConfigurationSearch,
    Deed,
    EventOutcome,
    EventPage,
    EventSearch,
    JobSearch,
    SeenEvent,
    SuppressionSearch,
)
from tests.fakes.store.state import KeptEvent, State


class MemoryOperatorViews:
    def __init__(self, state: State) -> None:
        self._state = state

    def configurations(
        self, wanted: ConfigurationSearch, *, before: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        check_configurations(wanted)
        found = [
            one
            for one in self._state.configurations.values()
            if _is_wanted(one, wanted) and (before is None or one.e_id < before)
        ]
        return sorted(found, key=lambda one: one.e_id, reverse=True)[:limit]

    def jobs(self, wanted: JobSearch, *, before: UUID | None, limit: int) -> list[EmailJob]:
        check_jobs(wanted)
        found = sorted(
            (job for job in self._state.jobs.values() if self._is_wanted(job, wanted)),
            key=lambda job: _age(job, wanted),
            reverse=True,
        )
        if before is None:
            return found[:limit]
        if not of_tenant(wanted):
            return [job for job in found if job.e_id < before][:limit]
        last = self._state.jobs.get(before)
        return (
            [] if last is None else [job for job in found if _age(job, wanted) < _age(last, wanted)][:limit]
        )

    def _is_wanted(self, job: EmailJob, wanted: JobSearch) -> bool:
        return (
            wanted.tenant_id in (None, job.tenant_id)
            and wanted.configuration_id in (None, job.configuration_id)
            and normalised(wanted.recipient) in ("", job.recipient)
            and wanted.status in (None, job.status)
            and (wanted.accepted_from is None or job.accepted_at >= wanted.accepted_from)
            and (wanted.accepted_until is None or job.accepted_at < wanted.accepted_until)
            and (not wanted.text or _is_called(job, wanted))
        )

    def job(self, e_id: UUID) -> EmailJob | None:
        return self._state.jobs.get(e_id)

    def letter_of_job(self, e_id: UUID) -> DeadLetter | None:
        about = (Subject.JOB, e_id, Rest.OPEN)
        letters = self._state.letters.values()
        return next((one for one in letters if (one.subject, one.subject_id, one.rest) == about), None)

    def in_flight(self, configuration_id: UUID) -> Mapping[JobStatus, int]:
        mine = [job.status for job in self._state.jobs.values() if job.configuration_id == configuration_id]
        return {status: mine.count(status) for status in IN_FLIGHT}

    def events_of(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        kept = (one.event for one in self._state.events.values())
        found = [event for event in kept if event.configuration_id == configuration_id]
        return sorted(found, key=lambda event: event.e_id, reverse=True)[:limit]

    def events(
        self, wanted: EventSearch, *, before: UUID | None, limit: int, looked_through: int = 5000
    ) -> EventPage:
        window = [
            SeenEvent(one.event, _outcome(one))
            for e_id, one in sorted(self._state.events.items(), reverse=True)
            if one.event.configuration_id == wanted.configuration_id
            and wanted.job_id in (None, one.event.job_id)
            and (before is None or e_id < before)
        ]
        found = [
            seen
            for seen in window[:looked_through]
            if wanted.kind in (None, seen.event.facts.kind) and wanted.outcome in (None, seen.outcome)
        ]
        if len(found) > limit:
            return EventPage(found[:limit], found[limit - 1].event.e_id)
        is_cut = len(window) > looked_through
        return EventPage(found, window[looked_through - 1].event.e_id if is_cut else None)

    def suppressions(
        self, wanted: SuppressionSearch, *, after: UUID | None, limit: int
    ) -> list[SuppressionEntry]:
        check_suppressions(wanted)
        found = [
            entry
            for entry in self._state.entries.values()
            if normalised(wanted.address) in ("", entry.address)
            and wanted.tenant_id in (None, entry.tenant_id)
            and wanted.reason in (None, entry.reason)
            and wanted.active in (None, entry.active)
            and (after is None or entry.e_id > after)
        ]
        return sorted(found, key=lambda entry: entry.e_id)[:limit]

    def deeds(
        self, *, author: str = "", subject_id: UUID | None = None, before: datetime | None, limit: int
    ) -> Sequence[Deed]:
        storable("author", author)
        found = [
            (deed.at, e_id, deed)
            for e_id, subject, deed in self._all_deeds()
            if author in ("", deed.author)
            and subject_id in (None, subject)
            and (before is None or deed.at < before)
        ]
        newest = sorted(found, key=lambda one: one[:2], reverse=True)
        last_at = newest[limit - 1][0] if len(newest) > limit else None
        return [deed for at, _, deed in newest if last_at is None or at >= last_at]

    def _all_deeds(self) -> list[tuple[UUID, UUID, Deed]]:
        actions = [
            (one.e_id, one.subject_id, Deed(one.at, one.author, action=one))
            for one in self._state.actions.values()
        ]
        records = [
            (one.r_id, one.configuration.e_id, Deed(one.recorded_at, one.author, record=one))
            for history in self._state.records.values()
            for one in history
        ]
        return actions + records


def _outcome(one: KeptEvent) -> EventOutcome:
    if one.due_at is not None:
        return EventOutcome.WAITS
    if one.parked:
        return EventOutcome.PARKED
    return EventOutcome.ALONE if one.event.job_id is None else EventOutcome.JOINED


def _is_wanted(one: EmailConfiguration, wanted: ConfigurationSearch) -> bool:
    return (
        one.retired is wanted.retired
        and wanted.operational in (None, one.operational)
        and wanted.administrative in (None, one.administrative)
        and (not wanted.text or _is_named(one, wanted.text))
    )


def _is_named(one: EmailConfiguration, text: str) -> bool:
    if one.slug.startswith(text):
        return True
    if (found := id_in(text)) is not None and found in (one.e_id, one.tenant_id):
        return True
    server_id = server_id_in(text)
    return server_id is not None and server_id == one.provisioned.server_id


def _is_called(job: EmailJob, wanted: JobSearch) -> bool:
    by_key = of_tenant(wanted) and job.idempotency_key == wanted.text
    return by_key or job.provider_message_id == wanted.text or job.e_id == id_in(wanted.text)


def _age(job: EmailJob, wanted: JobSearch) -> tuple[datetime | None, UUID]:
    return (job.accepted_at if of_tenant(wanted) else None, job.e_id)
