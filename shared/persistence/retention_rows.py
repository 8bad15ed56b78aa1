"""What may go, kind by kind: statements that walk along a table in the order of its ids, which is that of its age.

A slice is three statements: the next ids, those of them that may go (locked, past what others hold), and their removal.
Each is answered by a primary key; what waits, and thus may not go, is looked for by the partial indexes of what waits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Delete,
    Exists,
    FromClause,
    Integer,
    Select,
    Table,
    and_,
    delete,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from shared.domain.dead_letter import Rest, Subject
from shared.domain.event import EventKind
from shared.domain.retention import OVER, Kind
from shared.persistence.sets import any_of, constant, parameter
from shared.persistence.tables import (
    BEARS_ON_SUPPRESSION,
    MOMENT,
    EventStatus,
    dead_letter,
    drift_finding,
    email_configuration,
    email_configuration_record,
    email_event,
    email_job,
    email_job_content,
    event_gap,
    operator_action,
    replay,
    replay_result,
    send_attempt,
)

_job = email_job.c
_content = email_job_content.c
_attempt = send_attempt.c
_event = email_event.c
_letter = dead_letter.c
_gap = event_gap.c
_record = email_configuration_record.c
_configuration = email_configuration.c
_action = operator_action.c
_finding = drift_finding.c
_replay = replay.c
_result = replay_result.c

_UNTIL = parameter("until", MOMENT)
_ROWS = parameter("rows", Integer)


@dataclass(frozen=True, slots=True)
class Walk:
    """`next`: the ids behind the cursor; `may_go`: which of these; `removals`: of those, the row itself last.

    `taken` is `may_go`, locked: what somebody else holds is passed over.
    """

    next: Select[UUID]
    may_go: Select[UUID]
    taken: Select[UUID]
    removals: Sequence[Delete]


def _walk(
    key: Column[UUID],
    source: FromClause,
    *conditions: ColumnElement[bool],
    first: Sequence[Delete] = (),
) -> Walk:
    assert isinstance(key.table, Table)
    behind = (key > parameter("cursor"), key < parameter("before"))
    may_go = select(key).select_from(source).where(any_of(key, "ids"), *conditions).order_by(key)
    return Walk(
        next=select(key).distinct().where(*behind).order_by(key).limit(_ROWS),
        may_go=may_go,
        taken=may_go.with_for_update(of=key.table, skip_locked=True),
        removals=(*first, delete(key.table).where(any_of(key, "ids"))),
    )


def _open_letter() -> Exists:
    """While there is one somebody may put the job back, which is sent again then."""
    about_job = (_letter.subject == constant(Subject.JOB), _letter.subject_id == _job.e_id)
    return select(_letter.e_id).where(*about_job, _letter.rest == constant(Rest.OPEN)).exists()


def _being_caught_up() -> Exists:
    return (
        select(_gap.e_id)
        .where(_gap.configuration_id == _job.configuration_id, _gap.finished_at.is_(None))
        .exists()
    )


def _told_of_next() -> ColumnElement[bool]:
    """An event of it waits to be projected. Sets that are made once a statement, and not once a job."""
    pending = (_event.status == constant(EventStatus.PENDING),)
    refs = select(_event.job_ref).where(*pending, _event.job_ref.is_not(None))
    messages = select(_event.message_id).where(*pending, _event.message_id.is_not(None))
    by_message = and_(_job.provider_message_id.is_not(None), _job.provider_message_id.in_(messages))
    return or_(_job.e_id.in_(refs), by_message)


_IS_OVER = _job.status.in_([constant(status) for status in OVER])
_JOB_IS_OVER = (_IS_OVER, _job.updated_at < _UNTIL, not_(_open_letter()))
_BEARS: ColumnElement[bool] = literal_column(f"({BEARS_ON_SUPPRESSION})", Boolean)
# In SQL what `retention.is_record_only` says.
_IS_RECORD_ONLY = and_(_event.kind != constant(EventKind.DELIVERY), not_(_BEARS))


def _superseded() -> Exists:
    """Whoever looks at a moment from `until` on, by what was known then, finds another record of the configuration."""
    later = email_configuration_record.alias("later")
    known = (later.c.recorded_at <= _UNTIL, later.c.effective_at <= _UNTIL)
    order = tuple_(later.c.effective_at, later.c.version) > tuple_(_record.effective_at, _record.version)
    return (
        select(later.c.r_id)
        .where(later.c.configuration_id == _record.configuration_id, *known, order)
        .exists()
    )


def _result_of_a_replay() -> Exists:
    return select(_result.letter_id).where(_result.letter_id == _letter.e_id).exists()


WALKS: Mapping[Kind, Walk] = {
    Kind.CONTENTS: _walk(
        _content.job_id,
        email_job_content.join(email_job, _job.e_id == _content.job_id),
        *_JOB_IS_OVER,
    ),
    Kind.ATTEMPTS: _walk(
        _attempt.job_id, send_attempt.join(email_job, _job.e_id == _attempt.job_id), *_JOB_IS_OVER
    ),
    Kind.EVENTS: _walk(
        _event.e_id,
        email_event.outerjoin(email_job, _job.e_id == _event.job_id),
        _event.status == constant(EventStatus.PROJECTED),
        _event.received_at < _UNTIL,
        _IS_RECORD_ONLY,
        or_(_job.e_id.is_(None), _IS_OVER),
    ),
    Kind.JOBS: _walk(
        _job.e_id,
        email_job,
        *_JOB_IS_OVER,
        not_(_being_caught_up()),
        not_(_told_of_next()),
        first=(
            # What bears on suppression stays: a rebuild makes the list of these.
            delete(email_event).where(any_of(_event.job_id, "ids"), not_(_BEARS)),
            delete(email_job_content).where(any_of(_content.job_id, "ids")),
            delete(send_attempt).where(any_of(_attempt.job_id, "ids")),
        ),
    ),
    Kind.RECORDS: _walk(
        _record.r_id,
        email_configuration_record.join(email_configuration, _configuration.e_id == _record.configuration_id),
        _record.recorded_at < _UNTIL,
        _record.version < _configuration.version,
        _superseded(),
    ),
    Kind.AUDIT: _walk(
        _action.e_id,
        operator_action,
        _action.at < _UNTIL,
        # A rebuild of a job needs what was decided about it.
        not_(select(_job.e_id).where(_job.e_id == _action.subject_id).exists()),
    ),
    Kind.DEAD_LETTERS: _walk(
        _letter.e_id,
        dead_letter,
        _letter.rest != constant(Rest.OPEN),
        _letter.rested_at < _UNTIL,
        not_(_result_of_a_replay()),
    ),
    Kind.FINDINGS: _walk(
        _finding.e_id,
        drift_finding,
        _finding.resolved_at < _UNTIL,
        func.coalesce(_finding.snoozed_until < _UNTIL, true()),
    ),
    Kind.REPLAYS: _walk(_replay.e_id, replay, _replay.finished_at < _UNTIL),
}

# A replay may have many results: those go first, a slice at a time.
_some_results = (
    select(_result.replay_id, _result.letter_id).where(any_of(_result.replay_id, "ids")).limit(_ROWS)
)
REMOVE_RESULTS = delete(replay_result).where(
    tuple_(_result.replay_id, _result.letter_id).in_(_some_results.with_for_update(skip_locked=True))
)


def given(until: datetime, cursor: UUID | None, before: UUID, rows: int) -> dict[str, Any]:
    return {"until": until, "cursor": cursor or UUID(int=0), "before": before, "rows": rows}
