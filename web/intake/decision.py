"""An operator's word on a job in doubt, where the provider could not be asked for too long.

    sent    it went out: SENT
    resend  it never did: QUEUED, due now. This is the one way to a second mail, and a person's to choose
    fail    nobody will know: FAILED, and not sent again

Until a job has been in doubt for `send.doubtLimitHours` the workers are still looking, and know better.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.errors import Conflict, Recovering
from shared.domain.job import EmailJob, JobStatus, Settlement
from shared.messaging.messages import SendJobs
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.replaying import why_nothing_waits
from shared.steering import finish_drain
from web.intake.job import JobPorts

DECIDED = "decided"


class Verdict(StrEnum):
    SENT = "sent"
    RESEND = "resend"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`provider_message_id`, where the operator found it at the provider, joins later events to the job.

    `claim_id`: of the claim whose end was in doubt when the operator looked; None takes whichever is. No version, as
    every look at the provider moves that.
    """

    verdict: Verdict
    author: str
    reason: str = field(repr=False)
    provider_message_id: str | None = None
    claim_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """`job` as it is now."""

    job: EmailJob


@dataclass(frozen=True, slots=True)
class NotInDoubt:
    job: EmailJob


@dataclass(frozen=True, slots=True)
class StillLooking:
    """`wait`: until then, by the database's clock."""

    decidable_from: datetime
    wait: timedelta


@dataclass(frozen=True, slots=True)
class CannotResend:
    """`word` says why the configuration would not send it."""

    word: str


Result = Decided | NotInDoubt | StillLooking | CannotResend


def decidable_from(job: EmailJob, doubt_limit: timedelta) -> datetime | None:
    """None unless it is in doubt."""
    if job.status is not JobStatus.IN_DOUBT or job.in_doubt_since is None:
        return None
    return job.in_doubt_since + doubt_limit


def decide(
    ports: JobPorts, tenant_id: UUID, e_id: UUID, decision: Decision, *, doubt_limit: timedelta
) -> Result | None:
    """None when the tenant has no such job.

    Raises `Conflict` when it was resolved meanwhile, or when it is in doubt about another claim than the decision's,
    and `Recovering` while the provider is asked about all jobs.
    """
    with ports.store.begin() as tx:
        job = tx.jobs.get(tenant_id, e_id)
        if job is None:
            return None
        if tx.recovering():
            raise Recovering
        obstacle = _obstacle(tx, job, decision.verdict, doubt_limit)
        if obstacle is not None:
            return obstacle
        if decision.claim_id not in (None, job.claim_id):
            raise Conflict("the job is in doubt about another claim")
        decided = _carry_out(tx, job, decision, ports.new_id())
    if decision.verdict is Verdict.RESEND:
        ports.doorbell.ring(SendJobs(job.configuration_id))
    else:
        finish_drain(ports.store, job.configuration_id, author=decision.author)
    return Decided(decided)


def _obstacle(
    tx: Transaction, job: EmailJob, verdict: Verdict, doubt_limit: timedelta
) -> NotInDoubt | StillLooking | CannotResend | None:
    decidable = decidable_from(job, doubt_limit)
    if decidable is None:
        return NotInDoubt(job)
    wait = decidable - tx.now()
    if wait > timedelta(0):
        return StillLooking(decidable, wait)
    word = _why_not_queued(tx, job) if verdict is Verdict.RESEND else None
    return CannotResend(word) if word else None


def _why_not_queued(tx: Transaction, job: EmailJob) -> str | None:
    """Nothing waits behind a lock. Held until the job is queued, so that a force-lock comes before or cancels it."""
    configuration = tx.configurations.get(job.configuration_id, lock=Lock.SHARE)
    assert configuration is not None, "configurations are never deleted"
    return why_nothing_waits(configuration)


def _carry_out(tx: Transaction, job: EmailJob, decision: Decision, action_id: UUID) -> EmailJob:
    action = OperatorAction(
        e_id=action_id,
        tenant_id=job.tenant_id,
        action=f"job.decide.{decision.verdict.value}",
        subject_id=job.e_id,
        author=decision.author,
        reason=decision.reason,
        at=tx.now(),
    )
    if not tx.jobs.decide(job, _settlement(job, decision, tx.now()), action):
        raise Conflict("the job was resolved meanwhile")
    decided = tx.jobs.get(job.tenant_id, job.e_id)
    assert decided is not None, "jobs are never deleted"
    return decided


def _settlement(job: EmailJob, decision: Decision, now: datetime) -> Settlement:
    match decision.verdict:
        case Verdict.SENT:
            return Settlement(job.e_id, JobStatus.SENT, provider_message_id=decision.provider_message_id)
        case Verdict.RESEND:
            return Settlement(job.e_id, JobStatus.QUEUED, due_at=now)
        case Verdict.FAIL:
            text = "given up by an operator: the job's timeline says why"
            return Settlement(job.e_id, JobStatus.FAILED, error_code=DECIDED, error_text=text)
