"""What operators look at, across tenants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, Rest, Subject
from shared.domain.event import EmailEvent
from shared.domain.job import EmailJob, JobStatus
from shared.domain.suppression import SuppressionEntry, normalised
from shared.persistence.configuration_rows import configuration_of
from shared.persistence.dead_letters import letter_of
from shared.persistence.events import event_of
from shared.persistence.job_rows import job_of
from shared.persistence.job_statements import IN_FLIGHT_BY_STATUS
from shared.persistence.operator_deeds import newest_deeds
from shared.persistence.operator_events import events_asked
from shared.persistence.operator_jobs import jobs_asked
from shared.persistence.searches import check_configurations, check_suppressions, id_in, server_id_in
from shared.persistence.sets import constant, first_of, rows_of
from shared.persistence.suppression_rows import entry_of
from shared.persistence.tables import (
    dead_letter,
    email_configuration,
    email_event,
    email_job,
    suppression_entry,
)
from shared.ports.operators import (
    ConfigurationSearch,
    Deed,
    EventPage,
    EventSearch,
    JobSearch,
    SuppressionSearch,
)

_configuration = email_configuration.c
_event = email_event.c
_entry = suppression_entry.c
_letter = dead_letter.c

# Behind every character of a slug. A range, because a LIKE whose pattern is a parameter uses no index.
_BEHIND = "\x7f"


class PostgresOperatorViews:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def configurations(
        self, wanted: ConfigurationSearch, *, before: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        asked = _configurations(wanted).order_by(_configuration.e_id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(_configuration.e_id < before)
        return [configuration_of(row) for row in rows_of(self._connection, asked)]

    def jobs(self, wanted: JobSearch, *, before: UUID | None, limit: int) -> list[EmailJob]:
        asked = jobs_asked(wanted, before=before, limit=limit)
        return [job_of(row) for row in rows_of(self._connection, asked)]

    def job(self, e_id: UUID) -> EmailJob | None:
        row = first_of(self._connection, select(email_job).where(email_job.c.e_id == e_id))
        return None if row is None else job_of(row)

    def letter_of_job(self, e_id: UUID) -> DeadLetter | None:
        about = (_letter.subject == constant(Subject.JOB), _letter.subject_id == e_id)
        row = first_of(
            self._connection, select(dead_letter).where(*about, _letter.rest == constant(Rest.OPEN))
        )
        return None if row is None else letter_of(row)

    def in_flight(self, configuration_id: UUID) -> Mapping[JobStatus, int]:
        row = first_of(self._connection, IN_FLIGHT_BY_STATUS, {"configuration_id": configuration_id})
        assert row is not None, "counts are always answered"
        return {JobStatus(status): count for status, count in row.items()}

    def events_of(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        of_configuration = select(email_event).where(_event.configuration_id == configuration_id)
        newest = of_configuration.order_by(_event.e_id.desc()).limit(limit)
        return [event_of(row) for row in rows_of(self._connection, newest)]

    def events(
        self, wanted: EventSearch, *, before: UUID | None, limit: int, looked_through: int = 5000
    ) -> EventPage:
        return events_asked(
            self._connection, wanted, before=before, limit=limit, looked_through=looked_through
        )

    def suppressions(
        self, wanted: SuppressionSearch, *, after: UUID | None, limit: int
    ) -> list[SuppressionEntry]:
        asked = _suppressions(wanted).order_by(_entry.e_id).limit(limit)
        if after is not None:
            asked = asked.where(_entry.e_id > after)
        return [entry_of(row) for row in rows_of(self._connection, asked)]

    def deeds(
        self, *, author: str = "", subject_id: UUID | None = None, before: datetime | None, limit: int
    ) -> Sequence[Deed]:
        return newest_deeds(
            self._connection, author=author, subject_id=subject_id, before=before, limit=limit
        )


def _configurations(wanted: ConfigurationSearch) -> Select[Any]:
    """A row a tenant: what is asked by state alone is read along the primary key."""
    check_configurations(wanted)
    asked = select(email_configuration).where(*_retired(wanted.retired))
    if wanted.operational is not None:
        asked = asked.where(_configuration.operational == wanted.operational.value)
    if wanted.administrative is not None:
        asked = asked.where(_configuration.administrative == wanted.administrative.value)
    return asked.where(_is_called(wanted.text)) if wanted.text else asked


def _retired(retired: bool) -> list[ColumnElement[bool]]:
    if retired:
        return [_configuration.retired_at.is_not(None)]
    # The second follows from the first; it is what the index of slugs holds.
    return [_configuration.retired_at.is_(None), _configuration.cleaned_up_at.is_(None)]


def _is_called(text: str) -> ColumnElement[bool]:
    called = [and_(_configuration.slug >= text, _configuration.slug < text + _BEHIND)]
    if (found := id_in(text)) is not None:
        called += [_configuration.e_id == found, _configuration.tenant_id == found]
    if (server_id := server_id_in(text)) is not None:
        called.append(_configuration.server_id == server_id)
    return or_(*called)


def _suppressions(wanted: SuppressionSearch) -> Select[Any]:
    check_suppressions(wanted)
    asked = select(suppression_entry)
    if address := normalised(wanted.address):
        asked = asked.where(_entry.address == address)
    if wanted.tenant_id is not None:
        asked = asked.where(_entry.tenant_id == wanted.tenant_id)
    if wanted.reason is not None:
        asked = asked.where(_entry.reason == wanted.reason.value)
    return asked if wanted.active is None else asked.where(_entry.active.is_(wanted.active))
