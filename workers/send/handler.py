"""Send what is due of one configuration.

    [tx: claim]  ->  one provider call  ->  [tx: record]  ->  what it means for the configuration and the account

One message, one batch. When more is due the next ring goes to the end of the queue before the call, so that other
workers take the rest at once, and other tenants their turn before it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import ClaimedJob, Settlement, settle, settle_for_good
from shared.domain.mail import Accepted, Deferred, OutboundMessage, Outcome, Refused
from shared.domain.naming import names_for
from shared.messaging.messages import SendJobs
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_call_seconds, record_fenced, record_outcomes
from shared.telemetry.tracing import Step, Stretch, follow, is_followed
from workers.send import consequences
from workers.send.claiming import Batch, claim_batch
from workers.send.deps import SendDeps
from workers.send.policy import SendPolicy


def send_jobs(configuration_id: UUID, deps: SendDeps) -> None:
    batch = claim_batch(configuration_id, deps)
    if batch is None:
        return
    fault_point("send.claimed")
    if batch.more:
        deps.doorbell.ring(SendJobs(configuration_id))
    deps.ring_for_old_seal(batch.configuration)
    send_batch(batch, deps)


def send_batch(batch: Batch, deps: SendDeps) -> None:
    call = Stretch()
    outcomes = _call(batch, deps, call)
    fault_point("send.called")
    configuration = _record(batch, outcomes, deps)
    fault_point("send.recorded")
    consequences.of_outcomes(batch, configuration, outcomes, deps)
    fault_point("send.settled")
    if _rings_again(batch, outcomes):
        deps.doorbell.ring(SendJobs(configuration.e_id))
    follow("send", _steps(batch, outcomes, call))


def _rings_again(batch: Batch, outcomes: Sequence[Outcome]) -> bool:
    """Rings for what the ring before the call could not be heard for.

    Whoever heard that one may have found no token for a second call of a server that is to be called slowly; by the end
    of this call there may be one. A server that may be called less often than that is left to the sweep, and so waits
    for up to `scheduler.sweepSeconds` longer than it would have to: nobody sleeps here until a token is due, and due
    times of a backlog are not moved for it.
    """
    return (batch.limited and batch.more) or any(map(consequences.left_for_next_call, outcomes))


def _call(batch: Batch, deps: SendDeps, call: Stretch) -> Sequence[Outcome]:
    if not batch.jobs:
        return []
    messages = _messages(batch, deps.zone_name)
    with call:
        outcomes = deps.sender.send(
            batch.server_token, messages, not_after_monotonic=batch.not_after_monotonic
        )
    record_call_seconds(call.seconds)
    return outcomes


def _steps(batch: Batch, outcomes: Sequence[Outcome], call: Stretch) -> Iterator[Step]:
    """The call, in the trace of each job that it carried."""
    for job, outcome in zip(batch.jobs, outcomes, strict=True):
        if is_followed(job.trace):
            facts = {"job": str(job.e_id), "claim": str(batch.claim_id), "outcome": type(outcome).__name__}
            yield Step(job.trace, call.begun_at, call.ended_at, facts)


def _messages(batch: Batch, zone_name: str) -> list[OutboundMessage]:
    sender = _sender_of(batch.configuration, zone_name)
    return [
        OutboundMessage(
            job_id=job.e_id,
            claim_id=batch.claim_id,
            sender=sender,
            recipient=job.recipient,
            content=job.content,
        )
        for job in batch.jobs
    ]


def _sender_of(configuration: EmailConfiguration, zone_name: str) -> str:
    """RFC 5322 mailbox; the display name is quoted, so that no character in it can end it."""
    address = names_for(configuration.slug, configuration.from_local_part, zone_name).from_address
    quoted = configuration.from_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def _record(batch: Batch, outcomes: Sequence[Outcome], deps: SendDeps) -> EmailConfiguration:
    """What the outcomes make of the jobs that were sent; the configuration as it is by then.

    It is held until the results are in: a job must not go back to QUEUED behind the back of a force-lock. Waits count
    from now: the call may have taken a minute.
    """
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(batch.configuration.e_id, lock=Lock.SHARE)
        assert configuration is not None, "configurations are never deleted"
        locked = consequences.cancels_waiting(configuration)
        settled = [
            _settle(job, outcome, tx, deps.policy) for job, outcome in zip(batch.jobs, outcomes, strict=True)
        ]
        final = [consequences.without_requeue(one) if locked else one for one in (*settled, *batch.unsent)]
        recorded = tx.jobs.record(batch.claim_id, final)
        written = [one for one in final if one.job_id in recorded]
        consequences.suppress_inactive(tx, batch, written, deps.new_id)
        fault_point("send.before_commit")
    if len(written) < len(final):
        record_fenced(batch.claim_id, len(final) - len(written))
    counts = Counter((one.status.value, one.error_code or "") for one in written)
    record_outcomes(batch.configuration.e_id, batch.claim_id, counts)
    return configuration


def _settle(job: ClaimedJob, outcome: Outcome, tx: Transaction, policy: SendPolicy) -> Settlement:
    if isinstance(outcome, Accepted | Refused):
        return settle_for_good(job, outcome)
    # The clock is a round trip away, once a transaction: only those ask for it that have to wait.
    now = tx.now()
    return settle(
        job,
        outcome,
        retry_at=_retry_at(job, outcome, now, policy),
        look_at=policy.look_at(now),
        expires_at=policy.expires_at(job.accepted_at),
    )


def _retry_at(job: ClaimedJob, outcome: Outcome, now: datetime, policy: SendPolicy) -> datetime:
    if consequences.left_for_next_call(outcome):
        return now
    at_least = outcome.retry_after_seconds if isinstance(outcome, Deferred) else None
    return policy.retry_at(now, job.attempts, at_least_seconds=at_least)
