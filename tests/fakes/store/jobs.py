from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.job import IN_FLIGHT, ClaimedJob, EmailJob, JobStatus, Settlement
from shared.domain.query import Query
from shared.persistence import locators
from shared.persistence.claims import SUPPRESSED_CODE
from shared.persistence.faults import DatabaseFault
from shared.ports.jobs import ANY_BYTES, Claim, Doubt, NewJob, OfferedJob, StatusChange
from shared.ports.rows import Page
from tests.fakes.store.account import MemoryAccountState
from tests.fakes.store.asking import page_of
from tests.fakes.store.attempts import MemoryAttempts
from tests.fakes.store.claiming import alone_or_without, within
from tests.fakes.store.dead_letters import MemoryDeadLetters, put_back
from tests.fakes.store.pressure import MemoryPressure
from tests.fakes.store.state import Moment, State

_DECIDABLE = (JobStatus.IN_DOUBT, JobStatus.INCONSISTENT)


class MemoryJobs:
    def __init__(self, state: State, moment: Moment, letters: MemoryDeadLetters) -> None:
        self._state = state
        self._moment = moment
        self._attempts = MemoryAttempts(state, moment)
        self._letters = letters

    @property
    def _all(self) -> dict[UUID, EmailJob]:
        return self._state.jobs

    def find_by_keys(self, tenant_id: UUID, idempotency_keys: Collection[str]) -> Mapping[str, EmailJob]:
        mine = (job for job in self._all.values() if job.tenant_id == tenant_id)
        return {job.idempotency_key: job for job in mine if job.idempotency_key in idempotency_keys}

    def offer(self, tenant_id: UUID, jobs: Sequence[OfferedJob]) -> Mapping[UUID, datetime]:
        if any(recovery.ended_at is None for recovery in self._state.recoveries.values()):
            return {}
        wanted = [NewJob(one.accepted(tenant_id, self._moment.now), one.content) for one in jobs]
        passing = [new for new in wanted if self._may_send(new.job) and not self._is_suppressed(new.job)]
        return dict.fromkeys(self.accept(passing), self._moment.now)

    def _may_send(self, job: EmailJob) -> bool:
        held = self._state.configurations.get(job.configuration_id)
        return held is not None and held.tenant_id == job.tenant_id and held.can_send

    def accept(self, jobs: Sequence[NewJob]) -> set[UUID]:
        taken = {(job.tenant_id, job.idempotency_key) for job in self._all.values()}
        accepted = set()
        for new in sorted(jobs, key=lambda new: new.job.idempotency_key):
            if new.job.configuration_id not in self._state.configurations:
                raise DatabaseFault("ForeignKeyViolation (fk_email_job_configuration_id)")
            key = (new.job.tenant_id, new.job.idempotency_key)
            if key not in taken:
                taken.add(key)
                accepted.add(new.job.e_id)
                self._keep(new.job)
                self._state.contents[new.job.e_id] = replace(new.content, tag=new.job.tag)
        return accepted

    def get(self, tenant_id: UUID, e_id: UUID) -> EmailJob | None:
        job = self._all.get(e_id)
        return job if job and job.tenant_id == tenant_id else None

    def query(self, tenant_id: UUID, query: Query) -> Page[EmailJob]:
        mine = [job for job in self._all.values() if job.tenant_id == tenant_id]
        return page_of(mine, query, locators.JOB, default="acceptedAt", of=lambda job: job)

    def claim(
        self,
        configuration_id: UUID,
        *,
        claim_id: UUID,
        limit: int,
        lease_seconds: float,
        bytes_max: int = ANY_BYTES,
    ) -> Claim:
        all_due = self._due(JobStatus.QUEUED, configuration_id)[:limit]
        judged = alone_or_without(all_due)
        suppressed = {job.e_id for job in judged if self._is_suppressed(job)}
        due = list(within(judged, self._state.contents, suppressed, bytes_max))
        for job in due:
            if job.e_id in suppressed:
                self._change(
                    job, JobStatus.SUPPRESSED, due_at=None, error_code=SUPPRESSED_CODE, error_text=None
                )
            else:
                until = self._moment.after(lease_seconds)
                taken = {"claim_id": claim_id, "lease_until": until, "attempts": job.attempts + 1}
                self._change(job, JobStatus.SENDING, due_at=None, **taken)
                self._attempts.intend(self._all[job.e_id])
        sending = (self._all[job.e_id] for job in due if job.e_id not in suppressed)
        claimed = tuple(map(self._claimed, sending))
        at = self._moment.now if due else None
        return Claim(claim_id, claimed, at, suppressed=len(suppressed), left_out=len(all_due) - len(due))

    def _claimed(self, job: EmailJob) -> ClaimedJob:
        content = self._state.contents[job.e_id]
        return ClaimedJob(
            e_id=job.e_id,
            recipient=job.recipient,
            content=content,
            attempts=job.attempts,
            accepted_at=_age_began(job),
            worker_deaths=job.worker_deaths,
            trace=job.trace,
        )

    def _is_suppressed(self, job: EmailJob) -> bool:
        return any(
            entry.active and (entry.tenant_id, entry.address) == (job.tenant_id, job.recipient)
            for entry in self._state.entries.values()
        )

    def has_due(self, configuration_id: UUID) -> bool:
        return bool(self._due(JobStatus.QUEUED, configuration_id))

    def record(self, claim_id: UUID, settlements: Sequence[Settlement]) -> set[UUID]:
        written = set()
        for settlement in settlements:
            job = self._all.get(settlement.job_id)
            if job and job.status is JobStatus.SENDING and job.claim_id == claim_id:
                self._settle(job, settlement, late_looks=job.late_looks)
                written.add(job.e_id)
            self._attempts.finish(claim_id, settlement, late=settlement.job_id not in written)
        return written

    def doubt_expired_leases(self, *, look_in_seconds: float, limit: int) -> list[UUID]:
        expired = [job for job in self._in(JobStatus.SENDING) if self._moment.is_due(job.lease_until)]
        expired = sorted(expired, key=lambda job: (job.lease_until, job.e_id))[:limit]
        for job in expired:
            look_at = self._moment.after(look_in_seconds)
            since = {"in_doubt_since": self._moment.now}
            deaths = {"worker_deaths": job.worker_deaths + 1}
            untold = {"error_code": None, "error_text": None}
            self._change(
                job, JobStatus.IN_DOUBT, due_at=look_at, lease_until=None, **since, **deaths, **untold
            )
        return list(dict.fromkeys(job.configuration_id for job in expired))

    def take_doubts(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Doubt]:
        due = [] if self._state.is_recovering else self._due(JobStatus.IN_DOUBT, configuration_id)[:limit]
        for job in due:
            self._change(job, JobStatus.IN_DOUBT, due_at=self._moment.after(lease_seconds))
        return [_doubt(self._all[job.e_id]) for job in due]

    def resolve_doubts(self, settlements: Mapping[UUID, tuple[int, Settlement, int]]) -> set[UUID]:
        written = set()
        for job_id, (version, settlement, late_looks) in settlements.items():
            job = self._all.get(job_id)
            if job and job.status is JobStatus.IN_DOUBT and job.version == version:
                self._settle(job, settlement, late_looks=late_looks)
                written.add(job_id)
                if settlement.status is JobStatus.SENT:
                    self._attempts.found(self._all[job_id])
        return written

    def attempts(self, tenant_id: UUID, job_id: UUID) -> list[SendAttempt]:
        return self._attempts.of_job(job_id) if self.get(tenant_id, job_id) else []

    def actions(self, tenant_id: UUID, job_id: UUID) -> list[OperatorAction]:
        mine = [
            one
            for one in self._state.actions.values()
            if (one.tenant_id, one.subject_id) == (tenant_id, job_id)
        ]
        return sorted(mine, key=lambda one: (one.at, one.e_id))

    def decide(self, job: EmailJob, settlement: Settlement, action: OperatorAction) -> bool:
        held = self._all.get(job.e_id)
        if held is None or held.status not in _DECIDABLE or held.version != job.version:
            return False
        if settlement.status is JobStatus.QUEUED:
            held = replace(put_back(held, self._moment.now), version=held.version)
        self._change(
            held,
            settlement.status,
            due_at=held.due_at if settlement.status is JobStatus.QUEUED else None,
            in_doubt_since=None,
            provider_message_id=settlement.provider_message_id or held.provider_message_id,
            error_code=settlement.error_code,
            error_text=settlement.error_text,
        )
        self._state.actions[action.e_id] = action
        return True

    def in_flight(self, configuration_id: UUID) -> int:
        return len([job for job in self._in(*IN_FLIGHT) if job.configuration_id == configuration_id])

    def cancel_queued(self, configuration_id: UUID) -> int:
        queued = [job for job in self._in(JobStatus.QUEUED) if job.configuration_id == configuration_id]
        for job in queued:
            self._change(job, JobStatus.CANCELLED, due_at=None)
        return len(queued)

    def for_events(
        self, configuration_id: UUID, *, job_ids: Collection[UUID], message_ids: Collection[str]
    ) -> list[EmailJob]:
        found = [
            job
            for job in self._all.values()
            if job.configuration_id == configuration_id
            and (job.e_id in job_ids or job.provider_message_id in message_ids)
        ]
        return sorted(found, key=lambda job: job.e_id)

    def set_status(self, job: EmailJob, status: JobStatus, *, provider_message_id: str | None) -> None:
        self.set_statuses([StatusChange(job.e_id, status, provider_message_id)])

    def set_statuses(self, changes: Sequence[StatusChange]) -> None:
        for change in changes:
            held = self._all[change.job_id]
            known = held.provider_message_id or change.provider_message_id
            ended: dict[str, str | None] = {"due_at": None, "lease_until": None, "in_doubt_since": None}
            if held.status in (JobStatus.SENDING, JobStatus.IN_DOUBT):
                ended |= {"error_code": None, "error_text": None}
            self._change(held, change.status, provider_message_id=known, **ended)

    def configurations_with_due_jobs(self, limit: int) -> list[UUID]:
        if MemoryAccountState(self._state, self._moment).is_shut:
            return []
        pressure = MemoryPressure(self._state, self._moment)
        return self._configurations(
            JobStatus.QUEUED,
            limit,
            lambda e_id: self._state.configurations[e_id].may_claim and not pressure.is_blocked(e_id),
        )

    def configurations_with_due_doubts(self, limit: int) -> list[UUID]:
        return self._configurations(JobStatus.IN_DOUBT, limit, lambda _: not self._state.is_recovering)

    def _configurations(self, status: JobStatus, limit: int, wanted: Callable[[UUID], bool]) -> list[UUID]:
        ids = dict.fromkeys(job.configuration_id for job in self._due(status))
        return [e_id for e_id in ids if wanted(e_id)][:limit]

    def _in(self, *statuses: JobStatus) -> Iterable[EmailJob]:
        return [job for job in self._all.values() if job.status in statuses]

    def _due(self, status: JobStatus, configuration_id: UUID | None = None) -> list[EmailJob]:
        due = [
            job
            for job in self._in(status)
            if configuration_id in (None, job.configuration_id) and self._moment.is_due(job.due_at)
        ]
        return sorted(due, key=lambda job: (job.due_at, job.e_id))

    def _settle(self, job: EmailJob, settlement: Settlement, *, late_looks: int) -> None:
        doubtful = settlement.status is JobStatus.IN_DOUBT
        told = job if doubtful and settlement.error_code is None else settlement
        self._change(
            job,
            settlement.status,
            due_at=settlement.due_at,
            lease_until=None,
            in_doubt_since=(job.in_doubt_since or self._moment.now) if doubtful else None,
            late_looks=late_looks,
            provider_message_id=settlement.provider_message_id or job.provider_message_id,
            error_code=told.error_code,
            error_text=told.error_text,
        )
        if settlement.status is JobStatus.FAILED:
            self._letters.bury_job(self._all[job.e_id])

    def _change(self, job: EmailJob, status: JobStatus, **fields: object) -> None:
        moved = {"status": status, "version": job.version + 1, "updated_at": self._moment.now}
        self._keep(replace(job, **moved, **fields))  # type: ignore[arg-type]

    def _keep(self, job: EmailJob) -> None:
        """The rules of the table: what waits says since when, what is being sent says until when."""
        if job.status in (JobStatus.QUEUED, JobStatus.IN_DOUBT) and job.due_at is None:
            raise DatabaseFault("CheckViolation (ck_email_job_waiting_is_due)")
        if job.status is JobStatus.SENDING and None in (job.claim_id, job.lease_until):
            raise DatabaseFault("CheckViolation (ck_email_job_sending_is_leased)")
        if job.status is JobStatus.IN_DOUBT and None in (job.claim_id, job.in_doubt_since):
            raise DatabaseFault("CheckViolation (ck_email_job_doubt_is_searchable)")
        self._all[job.e_id] = job


def _age_began(job: EmailJob) -> datetime:
    return job.replayed_at or job.accepted_at


def _doubt(job: EmailJob) -> Doubt:
    assert job.claim_id is not None
    assert job.in_doubt_since is not None
    return Doubt(
        job_id=job.e_id,
        claim_id=job.claim_id,
        in_doubt_since=job.in_doubt_since,
        late_looks=job.late_looks,
        worker_deaths=job.worker_deaths,
        accepted_at=_age_began(job),
        version=job.version,
    )
