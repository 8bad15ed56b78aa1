"""Take what is due of one configuration, as much as one call may carry, if it may be sent at all."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.job import ClaimedJob, JobStatus, Settlement
from shared.ports.jobs import Claim
from shared.ports.pressure import Gate, Permit
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from workers.send.deps import SendDeps
from workers.send.policy import SendPolicy

# Of what one probe settles on its way to a message: its transaction is to take a second at most.
_PASSED_OVER_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A claim with what is needed to send it. `unsent` was claimed as well and is settled without a call."""

    claim_id: UUID
    configuration: EmailConfiguration
    server_token: str = field(repr=False)
    jobs: tuple[ClaimedJob, ...]
    unsent: tuple[Settlement, ...]
    # More may be due than this claim could take.
    more: bool
    # This call finds out whether the account may send again.
    probe: bool
    # Something keeps this server's calls few or small, to be eased when this one goes well.
    limited: bool
    not_after_monotonic: float


@dataclass(frozen=True, slots=True)
class _Taken:
    jobs: tuple[ClaimedJob, ...]
    unsent: tuple[Settlement, ...]
    more: bool


class _NotNow(Exception):
    """Takes back what the transaction has taken: the one probe of a pause."""


class _PermitNeeded(Exception):
    """Something is due, and the server or the account is to be called slowly."""


def claim_batch(configuration_id: UUID, deps: SendDeps) -> Batch | None:
    """None when nothing is due or nothing may be sent. Lock state and lifecycle are read in the claim's transaction.

    A permit, where one is needed, is got before it: the buckets' rows are everybody's, and a worker that stops amid its
    claim must not keep others from them. What a permit took and the claim did not need is lost, which harms nobody.
    """
    not_after_monotonic = time.monotonic() + deps.policy.call_within_seconds
    try:
        return _claim_in_turn(configuration_id, None, not_after_monotonic, deps)
    except _PermitNeeded:
        with deps.store.begin() as tx:
            permit = tx.pressure.permit(configuration_id)
    return _claim_in_turn(configuration_id, permit, not_after_monotonic, deps) if permit.allowed else None


def _claim_in_turn(
    configuration_id: UUID, permit: Permit | None, not_after_monotonic: float, deps: SendDeps
) -> Batch | None:
    try:
        with deps.store.begin() as tx:
            configuration = tx.configurations.get(configuration_id, lock=Lock.SHARE)
            if configuration is None or not configuration.may_claim:
                return None
            return _claim(tx, configuration, permit, not_after_monotonic, deps)
    except _NotNow:
        return None


def _claim(
    tx: Transaction,
    configuration: EmailConfiguration,
    permit: Permit | None,
    not_after_monotonic: float,
    deps: SendDeps,
) -> Batch:
    token = deps.server_token(configuration)
    gate, permit = _way_out(tx, configuration.e_id, permit, deps.policy)
    claim_id = deps.new_id()
    taken = (
        _take_for_probe(tx, configuration.e_id, claim_id, deps.policy)
        if gate is Gate.PROBE
        else _take(tx, configuration.e_id, claim_id, _limit(permit, deps.policy), deps.policy)
    )
    probe = gate is Gate.PROBE and bool(taken.jobs)
    if gate is Gate.PROBE and not probe:
        tx.account.hand_back()
    return Batch(
        claim_id=claim_id,
        configuration=configuration,
        server_token=token,
        jobs=taken.jobs,
        unsent=taken.unsent,
        more=taken.more,
        probe=probe,
        limited=permit.limited,
        not_after_monotonic=not_after_monotonic,
    )


def _way_out(
    tx: Transaction, configuration_id: UUID, permit: Permit | None, policy: SendPolicy
) -> tuple[Gate, Permit]:
    """The ordinary case: nothing is in the way, as one read says."""
    if permit is None and tx.pressure.is_free(configuration_id):
        return Gate.OPEN, Permit(allowed=True)
    gate = tx.account.gate(probe_seconds=policy.lease_seconds)
    if gate is Gate.SHUT:
        raise _NotNow
    return gate, permit or _free_permit(tx, configuration_id)


def _free_permit(tx: Transaction, configuration_id: UUID) -> Permit:
    if not tx.pressure.is_limited(configuration_id):
        return Permit(allowed=True)
    # A ring in vain leaves its token to who has something to send.
    raise _PermitNeeded if tx.jobs.has_due(configuration_id) else _NotNow


def _take(tx: Transaction, configuration_id: UUID, claim_id: UUID, limit: int, policy: SendPolicy) -> _Taken:
    claim = tx.jobs.claim(
        configuration_id,
        claim_id=claim_id,
        limit=limit,
        lease_seconds=policy.lease_seconds,
        bytes_max=policy.batch_bytes,
    )
    if claim.at is None:
        raise _NotNow
    jobs, unsent = _divide(claim.jobs, claim.at, policy)
    return _Taken(jobs, unsent, _more(claim, unsent, limit))


def _take_for_probe(tx: Transaction, configuration_id: UUID, claim_id: UUID, policy: SendPolicy) -> _Taken:
    """One message: what is settled without a call proves nothing, and with it alone the probe goes to somebody else.

    After a long pause whole queues have expired; a probe for each of them would keep the account shut for days.
    """
    unsent: tuple[Settlement, ...] = ()
    for passed_over in range(_PASSED_OVER_MAX):
        try:
            taken = _take(tx, configuration_id, claim_id, 1, policy)
        except _NotNow:
            if not passed_over:
                raise
            # All that was due is settled, and that is to stay.
            return _Taken((), unsent, more=False)
        unsent += taken.unsent
        if taken.jobs:
            break
    return _Taken(taken.jobs, unsent, taken.more)


def _limit(permit: Permit, policy: SendPolicy) -> int:
    return min(policy.batch_size, permit.batch_size or policy.batch_size)


def _more(claim: Claim, unsent: Iterable[Settlement], limit: int) -> bool:
    full = len(claim.jobs) + claim.suppressed >= limit
    put_back = any(settlement.status is JobStatus.QUEUED for settlement in unsent)
    return full or claim.left_out > 0 or put_back


def _divide(
    claimed: Iterable[ClaimedJob], now: datetime, policy: SendPolicy
) -> tuple[tuple[ClaimedJob, ...], tuple[Settlement, ...]]:
    """What goes into the call, and what is settled without one: too old, or beyond the bounds of one call."""
    sendable: list[ClaimedJob] = []
    unsent: list[Settlement] = []
    room = policy.batch_bytes
    for job in claimed:
        if now >= policy.expires_at(job.accepted_at):
            unsent.append(_expired(job))
        elif sendable and job.content.size_bytes > room:
            unsent.append(Settlement(job.e_id, JobStatus.QUEUED, due_at=now))
        else:
            room -= job.content.size_bytes
            sendable.append(job)
    return tuple(sendable), tuple(unsent)


def _expired(job: ClaimedJob) -> Settlement:
    text = "waited longer than its maximum age before it could be sent"
    return Settlement(job.e_id, JobStatus.FAILED, error_code="expired", error_text=text)
