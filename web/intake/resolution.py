"""An operator's word on a job whose events contradict one another: it is what the whole log says, in whatever order."""

from dataclasses import dataclass
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict
from shared.domain.event import settled
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.ports.store import Transaction
from web.intake.job import JobPorts

ACTION = "job.resolve"


@dataclass(frozen=True, slots=True)
class Resolved:
    """`job` as it is now. An earlier resolution, whose answer may have been lost, is one too."""

    job: EmailJob


@dataclass(frozen=True, slots=True)
class NotInconsistent:
    job: EmailJob


Result = Resolved | NotInconsistent


def resolve(
    ports: JobPorts,
    tenant_id: UUID,
    e_id: UUID,
    *,
    author: str,
    reason: str,
    expected_version: int | None = None,
) -> Result | None:
    """None when the tenant has no such job.

    Raises `Conflict` when it moved meanwhile, is not at `expected_version` any more, or no event tells of it.
    """
    with ports.store.begin() as tx:
        seen = tx.jobs.get(tenant_id, e_id)
        if seen is None:
            return None
        # As projection does: no event is folded between reading the log and writing what it says.
        tx.events.serialise(seen.configuration_id)
        job = _again(tx, seen)
        if expected_version not in (None, job.version):
            raise Conflict("the job has another version")
        if job.status is not JobStatus.INCONSISTENT:
            return Resolved(job) if _was_resolved(tx, job) else NotInconsistent(job)
        action = OperatorAction(
            e_id=ports.new_id(),
            tenant_id=tenant_id,
            action=ACTION,
            subject_id=e_id,
            author=author,
            reason=reason,
            at=tx.now(),
        )
        if not tx.jobs.decide(job, Settlement(e_id, _by_the_log(tx, job)), action):
            raise Conflict("the job moved meanwhile")
        return Resolved(_again(tx, job))


def _by_the_log(tx: Transaction, job: EmailJob) -> JobStatus:
    """Events that are stored and not folded yet are not in it: they are folded into what this makes of the job."""
    status = settled(event.facts for event in tx.events.for_job(job.tenant_id, job.e_id))
    if status is None:
        raise Conflict("no event tells of the job")
    return status


def _was_resolved(tx: Transaction, job: EmailJob) -> bool:
    return any(action.action == ACTION for action in tx.jobs.actions(job.tenant_id, job.e_id))


def _again(tx: Transaction, job: EmailJob) -> EmailJob:
    found = tx.jobs.get(job.tenant_id, job.e_id)
    assert found is not None, "jobs are never deleted"
    return found
