"""A tenant whose jobs were sent in every way there is, and whose events come in whatever order a test likes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from structlog.testing import capture_logs

from shared.cli.rebuild import Operator, RebuildDeps, rebuild_jobs, rebuild_suppressions
from shared.domain.attempt import SendAttempt
from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EventFacts, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.rebuild import AddressDifference, JobDifference
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob
from tests import factories
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.fakes.store.arrivals import MemoryArrivals
from web.intake.job import JobPorts
from web.intake.resolution import resolve
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

OPERATOR = Operator("operator@example.com", "incident 12")
_POLICY = ProjectionPolicy(
    batch_size=3, retry_seconds=60, give_up_after=timedelta(hours=24), batches_per_turn=99
)
_SOON = MONDAY_MORNING + timedelta(hours=1)


@dataclass
class LogWorld:
    """Each deed takes a second of the database's clock."""

    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    configuration: EmailConfiguration = field(default_factory=factories.sendable)

    def __post_init__(self) -> None:
        with self.store.begin() as tx:
            tx.configurations.add(self.configuration, factories.CREATED)

    def add_job(self, status: JobStatus, *, outcome: JobStatus | None, attempted: bool = True) -> EmailJob:
        """`outcome`: of its one attempt, where it had one; None while its worker is at it, or died."""
        number = len(self.store._state.jobs)
        claim_id = new_id()
        message_id = f"m-{number}" if outcome is JobStatus.SENT else None
        job = factories.job(
            self.configuration,
            status=status,
            recipient=f"p{number}@example.com",
            provider_message_id=message_id,
            claim_id=claim_id,
            accepted_at=factories.later(minutes=number),
            due_at=_SOON if status in (JobStatus.QUEUED, JobStatus.IN_DOUBT) else None,
            lease_until=_SOON if status is JobStatus.SENDING else None,
            in_doubt_since=factories.LONG_AGO if status is JobStatus.IN_DOUBT else None,
        )
        with self.store.begin() as tx:
            tx.jobs.accept([NewJob(job, factories.content())])
        if attempted:
            self.store._state.attempts[job.e_id, claim_id] = SendAttempt(
                job_id=job.e_id,
                claim_id=claim_id,
                number=1,
                claimed_at=factories.LONG_AGO,
                finished_at=factories.LONG_AGO if outcome else None,
                outcome=outcome.value if outcome else None,
                provider_message_id=message_id,
            )
        return job

    def tell(self, job: EmailJob, told: EventFacts) -> None:
        """As the ingress stores it. One that was told before is dropped there."""
        event = factories.event(self.configuration, told, received_at=self._second())
        with self.store.begin() as tx:
            tx.events.add(event, EventHeaders())

    def project(self) -> None:
        self._second()
        deps = ProjectionDeps(self.store, self.doorbell, _POLICY)
        with capture_logs():
            project_events(self.configuration.e_id, deps)

    def resolve(self, job: EmailJob) -> None:
        self._second()
        ports = JobPorts(self.store, MemoryArrivals(self.store), self.doorbell, new_id)
        if self.job(job).status is JobStatus.INCONSISTENT:
            resolve(ports, job.tenant_id, job.e_id, author="operator", reason="looked at it")

    def suppress(self, address: str) -> None:
        now = self._second()
        with self.store.begin() as tx:
            tx.suppressions.add(factories.suppression(address=address, since=now))

    def lift(self, address: str) -> None:
        """As the API does: not a complaint."""
        self._second()
        with self.store.begin() as tx:
            for entry in tx.suppressions.active_among(factories.TENANT, [address]).values():
                if entry.reason is not SuppressionReason.SPAM_COMPLAINT:
                    tx.suppressions.lift(entry, author="operator", note=None)

    def job(self, job: EmailJob) -> EmailJob:
        return self.store._state.jobs[job.e_id]

    def is_told_of(self, job: EmailJob) -> bool:
        return any(kept.event.job_id == job.e_id for kept in self.store._state.events.values())

    def tamper(self, job: EmailJob, status: JobStatus) -> None:
        self.store._state.jobs[job.e_id] = replace(self.job(job), status=status)

    def entry(self, address: str) -> SuppressionEntry | None:
        mine = (entry for entry in self.store._state.entries.values() if entry.address == address)
        return next(mine, None)

    def put_entry(self, entry: SuppressionEntry) -> None:
        self.store._state.entries[entry.e_id] = entry

    def active(self) -> dict[str, str]:
        entries = self.store._state.entries.values()
        return {entry.address: entry.reason.value for entry in entries if entry.active}

    def statuses(self) -> dict[UUID, JobStatus]:
        return {job.e_id: job.status for job in self.store._state.jobs.values()}

    def rebuild(self, *, apply: bool = False) -> tuple[list[JobDifference], list[AddressDifference]]:
        self._second()
        deps = RebuildDeps(self.store, new_id, OPERATOR if apply else None)
        jobs = [one for some in rebuild_jobs(factories.TENANT, deps) for one in some.jobs]
        addresses = [one for some in rebuild_suppressions(factories.TENANT, deps) for one in some.addresses]
        return jobs, addresses

    def _second(self) -> datetime:
        return self.store.advance(seconds=1)


def facts_about(job: EmailJob, kind: EventKind, *, by_job_id: bool, **given: object) -> EventFacts:
    return factories.facts(
        kind,
        job_id=job.e_id if by_job_id or job.provider_message_id is None else None,
        message_id=job.provider_message_id or f"message-of-{job.e_id}",
        recipient=job.recipient,
        **given,
    )


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def ids(differences: Iterable[JobDifference]) -> list[UUID]:
    return [difference.job.e_id for difference in differences]
