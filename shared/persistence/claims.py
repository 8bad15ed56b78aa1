"""The statements that move jobs, made once. Each is one round trip, whatever the number of jobs.

Rows that are waited for are locked in the order of their ids first; then two transactions that want some of the same
jobs queue up instead of ending in a deadlock. Claims do not wait at all: they pass over rows that others hold.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    Update,
    Uuid,
    and_,
    case,
    func,
    not_,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from shared.domain.job import JobStatus
from shared.persistence.attempts import finished, found, intended
from shared.persistence.held import HELD
from shared.persistence.sets import Kind, after, any_of, constant, given_rows, parameter
from shared.persistence.tables import MOMENT, email_job, suppression_entry
from shared.persistence.weights import CONTENT, fitting, weighed

_job = email_job.c
_entry = suppression_entry.c

QUEUED = _job.status == constant(JobStatus.QUEUED)
SENDING = _job.status == constant(JobStatus.SENDING)
IN_DOUBT = _job.status == constant(JobStatus.IN_DOUBT)
_OF_CONFIGURATION = _job.configuration_id == parameter("configuration_id")
_LIMIT = parameter("limit", Integer)
CHANGED = {"version": _job.version + 1, "updated_at": func.now()}

AGE_BEGAN = func.coalesce(_job.replayed_at, _job.accepted_at).label("accepted_at")

# What putting a job back by hand makes of it: due now, and only as old as that.
AGAIN = {
    "due_at": func.now(),
    "replayed_at": func.now(),
    "worker_deaths": 0,
    "late_looks": 0,
}

# The error code of a job that was taken off the queue because its recipient had been suppressed.
SUPPRESSED_CODE = "suppressed"

SETTLEMENT_KINDS: dict[str, Kind] = {
    "job_id": Uuid,
    "status": Text,
    "due_at": MOMENT,
    "provider_message_id": Text,
    "error_code": Text,
    "error_text": Text,
}
CHANGE_KINDS: dict[str, Kind] = {"job_id": Uuid, "status": Text, "message_id": Text}
RESOLUTION_KINDS = {**SETTLEMENT_KINDS, "version": Integer, "late_looks": Integer}


def _due(status: ColumnElement[bool], *columns: ColumnElement[Any]) -> Select[Any]:
    """Jobs of one configuration, the longest due first, without those that another transaction holds."""
    wanted = select(_job.e_id, _job.due_at, *columns).where(
        _OF_CONFIGURATION, status, _job.due_at <= func.now()
    )
    ordered = wanted.order_by(_job.due_at, _job.e_id).limit(_LIMIT)
    return ordered.with_for_update(skip_locked=True, key_share=True)


def _claim() -> Select[Any]:
    killer = (_job.worker_deaths > 0).label("killer")
    due = _due(QUEUED, _job.tenant_id, _job.recipient, killer).cte("due")
    first = select(due.c.e_id, due.c.killer).order_by(due.c.due_at, due.c.e_id).limit(1).cte("first")
    listed = select(_entry.e_id).where(
        _entry.tenant_id == due.c.tenant_id, _entry.address == due.c.recipient, _entry.active
    )
    judged = select(due.c.e_id, due.c.due_at, listed.exists().label("suppressed")).where(
        # Alone when it is its turn, or else left for its turn: whoever dies of it takes nobody along.
        or_(due.c.e_id == first.c.e_id, not_(or_(due.c.killer, first.c.killer)))
    )
    # Materialized, or the list would be read again for each column that depends on it.
    known = weighed(judged.cte("judged").prefix_with("MATERIALIZED"))
    taken = _take(fitting(known))
    contents = (known.c[name] for name in CONTENT)
    due_count = select(func.count()).select_from(due).scalar_subquery().label("due_count")
    claimed = select(taken, *contents, due_count, func.now().label("claimed_at"))
    claimed = claimed.join(known, known.c.e_id == taken.c.e_id).order_by(taken.c.due_at, taken.c.e_id)
    return claimed.add_cte(intended(taken))


def _take(judged: CTE) -> CTE:
    suppressed = judged.c.suppressed
    values = {
        "status": case((suppressed, constant(JobStatus.SUPPRESSED)), else_=constant(JobStatus.SENDING)),
        "claim_id": case((suppressed, _job.claim_id), else_=parameter("claim_id")),
        "lease_until": case((suppressed, null()), else_=after("lease")),
        "attempts": case((suppressed, _job.attempts), else_=_job.attempts + 1),
        "error_code": case((suppressed, SUPPRESSED_CODE), else_=_job.error_code),
        "error_text": case((suppressed, null()), else_=_job.error_text),
        "due_at": null(),
        **CHANGED,
    }
    taken = update(email_job).where(_job.e_id == judged.c.e_id).values(values)
    kept = (
        _job.e_id,
        _job.status,
        _job.recipient,
        _job.attempts,
        AGE_BEGAN,
        _job.worker_deaths,
        _job.tag,
        _job.trace,
        judged.c.due_at,
    )
    return taken.returning(*kept).cte("taken")


def _settle(given: FromClause, held: ColumnElement[bool], late_looks: ColumnElement[Any]) -> CTE:
    """Writes what is `given` to the jobs that are still `held` when it is their turn."""
    wanted = select(
        _job.e_id, late_looks.label("looks"), *(column for column in given.c if column.name != "version")
    )
    ordered = wanted.join(given, _job.e_id == given.c.job_id).where(held).order_by(_job.e_id)
    new = ordered.with_for_update(of=email_job, key_share=True).cte("locked").c
    doubtful = new.status == constant(JobStatus.IN_DOUBT)
    # A look that decided nothing says nothing of why there is a doubt.
    untold = and_(doubtful, new.error_code.is_(None))
    values = {
        "status": new.status,
        "due_at": new.due_at,
        "lease_until": null(),
        "in_doubt_since": case((doubtful, func.coalesce(_job.in_doubt_since, func.now())), else_=null()),
        "late_looks": new.looks,
        "provider_message_id": func.coalesce(new.provider_message_id, _job.provider_message_id),
        "error_code": case((untold, _job.error_code), else_=new.error_code),
        "error_text": case((untold, _job.error_text), else_=new.error_text),
        **CHANGED,
    }
    settled = update(email_job).where(_job.e_id == new.e_id).values(values)
    return settled.returning(_job.e_id, _job.status, _job.claim_id, _job.provider_message_id).cte("settled")


def _record() -> Select[Any]:
    given = given_rows(**SETTLEMENT_KINDS)
    held = and_(_job.claim_id == parameter("claim_id"), SENDING)
    settled = _settle(given, held, late_looks=_job.late_looks)
    return select(settled.c.e_id).add_cte(finished(given, settled))


def _resolve() -> Select[Any]:
    given = given_rows(**RESOLUTION_KINDS)
    held = and_(_job.version == given.c.version, IN_DOUBT)
    settled = _settle(given, held, late_looks=given.c.late_looks)
    return select(settled.c.e_id).add_cte(found(settled))


def _doubt() -> ReturningUpdate[Any]:
    expired = select(_job.e_id).where(SENDING, _job.lease_until <= func.now())
    expired = (
        expired.order_by(_job.lease_until).limit(_LIMIT).with_for_update(skip_locked=True, key_share=True)
    )
    found = expired.cte("expired")
    values = {
        "status": constant(JobStatus.IN_DOUBT),
        "due_at": after("look"),
        "in_doubt_since": func.now(),
        "lease_until": null(),
        "worker_deaths": _job.worker_deaths + 1,
        # Of an earlier attempt: of this one nothing was heard.
        "error_code": null(),
        "error_text": null(),
        **CHANGED,
    }
    statement = update(email_job).where(_job.e_id == found.c.e_id).values(values)
    return statement.returning(_job.configuration_id)


def _take_doubts() -> ReturningUpdate[Any]:
    # A recovery asks after jobs and not after claims: what it does not find is looked for afterwards.
    due = _due(IN_DOUBT).where(~HELD).cte("due")
    # The version moves too: whoever looks again after a lease ran out fences off whoever looked before.
    values = {"due_at": after("lease"), **CHANGED}
    statement = update(email_job).where(_job.e_id == due.c.e_id).values(values)
    return statement.returning(
        _job.e_id.label("job_id"),
        _job.claim_id,
        _job.in_doubt_since,
        _job.late_looks,
        _job.worker_deaths,
        AGE_BEGAN,
        _job.version,
    )


def _cancel() -> Update:
    queued = (
        select(_job.e_id).where(_OF_CONFIGURATION, QUEUED).order_by(_job.e_id).with_for_update(key_share=True)
    )
    found = queued.cte("queued")
    values = {"status": constant(JobStatus.CANCELLED), "due_at": null(), **CHANGED}
    return update(email_job).where(_job.e_id == found.c.e_id).values(values)


def _set_statuses() -> Update:
    given = given_rows(**CHANGE_KINDS)
    # What is said of an error is of an attempt whose end was not known.
    unknown = or_(SENDING, IN_DOUBT)
    values = {
        "status": given.c.status,
        "provider_message_id": func.coalesce(_job.provider_message_id, given.c.message_id),
        "due_at": null(),
        "lease_until": null(),
        "in_doubt_since": null(),
        "error_code": case((unknown, null()), else_=_job.error_code),
        "error_text": case((unknown, null()), else_=_job.error_text),
        **CHANGED,
    }
    return update(email_job).where(_job.e_id == given.c.job_id).values(values)


def _for_events() -> Select[Any]:
    named = any_of(_job.e_id, "job_ids") | any_of(_job.provider_message_id, "message_ids")
    return (
        select(email_job).where(_OF_CONFIGURATION, named).order_by(_job.e_id).with_for_update(key_share=True)
    )


CLAIM = _claim()
RECORD = _record()
RESOLVE_DOUBTS = _resolve()
DOUBT_EXPIRED = _doubt()
TAKE_DOUBTS = _take_doubts()
CANCEL_QUEUED = _cancel()
SET_STATUSES = _set_statuses()
FOR_EVENTS = _for_events()
