"""Jobs: accepted once per key, claimed by whoever comes first, settled by whoever still holds the claim."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Executable, func, null, select, update

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.domain.query import Query
from shared.persistence import actions, attempts, claims, job_statements
from shared.persistence.job_rows import (
    CONTENT_KINDS,
    JOB_KINDS,
    claimed_job_of,
    job_of,
    row_of_content,
    row_of_job,
    row_of_offer,
)
from shared.persistence.letters import bury_jobs
from shared.persistence.sets import as_arrays, first_of, ids_of, rows_of, run
from shared.persistence.tables import email_job
from shared.ports.clock import NewId
from shared.ports.jobs import ANY_BYTES, Claim, Doubt, NewJob, OfferedJob, StatusChange
from shared.ports.rows import Page

_column = email_job.c


class PostgresJobs:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def find_by_keys(self, tenant_id: UUID, idempotency_keys: Collection[str]) -> Mapping[str, EmailJob]:
        wanted = {"tenant_id": tenant_id, "keys": list(idempotency_keys)}
        return {row["idempotency_key"]: job_of(row) for row in self._rows(job_statements.BY_KEYS, wanted)}

    def offer(self, tenant_id: UUID, jobs: Sequence[OfferedJob]) -> Mapping[UUID, datetime]:
        rows = as_arrays(job_statements.OFFER_KINDS, (row_of_offer(tenant_id, each) for each in jobs))
        return {row["e_id"]: row["accepted_at"] for row in self._rows(job_statements.OFFER, rows)}

    def accept(self, jobs: Sequence[NewJob]) -> set[UUID]:
        # In the order of their keys: two batches with the same keys wait for one another in one direction only.
        ordered = sorted(jobs, key=lambda new: new.job.idempotency_key)
        rows = as_arrays(JOB_KINDS, (row_of_job(new.job) for new in ordered))
        accepted = set(self._ids(job_statements.ACCEPT, rows))
        contents = [row_of_content(new.job.e_id, new.content) for new in ordered if new.job.e_id in accepted]
        if contents:
            run(self._connection, job_statements.ADD_CONTENTS, as_arrays(CONTENT_KINDS, contents))
        return accepted

    def get(self, tenant_id: UUID, e_id: UUID) -> EmailJob | None:
        wanted = select(email_job).where(_column.e_id == e_id, _column.tenant_id == tenant_id)
        row = first_of(self._connection, wanted)
        return None if row is None else job_of(row)

    def query(self, tenant_id: UUID, query: Query) -> Page[EmailJob]:
        asked = job_statements.ASKED.page(select(email_job).where(_column.tenant_id == tenant_id), query)
        rows = [job_of(row) for row in self._rows(asked, {})]
        return Page(tuple(rows[: query.size]), more=len(rows) > query.size)

    def claim(
        self,
        configuration_id: UUID,
        *,
        claim_id: UUID,
        limit: int,
        lease_seconds: float,
        bytes_max: int = ANY_BYTES,
    ) -> Claim:
        wanted = {
            "configuration_id": configuration_id,
            "claim_id": claim_id,
            "limit": limit,
            "lease": timedelta(seconds=lease_seconds),
            "bytes_max": bytes_max,
        }
        rows = self._rows(claims.CLAIM, wanted)
        taken = [row for row in rows if row["status"] == JobStatus.SENDING]
        return Claim(
            claim_id,
            tuple(map(claimed_job_of, taken)),
            rows[0]["claimed_at"] if rows else None,
            suppressed=len(rows) - len(taken),
            left_out=rows[0]["due_count"] - len(rows) if rows else 0,
        )

    def has_due(self, configuration_id: UUID) -> bool:
        wanted = {"configuration_id": configuration_id}
        return bool(self._ids(job_statements.FIRST_DUE, wanted))

    def record(self, claim_id: UUID, settlements: Sequence[Settlement]) -> set[UUID]:
        rows = as_arrays(claims.SETTLEMENT_KINDS, map(_row_of_settlement, settlements))
        written = self._ids(claims.RECORD, {"claim_id": claim_id, **rows})
        self._bury_failed(written, settlements)
        return set(written)

    def doubt_expired_leases(self, *, look_in_seconds: float, limit: int) -> list[UUID]:
        wanted = {"look": timedelta(seconds=look_in_seconds), "limit": limit}
        return list(dict.fromkeys(self._ids(claims.DOUBT_EXPIRED, wanted)))

    def take_doubts(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Doubt]:
        wanted = {
            "configuration_id": configuration_id,
            "limit": limit,
            "lease": timedelta(seconds=lease_seconds),
        }
        return [Doubt(**row) for row in self._rows(claims.TAKE_DOUBTS, wanted)]

    def resolve_doubts(self, settlements: Mapping[UUID, tuple[int, Settlement, int]]) -> set[UUID]:
        rows = [
            {**_row_of_settlement(settlement), "version": version, "late_looks": late_looks}
            for version, settlement, late_looks in settlements.values()
        ]
        written = self._ids(claims.RESOLVE_DOUBTS, as_arrays(claims.RESOLUTION_KINDS, rows))
        self._bury_failed(written, [settlement for _, settlement, _ in settlements.values()])
        return set(written)

    def _bury_failed(self, written: Collection[UUID], settlements: Iterable[Settlement]) -> None:
        failed = {one.job_id for one in settlements if one.status is JobStatus.FAILED}
        bury_jobs(self._connection, self._new_id, [job_id for job_id in written if job_id in failed])

    def attempts(self, tenant_id: UUID, job_id: UUID) -> list[SendAttempt]:
        wanted = {"tenant_id": tenant_id, "job_id": job_id}
        return [SendAttempt(**row) for row in self._rows(attempts.OF_JOB, wanted)]

    def actions(self, tenant_id: UUID, job_id: UUID) -> list[OperatorAction]:
        wanted = {"tenant_id": tenant_id, "subject_id": job_id}
        return [OperatorAction(**row) for row in self._rows(actions.OF_SUBJECT, wanted)]

    def decide(self, job: EmailJob, settlement: Settlement, action: OperatorAction) -> bool:
        same = (_column.e_id == job.e_id, _column.version == job.version, _column.status.in_(_DECIDABLE))
        held = update(email_job).where(*same)
        decided = held.values(_decided(settlement)).returning(_column.e_id)
        if self._connection.scalar(decided) is None:
            return False
        actions.keep(self._connection, action)
        return True

    def in_flight(self, configuration_id: UUID) -> int:
        wanted = {"configuration_id": configuration_id}
        return int(run(self._connection, job_statements.IN_FLIGHT, wanted).scalar_one())

    def cancel_queued(self, configuration_id: UUID) -> int:
        wanted = {"configuration_id": configuration_id}
        return run(self._connection, claims.CANCEL_QUEUED, wanted).rowcount

    def for_events(
        self, configuration_id: UUID, *, job_ids: Collection[UUID], message_ids: Collection[str]
    ) -> list[EmailJob]:
        wanted = {
            "configuration_id": configuration_id,
            "job_ids": list(job_ids),
            "message_ids": list(message_ids),
        }
        return [job_of(row) for row in self._rows(claims.FOR_EVENTS, wanted)]

    def set_status(self, job: EmailJob, status: JobStatus, *, provider_message_id: str | None) -> None:
        self.set_statuses([StatusChange(job.e_id, status, provider_message_id)])

    def set_statuses(self, changes: Sequence[StatusChange]) -> None:
        rows = [
            {"job_id": one.job_id, "status": one.status.value, "message_id": one.provider_message_id}
            for one in changes
        ]
        run(self._connection, claims.SET_STATUSES, as_arrays(claims.CHANGE_KINDS, rows))

    def configurations_with_due_jobs(self, limit: int) -> list[UUID]:
        return self._ids(job_statements.DUE_JOBS, {"limit": limit})

    def configurations_with_due_doubts(self, limit: int) -> list[UUID]:
        return self._ids(job_statements.DUE_DOUBTS, {"limit": limit})

    def _rows(self, statement: Executable, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        return rows_of(self._connection, statement, parameters)

    def _ids(self, statement: Executable, parameters: Mapping[str, Any]) -> list[UUID]:
        return ids_of(self._connection, statement, parameters)


_DECIDABLE = (JobStatus.IN_DOUBT.value, JobStatus.INCONSISTENT.value)


def _decided(settlement: Settlement) -> dict[str, Any]:
    again = claims.AGAIN if settlement.status is JobStatus.QUEUED else {"due_at": null()}
    known = func.coalesce(settlement.provider_message_id, _column.provider_message_id)
    return {
        "status": settlement.status.value,
        "in_doubt_since": null(),
        "provider_message_id": known,
        "error_code": settlement.error_code,
        "error_text": settlement.error_text,
        **again,
        **claims.CHANGED,
    }


_SETTLED = tuple(field.name for field in fields(Settlement))


def _row_of_settlement(settlement: Settlement) -> dict[str, Any]:
    return {**{name: getattr(settlement, name) for name in _SETTLED}, "status": settlement.status.value}
