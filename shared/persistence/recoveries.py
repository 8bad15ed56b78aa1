"""Recoveries: the one that is open, how far it came, and what it wrote down."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Integer, Text, Uuid, case, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.errors import Conflict
from shared.domain.job import EmailJob, JobStatus
from shared.domain.recovery import Found, Look, Recovery, TakenMessage, Told
from shared.persistence.claims import CHANGED
from shared.persistence.job_rows import job_of
from shared.persistence.sets import (
    Kind,
    any_of,
    as_arrays,
    constant,
    first_of,
    given_rows,
    ids_of,
    parameter,
    rows_of,
    run,
)
from shared.persistence.tables import (
    MOMENT,
    email_configuration,
    email_job,
    recovery,
    recovery_look,
    recovery_message,
    send_attempt,
)

_recovery = recovery.c
_look = recovery_look.c
_message = recovery_message.c
_job = email_job.c
_attempt = send_attempt.c
_configuration = email_configuration.c

# In the ledger, beside who found what otherwise.
EVIDENCE = "found at the provider after the database had been restored"

_OPEN = _recovery.ended_at.is_(None)
_OF_RECOVERY = _look.recovery_id == parameter("recovery_id")
_LOOK = tuple(field.name for field in fields(Look))
_COLUMN_OF_LOOK = {"number": "look"}
_SELECTED_LOOK = [_look[_COLUMN_OF_LOOK.get(name, name)].label(name) for name in _LOOK]
_KEPT: dict[str, Kind] = {
    "job_id": Uuid,
    "tenant_id": Uuid,
    "configuration_id": Uuid,
    "found": Text,
    "provider_message_id": Text,
    "taken_at": MOMENT,
}

_BEGIN = insert(recovery).on_conflict_do_nothing().returning(_recovery.e_id)
_GET = select(recovery).where(_recovery.e_id == parameter("recovery_id"))
_GET_OPEN = select(recovery).where(_OPEN)
_NEWEST = select(recovery).order_by(_recovery.begun_at.desc(), _recovery.e_id.desc()).limit(1)
_END = (
    update(recovery)
    .where(_recovery.e_id == parameter("recovery_id"), _OPEN)
    .values(ended_at=func.now(), ended_by=parameter("author", Text))
)
_CONCERNED = (
    select(_configuration.e_id).where(_configuration.server_token.is_not(None)).order_by(_configuration.e_id)
)
_LOOKS = select(*_SELECTED_LOOK).where(_OF_RECOVERY).order_by(_look.configuration_id, _look.look)
_ONE_LOOK = select(*_SELECTED_LOOK).where(
    _OF_RECOVERY,
    _look.configuration_id == parameter("configuration_id"),
    _look.look == parameter("number", Integer),
)
_JOBS = select(email_job).where(any_of(_job.e_id, "ids")).order_by(_job.e_id).with_for_update(key_share=True)

_TAKEN: dict[str, Kind] = {
    "job_id": Uuid,
    "claim_id": Uuid,
    "message_id": Text,
    "taken_at": MOMENT,
}
_given = given_rows(**_TAKEN)
_other_claim = _given.c.claim_id.is_distinct_from(_job.claim_id) & _given.c.claim_id.is_not(None)
_SETTLE = (
    update(email_job)
    .where(_job.e_id == _given.c.job_id)
    .values(
        {
            "status": constant(JobStatus.SENT),
            "claim_id": func.coalesce(_given.c.claim_id, _job.claim_id),
            "attempts": _job.attempts + case((_other_claim, 1), else_=0),
            "provider_message_id": _given.c.message_id,
            "due_at": null(),
            "lease_until": null(),
            "in_doubt_since": null(),
            "error_code": null(),
            "error_text": null(),
            **CHANGED,
        }
    )
)
_handed_over = (
    select(
        _given.c.job_id,
        _given.c.claim_id,
        _job.attempts,
        _given.c.taken_at,
        func.now(),
        constant(JobStatus.SENT),
        literal(EVIDENCE, Text),
        _given.c.message_id,
        literal(False),
    )
    .join_from(_given, email_job, _job.e_id == _given.c.job_id)
    .where(_given.c.claim_id.is_not(None))
    .order_by(_given.c.job_id)
)
_ATTEMPT = (
    "job_id",
    "claim_id",
    "number",
    "claimed_at",
    "finished_at",
    "outcome",
    "text",
    "provider_message_id",
    "fenced",
)
_noted = insert(send_attempt).from_select(list(_ATTEMPT), _handed_over)
_NOTE_ATTEMPTS = _noted.on_conflict_do_update(
    index_elements=[_attempt.job_id, _attempt.claim_id],
    set_={
        "finished_at": func.coalesce(_attempt.finished_at, _noted.excluded.finished_at),
        "outcome": _noted.excluded.outcome,
        "text": func.coalesce(_attempt.text, _noted.excluded.text),
        "provider_message_id": _noted.excluded.provider_message_id,
    },
)
_KEEP = (
    insert(recovery_message)
    .from_select(
        ["recovery_id", *_KEPT, "written_at"],
        select(parameter("recovery_id"), given_rows(**_KEPT), func.now()),
    )
    .on_conflict_do_nothing()
)
_COUNT = (
    select(_message.found, func.count().label("messages"))
    .where(_message.recovery_id == parameter("recovery_id"))
    .group_by(_message.found)
)
_MESSAGES = (
    select(*(_message[name] for name in _KEPT))
    .where(_message.recovery_id == parameter("recovery_id"))
    .order_by(_message.job_id)
    .limit(parameter("limit", Integer))
)


class PostgresRecoveries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, recovery: Recovery) -> None:
        row = {field.name: getattr(recovery, field.name) for field in fields(Recovery)}
        if self._connection.scalar(_BEGIN, row) is None:
            raise Conflict("a recovery is open already")

    def open(self) -> Recovery | None:
        return self._one(_GET_OPEN)

    def get(self, e_id: UUID) -> Recovery | None:
        return self._one(_GET, recovery_id=e_id)

    def newest(self) -> Recovery | None:
        return self._one(_NEWEST)

    def end(self, e_id: UUID, *, author: str) -> bool:
        return run(self._connection, _END, {"recovery_id": e_id, "author": author}).rowcount == 1

    def concerned(self) -> list[UUID]:
        return ids_of(self._connection, _CONCERNED)

    def looks(self, e_id: UUID) -> list[Look]:
        return [Look(**row) for row in rows_of(self._connection, _LOOKS, {"recovery_id": e_id})]

    def look(self, e_id: UUID, configuration_id: UUID, number: int) -> Look | None:
        wanted = {"recovery_id": e_id, "configuration_id": configuration_id, "number": number}
        row = first_of(self._connection, _ONE_LOOK, wanted)
        return None if row is None else Look(**row)

    def save(self, look: Look) -> None:
        row = {_COLUMN_OF_LOOK.get(name, name): getattr(look, name) for name in _LOOK}
        first = insert(recovery_look).values(row)
        kept = {
            "searched_until": func.greatest(_look.searched_until, first.excluded.searched_until),
            "messages": func.greatest(_look.messages, first.excluded.messages),
            "fault": first.excluded.fault,
            "finished_at": func.coalesce(_look.finished_at, first.excluded.finished_at),
        }
        key = [_look.recovery_id, _look.configuration_id, _look.look]
        self._connection.execute(first.on_conflict_do_update(index_elements=key, set_=kept))

    def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, EmailJob]:
        rows = rows_of(self._connection, _JOBS, {"ids": list(ids)})
        return {row["e_id"]: job_of(row) for row in rows}

    def settle(self, messages: Sequence[TakenMessage]) -> None:
        run(self._connection, _SETTLE, _rows_of(messages))

    def note_attempts(self, messages: Sequence[TakenMessage]) -> None:
        run(self._connection, _NOTE_ATTEMPTS, _rows_of(messages))

    def keep(self, e_id: UUID, told: Sequence[Told]) -> None:
        rows = as_arrays(_KEPT, ({name: getattr(one, name) for name in _KEPT} for one in told))
        run(self._connection, _KEEP, {"recovery_id": e_id, **rows})

    def count(self, e_id: UUID) -> Mapping[Found, int]:
        rows = run(self._connection, _COUNT, {"recovery_id": e_id})
        return {Found(row.found): row.messages for row in rows}

    def told(
        self, e_id: UUID, *, found: Found | None = None, after: UUID | None = None, limit: int
    ) -> list[Told]:
        wanted = _MESSAGES if found is None else _MESSAGES.where(_message.found == constant(found))
        if after is not None:
            wanted = wanted.where(_message.job_id > after)
        rows = rows_of(self._connection, wanted, {"recovery_id": e_id, "limit": limit})
        return [Told(**{**row, "found": Found(row["found"])}) for row in rows]

    def _one(self, statement: Any, **given: object) -> Recovery | None:
        row = first_of(self._connection, statement, given)
        return None if row is None else Recovery(**row)


def _rows_of(messages: Sequence[TakenMessage]) -> dict[str, object]:
    return as_arrays(_TAKEN, ({name: getattr(one, name) for name in _TAKEN} for one in messages))
