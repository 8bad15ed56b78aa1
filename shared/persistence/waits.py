"""For how long things have waited and how many stand, in two statements whose cost does not grow with the tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, ScalarSelect, Select, func, literal_column, select

from shared.domain.dead_letter import Rest, Subject
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence.claims import IN_DOUBT, QUEUED, SENDING
from shared.persistence.due import configurations_waiting
from shared.persistence.sets import constant, first_of
from shared.persistence.tables import (
    EventStatus,
    dead_letter,
    email_configuration,
    email_event,
    email_job,
    event_gap,
)
from shared.ports.waits import COUNTED_MAX, Standing, Waiting

_configuration = email_configuration.c
_job = email_job.c
_event = email_event.c
_letter = dead_letter.c
_gap = event_gap.c

_OPERATIONAL = {
    Waiting.PROVISIONING: Operational.PROVISIONING,
    Waiting.AWAITING_VERIFICATION: Operational.AWAITING_VERIFICATION,
    Waiting.MISSING: Operational.MISSING,
    Waiting.UNVERIFIED: Operational.UNVERIFIED,
    Waiting.FAILURE: Operational.FAILURE,
}
_MAY_CLAIM = (
    _configuration.retired_at.is_(None),
    _configuration.operational.in_([constant(Operational.OK), constant(Operational.DEGRADED)]),
    _configuration.administrative != constant(Administrative.LOCKED),
)


def _of_configurations() -> dict[Waiting, ColumnElement[datetime]]:
    """The small table of configurations is read once, for all of these together."""
    since = {
        waiting: func.min(_configuration.operational_since).filter(
            _configuration.operational == constant(state)
        )
        for waiting, state in _OPERATIONAL.items()
    }
    draining = _configuration.administrative == constant(Administrative.LOCKING)
    return {**since, Waiting.LOCKING: func.min(_configuration.administrative_since).filter(draining)}


def _first_due(
    configuration_id: Column[UUID],
    due_at: Column[datetime],
    waiting: ColumnElement[bool],
    *configurations: ColumnElement[bool],
) -> ColumnElement[datetime]:
    """The due time of what is due for longest, asked of each configuration's first in the index.

    With conditions on the `configurations`, of theirs alone.
    """
    firsts = configurations_waiting(configuration_id, due_at, waiting)
    found = select(func.min(firsts.c.due_at)).where(firsts.c.due_at <= func.now())
    if configurations:
        of_configuration = _configuration.e_id == firsts.c.configuration_id
        found = found.where(select(_configuration.e_id).where(of_configuration, *configurations).exists())
    return found.add_cte(firsts, nest_here=True).scalar_subquery()


def _oldest() -> Select[tuple[datetime]]:
    removal = (_configuration.retired_at.is_not(None), _configuration.cleaned_up_at.is_(None))
    pending = _event.status == constant(EventStatus.PENDING)
    # Leases are equally long: the one that ends first began first. Its claim was the job's last change.
    claimed = select(_job.updated_at).where(SENDING).order_by(_job.lease_until).limit(1)
    each = {
        **_of_configurations(),
        Waiting.REMOVAL: select(func.min(_configuration.retired_at)).where(*removal).scalar_subquery(),
        # Without those that wait for an operator (locked, FAILURE, not verified again): their configurations say that.
        # With those that wait for the provider, whose account or server is paused.
        Waiting.JOB_DUE: _first_due(_job.configuration_id, _job.due_at, QUEUED, *_MAY_CLAIM),
        Waiting.JOB_SENDING: claimed.scalar_subquery(),
        # Every doubt is looked at, from the doubts' own index: due times there are those of the next look.
        Waiting.JOB_IN_DOUBT: select(func.min(_job.in_doubt_since)).where(IN_DOUBT).scalar_subquery(),
        Waiting.EVENT_DUE: _first_due(_event.configuration_id, _event.due_at, pending),
    }
    columns = [since.label(waiting.value) for waiting, since in each.items()]
    return select(*columns).select_from(email_configuration).where(_configuration.retired_at.is_(None))


def _count(*conditions: ColumnElement[bool], in_order_of: Sequence[Column[Any]]) -> ScalarSelect[int]:
    """By the index that holds what `conditions` say and nothing else.

    In its order: else, when statistics are of a worse day, reading the table until the limit is met looks cheaper.
    """
    some: Select[Any] = (
        select(literal_column("1")).where(*conditions).order_by(*in_order_of).limit(COUNTED_MAX)
    )
    return select(func.count()).select_from(some.subquery()).scalar_subquery()


def _letters(subject: Subject) -> ScalarSelect[int]:
    is_open, of_subject = _letter.rest == constant(Rest.OPEN), _letter.subject == constant(subject)
    return _count(is_open, of_subject, in_order_of=[_letter.subject_id, _letter.actor])


def _standing() -> Select[*tuple[Any, ...]]:
    each = {
        "jobs_in_doubt": _count(IN_DOUBT, in_order_of=[_job.configuration_id, _job.due_at]),
        "jobs_inconsistent": _count(_job.status == constant(JobStatus.INCONSISTENT), in_order_of=[_job.e_id]),
        "gaps_open": _count(_gap.finished_at.is_(None), in_order_of=[_gap.due_at]),
        **{subject.value: _letters(subject) for subject in Subject},
    }
    return select(*(count.label(name) for name, count in each.items()))


_OLDEST, _STANDING = _oldest(), _standing()


class PostgresWaits:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def oldest(self) -> Mapping[Waiting, datetime]:
        row = first_of(self._connection, _OLDEST) or {}
        return {Waiting(name): since for name, since in row.items() if since is not None}

    def standing(self) -> Standing:
        row = first_of(self._connection, _STANDING) or {}
        return Standing(
            jobs_in_doubt=row["jobs_in_doubt"],
            jobs_inconsistent=row["jobs_inconsistent"],
            gaps_open=row["gaps_open"],
            dead_letters={subject: row[subject] for subject in Subject if row[subject]},
        )
