"""A tenant's whole log, in slices: jobs with all that was ever said of them, and every address spoken of.

A slice holds the projection of every configuration of the tenant until its transaction ends.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    TextClause,
    func,
    select,
    text,
    tuple_,
    union,
)

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.job import EmailJob
from shared.persistence.events import event_of
from shared.persistence.ids import made_at
from shared.persistence.job_rows import job_of
from shared.persistence.locks import hold_projections
from shared.persistence.sets import any_of, ids_of, parameter, rows_of, run
from shared.persistence.tables import (
    BEARS_ON_SUPPRESSION,
    KEY,
    MOMENT,
    email_configuration,
    email_event,
    email_job,
    operator_action,
    send_attempt,
    suppression_entry,
    suppression_fact,
)
from shared.ports.rebuild import LoggedJob

Told = TypeVar("Told")

_job = email_job.c
_event = email_event.c
_attempt = send_attempt.c
_action = operator_action.c
_entry = suppression_entry.c
_TENANT = parameter("tenant_id")
_LIMIT = parameter("limit", Integer)

_CONFIGURATIONS = select(email_configuration.c.e_id).where(email_configuration.c.tenant_id == _TENANT)


def _jobs(*later: ColumnElement[bool]) -> Select[Any]:
    """A slice in the order of acceptance, which an index gives; locked in the order of the ids."""
    told_of = select(_event.e_id).where(_event.job_id == _job.e_id).exists()
    slice_ = (
        select(_job.e_id)
        .where(_job.tenant_id == _TENANT, told_of, *later)
        .order_by(_job.accepted_at, _job.e_id)
        .limit(_LIMIT)
        .subquery("slice")
    )
    # The configurations' projections are held: nothing joins or leaves the slice between the two.
    wanted = select(email_job).where(_job.e_id.in_(select(slice_.c.e_id)))
    return wanted.order_by(_job.e_id).with_for_update(of=email_job, key_share=True)


_last = email_job.alias("last").c
_row_accepted_at = select(_last.accepted_at).where(_last.e_id == parameter("after")).scalar_subquery()
# Where it was removed meanwhile its id tells, by the clock of whoever made it. A job looked at twice is the same.
_accepted_at = func.coalesce(_row_accepted_at, parameter("made_at", MOMENT) - timedelta(minutes=1))
_FIRST_JOBS = _jobs()
_LATER_JOBS = _jobs(tuple_(_job.accepted_at, _job.e_id) > tuple_(_accepted_at, parameter("after")))

_EVENTS = (
    select(email_event)
    .where(_event.tenant_id == _TENANT, any_of(_event.job_id, "job_ids"))
    .order_by(_event.received_at, _event.e_id)
)
_ATTEMPTS = (
    select(send_attempt)
    .where(any_of(_attempt.job_id, "job_ids"))
    .order_by(_attempt.claimed_at, _attempt.number)
)
_ACTIONS = (
    select(operator_action)
    .where(_action.tenant_id == _TENANT, any_of(_action.subject_id, "job_ids"))
    .order_by(_action.at, _action.e_id)
)


def _slice(table: Table, address: Column[str], *conditions: TextClause) -> Select[Any]:
    return (
        select(address.label("address"))
        .distinct()
        .where(table.c.tenant_id == _TENANT, address > parameter("after", KEY), *conditions)
        .order_by(address)
        .limit(_LIMIT)
    )


def _addresses() -> Select[Any]:
    """Each table is read in the order of its index and no further than the limit."""
    slices = (
        _slice(email_event, _event.recipient, text(f"({BEARS_ON_SUPPRESSION})")),
        _slice(suppression_fact, suppression_fact.c.address),
        _slice(suppression_entry, _entry.address),
    )
    found = union(*(select(one.subquery()) for one in slices)).subquery("spoken_of")
    return select(found.c.address).order_by(found.c.address).limit(_LIMIT)


_ADDRESSES = _addresses()
_ACTIVE_STATES = select(_entry.address, _entry.reason).where(
    _entry.tenant_id == _TENANT, any_of(_entry.address, "addresses"), _entry.active
)


class PostgresTenantLog:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def jobs_with_events(self, tenant_id: UUID, *, after: UUID | None, limit: int) -> list[LoggedJob]:
        """In the order of acceptance: that of the ids, as those are made at acceptance."""
        self._hold_projections(tenant_id)
        jobs = self._slice(tenant_id, after, limit)
        if not jobs:
            return []
        given = {"tenant_id": tenant_id, "job_ids": [job.e_id for job in jobs]}
        events = self._told(_EVENTS, given, "job_id", event_of)
        attempts = self._told(_ATTEMPTS, {"job_ids": given["job_ids"]}, "job_id", _attempt_of)
        actions = self._told(_ACTIONS, given, "subject_id", _action_of)
        return [
            LoggedJob(job, events[job.e_id], attempts.get(job.e_id, ()), actions.get(job.e_id, ()))
            for job in jobs
        ]

    def addresses(self, tenant_id: UUID, *, after: str | None, limit: int) -> list[str]:
        """Of the events, those that bear on suppression: others add nothing to what holds for an address."""
        self._hold_projections(tenant_id)
        given = {"tenant_id": tenant_id, "after": after or "", "limit": limit}
        return list(run(self._connection, _ADDRESSES, given).scalars())

    def active_states(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, str]:
        given = {"tenant_id": tenant_id, "addresses": list(addresses)}
        return {row.address: row.reason for row in run(self._connection, _ACTIVE_STATES, given)}

    def _hold_projections(self, tenant_id: UUID) -> None:
        found = ids_of(self._connection, _CONFIGURATIONS, {"tenant_id": tenant_id})
        hold_projections(self._connection, found)

    def _slice(self, tenant_id: UUID, after: UUID | None, limit: int) -> list[EmailJob]:
        given = {"tenant_id": tenant_id, "limit": limit}
        statement, later = _FIRST_JOBS, {}
        if after is not None:
            statement, later = _LATER_JOBS, {"after": after, "made_at": made_at(after)}
        rows = rows_of(self._connection, statement, {**given, **later})
        return sorted(map(job_of, rows), key=lambda job: (job.accepted_at, job.e_id))

    def _told(
        self,
        statement: Select[Any],
        given: Mapping[str, object],
        key: str,
        read: Callable[[Mapping[str, Any]], Told],
    ) -> dict[UUID, tuple[Told, ...]]:
        rows = rows_of(self._connection, statement, given)
        return _grouped((row[key], read(row)) for row in rows)


def _grouped(told: Iterable[tuple[UUID, Told]]) -> dict[UUID, tuple[Told, ...]]:
    found: dict[UUID, list[Told]] = {}
    for job_id, one in told:
        found.setdefault(job_id, []).append(one)
    return {job_id: tuple(ones) for job_id, ones in found.items()}


def _attempt_of(row: Mapping[str, Any]) -> SendAttempt:
    return SendAttempt(**row)


def _action_of(row: Mapping[str, Any]) -> OperatorAction:
    return OperatorAction(**row)
