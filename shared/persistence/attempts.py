"""The ledger of attempts: an intent with the claim, its result with the record. Parts of the statements that move jobs.

Attempts are locked after the jobs, and in the order of the jobs' ids as those are. What is known of an attempt is not
overwritten: a result that comes second and says something else is added to its text.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from shared.domain.job import JobStatus
from shared.persistence.sets import constant, parameter
from shared.persistence.tables import email_job, send_attempt

_attempt = send_attempt.c
_job = email_job.c

OF_JOB = (
    select(send_attempt)
    .join(email_job, _job.e_id == _attempt.job_id)
    .where(_attempt.job_id == parameter("job_id"), _job.tenant_id == parameter("tenant_id"))
    .order_by(_attempt.claimed_at, _attempt.number)
)

_INTENT = ("job_id", "claim_id", "number", "claimed_at", "fenced")


def intended(taken: CTE) -> CTE:
    """Writes the intents of the jobs that a claim has `taken`."""
    meant = select(
        taken.c.e_id, parameter("claim_id"), taken.c.attempts, func.now(), literal_column("false")
    ).where(taken.c.status == constant(JobStatus.SENDING))
    return insert(send_attempt).from_select(_INTENT, meant).cte("intended")


def finished(given: FromClause, settled: CTE) -> CTE:
    """Writes the results that a claim has `given`. What is not among the `settled` came after the claim was lost."""
    late = settled.c.e_id.is_(None).label("late")
    wanted = (
        select(given, late)
        .select_from(send_attempt)
        .join(given, _attempt.job_id == given.c.job_id)
        .outerjoin(settled, settled.c.e_id == given.c.job_id)
        .where(_attempt.claim_id == parameter("claim_id"))
    )
    told = _locked(wanted).cte("told")
    known, contradicts = _attempt.outcome.is_not(None), _contradicts(told)
    values = {
        "finished_at": func.coalesce(_attempt.finished_at, func.clock_timestamp()),
        "outcome": func.coalesce(_attempt.outcome, told.c.status),
        "code": case((known, _attempt.code), else_=told.c.error_code),
        "text": case((known, _with_later(told)), else_=told.c.error_text),
        "provider_message_id": func.coalesce(_attempt.provider_message_id, told.c.provider_message_id),
        "fenced": case((known, or_(_attempt.fenced, told.c.late)), else_=told.c.late),
    }
    statement = update(send_attempt).where(
        _attempt.job_id == told.c.job_id,
        _attempt.claim_id == parameter("claim_id"),
        # The same result once more is no news: its transaction's commit may have been unheard of.
        or_(_attempt.outcome.is_(None), contradicts),
    )
    return statement.values(values).cte("finished")


def _contradicts(told: CTE) -> ColumnElement[bool]:
    return or_(
        _attempt.outcome != told.c.status,
        _attempt.code != told.c.error_code,
        and_(
            told.c.provider_message_id.is_not(None),
            _attempt.provider_message_id.is_distinct_from(told.c.provider_message_id),
        ),
    )


def _with_later(told: CTE) -> ColumnElement[str]:
    later = func.concat_ws(
        " ", "later:", told.c.status, told.c.error_code, told.c.provider_message_id, told.c.error_text
    )
    return func.concat_ws("; ", _attempt.text, later)


def found(settled: CTE) -> CTE:
    """Completes the attempts of the doubts that were `settled` because the provider knows their messages."""
    wanted = (
        select(settled.c.e_id, settled.c.claim_id, settled.c.provider_message_id)
        .select_from(send_attempt)
        .join(settled, and_(_attempt.job_id == settled.c.e_id, _attempt.claim_id == settled.c.claim_id))
        .where(settled.c.status == constant(JobStatus.SENT))
    )
    sent = _locked(wanted).cte("sent")
    values = {
        "finished_at": func.coalesce(_attempt.finished_at, func.clock_timestamp()),
        "outcome": constant(JobStatus.SENT),
        "provider_message_id": func.coalesce(sent.c.provider_message_id, _attempt.provider_message_id),
    }
    statement = update(send_attempt).where(
        _attempt.job_id == sent.c.e_id, _attempt.claim_id == sent.c.claim_id
    )
    return statement.values(values).cte("found")


def _locked(attempts: Select[Any]) -> Select[Any]:
    return attempts.order_by(_attempt.job_id).with_for_update(of=send_attempt, key_share=True)
