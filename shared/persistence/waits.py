"""For how long things have waited, in one statement whose cost does not grow with the tables."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Select, func, select

from shared.domain.lifecycle import Administrative, Operational
from shared.persistence.claims import IN_DOUBT, QUEUED, SENDING
from shared.persistence.due import configurations_waiting
from shared.persistence.sets import constant, first_of
from shared.persistence.tables import EventStatus, email_configuration, email_event, email_job
from shared.ports.waits import Waiting

_configuration = email_configuration.c
_job = email_job.c
_event = email_event.c

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


_OLDEST = _oldest()


class PostgresWaits:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def oldest(self) -> Mapping[Waiting, datetime]:
        row = first_of(self._connection, _OLDEST) or {}
        return {Waiting(name): since for name, since in row.items() if since is not None}
