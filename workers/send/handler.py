"""Send what is due of one configuration.

    [tx: claim]  ->  one provider call  ->  [tx: record]  ->  what it means for the configuration

A turn is a few batches; then the configuration goes to the end of the queue, so that no backlog holds up other tenants.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import ClaimedJob, JobStatus, Settlement, settle
from shared.domain.mail import Deferred, OutboundMessage, Outcome
from shared.domain.naming import names_for
from shared.messaging.messages import SendJobs
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.jobs import Claim
from shared.ports.key_material import TokenCipher
from shared.ports.mail import MailSender, SentMessages
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction
from shared.telemetry.metrics import record_call_seconds, record_fenced, record_outcomes
from workers.send import consequences
from workers.send.policy import SendPolicy


@dataclass(frozen=True, slots=True)
class SendDeps:
    store: Store
    sender: MailSender
    sent_messages: SentMessages
    cipher: TokenCipher
    doorbell: Doorbell
    new_id: NewId
    zone_name: str
    policy: SendPolicy


@dataclass(frozen=True, slots=True)
class Batch:
    """A claim with what is needed to send it. `unsent` was claimed as well and is settled without a call."""

    claim_id: UUID
    configuration: EmailConfiguration
    server_token: str
    jobs: tuple[ClaimedJob, ...]
    unsent: tuple[Settlement, ...]


def send_jobs(configuration_id: UUID, deps: SendDeps) -> None:
    for _ in range(deps.policy.batches_per_turn):
        batch = claim_batch(configuration_id, deps)
        if batch is None:
            return
        if not send_batch(batch, deps):
            return
    deps.doorbell.ring(SendJobs(configuration_id))


def claim_batch(configuration_id: UUID, deps: SendDeps) -> Batch | None:
    """None when nothing is due or nothing may be sent. Lock state and lifecycle are read in the claim's transaction."""
    with deps.store.begin() as tx:
        configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
        if configuration is None or not configuration.may_claim or tx.account.paused_until():
            return None
        token = server_token(configuration, deps.cipher)
        claim = tx.jobs.claim(
            configuration_id,
            claim_id=deps.new_id(),
            limit=deps.policy.batch_size,
            lease_seconds=deps.policy.lease_seconds,
        )
        if not claim.jobs and not claim.suppressed:
            return None
        return _batch(claim, configuration, token, tx.now(), deps.policy)


def send_batch(batch: Batch, deps: SendDeps) -> bool:
    """True when the next batch may follow at once: everything was taken or refused for good."""
    outcomes = _call(batch, deps)
    settlements = _record(batch, outcomes, deps)
    consequences.of_outcomes(batch.configuration.e_id, outcomes, deps)
    return all(settlement.due_at is None for settlement in settlements)


def server_token(configuration: EmailConfiguration, cipher: TokenCipher) -> str:
    assert configuration.provisioned.server_token is not None, "a configuration that may send has a server"
    return cipher.decrypt(
        configuration.provisioned.server_token,
        tenant_id=configuration.tenant_id,
        configuration_id=configuration.e_id,
    )


def _batch(
    claim: Claim, configuration: EmailConfiguration, token: str, now: datetime, policy: SendPolicy
) -> Batch:
    sendable: list[ClaimedJob] = []
    unsent: list[Settlement] = []
    room = policy.batch_bytes
    for job in claim.jobs:
        given_up = _given_up(job, now, policy)
        if given_up is not None:
            unsent.append(given_up)
        elif sendable and job.content.size_bytes > room:
            # Claimed beyond one call's bounds: back to the queue, due at once.
            unsent.append(Settlement(job.e_id, JobStatus.QUEUED, due_at=now))
        else:
            room -= job.content.size_bytes
            sendable.append(job)
    return Batch(claim.claim_id, configuration, token, tuple(sendable), tuple(unsent))


def _given_up(job: ClaimedJob, now: datetime, policy: SendPolicy) -> Settlement | None:
    if now >= policy.expires_at(job.accepted_at):
        text = "waited longer than its maximum age before it could be sent"
        return Settlement(job.e_id, JobStatus.FAILED, error_code="expired", error_text=text)
    if job.attempts > policy.attempts_max:
        text = f"claimed {policy.attempts_max} times without a result"
        return Settlement(job.e_id, JobStatus.FAILED, error_code="poison", error_text=text)
    return None


def _call(batch: Batch, deps: SendDeps) -> Sequence[Outcome]:
    if not batch.jobs:
        return []
    sender = _sender_of(batch.configuration, deps.zone_name)
    messages = [
        OutboundMessage(
            job_id=job.e_id,
            claim_id=batch.claim_id,
            sender=sender,
            recipient=job.recipient,
            content=job.content,
        )
        for job in batch.jobs
    ]
    begun = time.perf_counter()
    outcomes = deps.sender.send(batch.server_token, messages)
    record_call_seconds(time.perf_counter() - begun)
    return outcomes


def _sender_of(configuration: EmailConfiguration, zone_name: str) -> str:
    """RFC 5322 mailbox; the display name is quoted, so that no character in it can end it."""
    address = names_for(configuration.slug, configuration.from_local_part, zone_name).from_address
    quoted = configuration.from_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def _settle(job: ClaimedJob, outcome: Outcome, now: datetime, policy: SendPolicy) -> Settlement:
    at_least = outcome.retry_after_seconds if isinstance(outcome, Deferred) else None
    return settle(
        job,
        outcome,
        retry_at=policy.retry_at(now, job.attempts, at_least_seconds=at_least),
        look_at=policy.look_at(now),
        expires_at=policy.expires_at(job.accepted_at),
    )


def _record(batch: Batch, outcomes: Sequence[Outcome], deps: SendDeps) -> list[Settlement]:
    """What the outcomes make of the jobs that were sent. Waits count from now: the call may have taken a minute."""
    with deps.store.begin() as tx:
        locked = _is_locked(tx, batch.configuration.e_id)
        settled = [
            _settle(job, outcome, tx.now(), deps.policy)
            for job, outcome in zip(batch.jobs, outcomes, strict=True)
        ]
        final = [consequences.without_requeue(one) if locked else one for one in (*settled, *batch.unsent)]
        recorded = tx.jobs.record(batch.claim_id, final)
        written = [one for one in final if one.job_id in recorded]
        consequences.suppress_inactive(tx, batch, written, deps.new_id)
    if len(written) < len(final):
        record_fenced(batch.claim_id, len(final) - len(written))
    counts = Counter((one.status.value, one.error_code or "") for one in written)
    record_outcomes(batch.configuration.e_id, batch.claim_id, counts)
    return settled


def _is_locked(tx: Transaction, configuration_id: UUID) -> bool:
    """Held until the results are in: a job must not go back to QUEUED behind the back of a force-lock."""
    configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
    return configuration is None or consequences.cancels_waiting(configuration)
