"""The gates of a job, in their order, one by one: what each refuses, and why.

Idempotency comes first: a replay answers what became of the first request, whatever the configuration says by now.
The configuration is read under a shared lock, so that no lock signal slips in between its gate and the insert.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Recovering, StoreUnavailable
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Operational
from shared.domain.mail import MessageContent
from shared.domain.suppression import SuppressionEntry
from shared.ports.clock import NewId
from shared.ports.jobs import NewJob, OfferedJob
from shared.ports.rows import Lock
from shared.ports.store import Transaction
from shared.telemetry import tracing


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller wants sent. `body_hash` is that of the body as it was sent."""

    idempotency_key: str
    body_hash: bytes = field(repr=False)
    configuration_id: UUID
    recipient: str = field(repr=False)
    content: MessageContent


@dataclass(frozen=True, slots=True)
class Accepted:
    job: EmailJob


@dataclass(frozen=True, slots=True)
class Replayed:
    """`job` as it is now."""

    job: EmailJob


class Gate(StrEnum):
    KEY_REUSED = "key_reused"
    INCONSISTENT = "job_inconsistent"
    NO_CONFIGURATION = "not_found"
    CANNOT_SEND = "cannot_send"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Refused:
    """`word` says why a configuration does not send; `entry` what suppresses the recipient.

    `wait`: until it may have passed by itself; None when somebody has to do something, or nobody knows.
    """

    gate: Gate
    word: str | None = None
    entry: SuppressionEntry | None = None
    wait: timedelta | None = None


Result = Accepted | Replayed | Refused


def offered(each: Submission, e_id: UUID, author: str) -> OfferedJob:
    return OfferedJob(
        e_id=e_id,
        configuration_id=each.configuration_id,
        recipient=each.recipient,
        idempotency_key=each.idempotency_key,
        body_hash=each.body_hash,
        author=author,
        trace=tracing.current(),
        content=each.content,
    )


class Gates:
    """One request's transaction: what every gate needs is read at once, whatever the number of jobs."""

    def __init__(self, tx: Transaction, new_id: NewId, tenant_id: UUID, author: str) -> None:
        self._tx = tx
        self._new_id = new_id
        self._tenant_id = tenant_id
        self._author = author

    def decide(self, submissions: Sequence[Submission]) -> list[Result]:
        if self._tx.recovering():
            raise Recovering
        known = dict(self._known(submissions))
        fresh = [each for each in submissions if each.idempotency_key not in known]
        configurations = self._configurations(fresh)
        suppressed = self._suppressed(fresh, configurations)
        now = self._tx.now()
        results: list[Result] = []
        new: list[NewJob] = []
        for each in submissions:
            result = _replay(known.get(each.idempotency_key), each) or _refusal(
                each, configurations, suppressed, now
            )
            if result is None:
                job = self._job(each, now)
                # A second job of the batch with the same key is a replay of this one.
                known[each.idempotency_key] = job
                new.append(NewJob(job, each.content))
                result = Accepted(job)
            results.append(result)
        return self._insert(new, submissions, results)

    def _known(self, submissions: Collection[Submission]) -> Mapping[str, EmailJob]:
        return self._tx.jobs.find_by_keys(self._tenant_id, {each.idempotency_key for each in submissions})

    def _configurations(self, fresh: Sequence[Submission]) -> dict[UUID, EmailConfiguration]:
        # In one order, so that two batches never wait for each other.
        ids = sorted({each.configuration_id for each in fresh})
        found = (
            self._tx.configurations.get(e_id, tenant_id=self._tenant_id, lock=Lock.SHARE) for e_id in ids
        )
        return {configuration.e_id: configuration for configuration in found if configuration}

    def _suppressed(
        self, fresh: Sequence[Submission], configurations: Mapping[UUID, EmailConfiguration]
    ) -> Mapping[str, SuppressionEntry]:
        """Read only for what passed the gate before. Raises `StoreUnavailable` whatever is in the way."""
        sendable = {e_id for e_id, configuration in configurations.items() if configuration.can_send}
        recipients = {each.recipient for each in fresh if each.configuration_id in sendable}
        try:
            return self._tx.suppressions.active_among(self._tenant_id, recipients) if recipients else {}
        except Exception as fault:  # whatever it is, nobody knows who is on the list
            raise StoreUnavailable(f"the suppression list cannot be read: {type(fault).__name__}") from fault

    def _job(self, each: Submission, now: datetime) -> EmailJob:
        return offered(each, self._new_id(), self._author).accepted(self._tenant_id, now)

    def _insert(
        self, new: Sequence[NewJob], submissions: Sequence[Submission], results: list[Result]
    ) -> list[Result]:
        """A key that another request took between our look and our insert makes this one a replay of it."""
        inserted = self._tx.jobs.accept(new) if new else set()
        lost = {each.job.e_id for each in new} - inserted
        if not lost:
            return results
        taken = self._known(submissions)
        return [
            _replay(taken.get(each.idempotency_key), each) or result if _is_of(result, lost) else result
            for each, result in zip(submissions, results, strict=True)
        ]


def _is_of(result: Result, jobs: Collection[UUID]) -> bool:
    return not isinstance(result, Refused) and result.job.e_id in jobs


def _replay(held: EmailJob | None, submission: Submission) -> Result | None:
    if held is None:
        return None
    if held.body_hash != submission.body_hash:
        return Refused(Gate.KEY_REUSED)
    if held.status is JobStatus.INCONSISTENT:
        return Refused(Gate.INCONSISTENT)
    return Replayed(held)


def _refusal(
    submission: Submission,
    configurations: Mapping[UUID, EmailConfiguration],
    suppressed: Mapping[str, SuppressionEntry],
    now: datetime,
) -> Refused | None:
    configuration = configurations.get(submission.configuration_id)
    if configuration is None:
        return Refused(Gate.NO_CONFIGURATION)
    if configuration.refusal is not None:
        wait = _until_next_check(configuration, now)
        return Refused(Gate.CANNOT_SEND, word=configuration.refusal, wait=wait)
    entry = suppressed.get(submission.recipient)
    return Refused(Gate.SUPPRESSED, entry=entry) if entry else None


def _until_next_check(configuration: EmailConfiguration, now: datetime) -> timedelta | None:
    """Checks of its domain are all that changes a configuration by itself. None when none is due, or one is overdue."""
    due_at = configuration.verification_due_at
    waits = configuration.operational is Operational.AWAITING_VERIFICATION and not configuration.retired
    return due_at - now if waits and due_at is not None and due_at > now else None
