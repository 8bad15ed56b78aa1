"""Jobs, as rows: accepted once, claimed, settled by whoever still holds the claim."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.job import ClaimedJob, EmailJob, JobStatus, Settlement
from shared.domain.mail import MessageContent
from shared.domain.query import Query
from shared.ports.rows import Page

# No bound: what a bigint of PostgreSQL can hold.
ANY_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewJob:
    job: EmailJob
    content: MessageContent = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedJob:
    """A job that is yet to pass the gates."""

    e_id: UUID
    configuration_id: UUID
    recipient: str = field(repr=False)
    idempotency_key: str
    body_hash: bytes = field(repr=False)
    author: str
    trace: str | None
    content: MessageContent = field(repr=False)

    def accepted(self, tenant_id: UUID, at: datetime) -> EmailJob:
        return EmailJob(
            e_id=self.e_id,
            tenant_id=tenant_id,
            configuration_id=self.configuration_id,
            recipient=self.recipient,
            idempotency_key=self.idempotency_key,
            body_hash=self.body_hash,
            tag=self.content.tag,
            author=self.author,
            accepted_at=at,
            updated_at=at,
            due_at=at,
            trace=self.trace,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """Jobs of one configuration, held by `claim_id` until the lease runs out. `suppressed` were taken off the queue.

    `at` is the transaction's moment, told with the jobs so that nobody has to ask for it; None when nothing was due.
    """

    claim_id: UUID
    jobs: tuple[ClaimedJob, ...]
    at: datetime | None
    suppressed: int = 0
    # Due and within the limit, and left for a later claim: one that goes alone, or whoever it went without, or what
    # is beyond the bytes.
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """One job in doubt, leased for one look at the provider."""

    job_id: UUID
    claim_id: UUID
    in_doubt_since: datetime
    late_looks: int
    # Claims that ended with their worker and not with a result.
    worker_deaths: int
    accepted_at: datetime
    version: int

    @property
    def deaths_alone(self) -> int:
        """The first may have been a batch-mate's doing; it made a suspect of the job, which goes alone from then on."""
        return max(self.worker_deaths - 1, 0)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """`provider_message_id` is kept where the job has none yet."""

    job_id: UUID
    status: JobStatus
    provider_message_id: str | None


class Jobs(Protocol):
    def find_by_keys(self, tenant_id: UUID, idempotency_keys: Collection[str]) -> Mapping[str, EmailJob]: ...

    def offer(self, tenant_id: UUID, jobs: Sequence[OfferedJob]) -> Mapping[UUID, datetime]:
        """Accepts those that pass every gate, and says when; in one round trip. The others leave no row.

        A gate is: no recovery is open, the key is new, the tenant has the configuration and it can send, the recipient
        is not suppressed. Which one it was, whoever wants to know has to ask.
        """
        ...

    def accept(self, jobs: Sequence[NewJob]) -> set[UUID]:
        """Inserts jobs and contents; returns the ids that were new. The others' keys were taken meanwhile."""
        ...

    def get(self, tenant_id: UUID, e_id: UUID) -> EmailJob | None: ...

    def query(self, tenant_id: UUID, query: Query) -> Page[EmailJob]: ...

    def claim(
        self,
        configuration_id: UUID,
        *,
        claim_id: UUID,
        limit: int,
        lease_seconds: float,
        bytes_max: int = ANY_BYTES,
    ) -> Claim:
        """Takes due QUEUED jobs to SENDING, oldest due first, past rows others hold. Suppressions are read again.

        It ends before the job with which the contents would be more than `bytes_max` as they are stored, bodies in
        UTF-8 and attachments perhaps compressed; the first goes however large it is. What is left is not touched.

        A job whose worker died with it before is claimed alone, so that its batch-mates do not share its fate. The
        attempt of each job, an intent so far, is written in the same transaction.
        """
        ...

    def has_due(self, configuration_id: UUID) -> bool:
        """Whether a claim would find a job, were none held by others."""
        ...

    def record(self, claim_id: UUID, settlements: Sequence[Settlement]) -> set[UUID]:
        """Writes results of SENDING jobs that `claim_id` still holds; returns their ids. The rest were fenced off.

        The attempts of all of them get their result, those of the fenced off too: evidence of what the provider said.
        A job that ends FAILED becomes a dead letter.
        """
        ...

    def doubt_expired_leases(self, *, look_in_seconds: float, limit: int) -> list[UUID]:
        """SENDING past its lease becomes IN_DOUBT, one more death counted; returns the configurations concerned."""
        ...

    def take_doubts(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Doubt]:
        """IN_DOUBT jobs due for a look; their due time moves on by the lease. None while a recovery is open."""
        ...

    def resolve_doubts(self, settlements: Mapping[UUID, tuple[int, Settlement, int]]) -> set[UUID]:
        """Job id to (version looked at, what it becomes, its late looks from now on); returns what was written.

        A settlement back to IN_DOUBT keeps the job in doubt with a new due time, and its error unless it brings one.
        FAILED makes a dead letter.
        """
        ...

    def attempts(self, tenant_id: UUID, job_id: UUID) -> list[SendAttempt]:
        """Oldest first."""
        ...

    def actions(self, tenant_id: UUID, job_id: UUID) -> list[OperatorAction]:
        """What operators did to it by hand, oldest first."""
        ...

    def decide(self, job: EmailJob, settlement: Settlement, action: OperatorAction) -> bool:
        """An operator's word on a job in doubt or INCONSISTENT, compare-and-set on `job.version`.

        False when it has moved. The action is kept with the change. A job sent again is as if accepted now: its maximum
        age begins anew.
        """
        ...

    def in_flight(self, configuration_id: UUID) -> int: ...

    def cancel_queued(self, configuration_id: UUID) -> int: ...

    def for_events(
        self,
        configuration_id: UUID,
        *,
        job_ids: Collection[UUID],
        message_ids: Collection[str],
    ) -> list[EmailJob]:
        """Locked for update, in the order of their ids, so that two readers never wait for each other."""
        ...

    def set_status(self, job: EmailJob, status: JobStatus, *, provider_message_id: str | None) -> None:
        """Of a job that `for_events` locked. Ends any claim and any doubt, with the error that said why it was one."""
        ...

    def set_statuses(self, changes: Sequence[StatusChange]) -> None:
        """The same for many, in one round trip."""
        ...

    # What the scheduler looks for; by index, at most `limit`.
    def configurations_with_due_jobs(self, limit: int) -> list[UUID]:
        """Those that may send now and have a QUEUED job that is due."""
        ...

    def configurations_with_due_doubts(self, limit: int) -> list[UUID]: ...
