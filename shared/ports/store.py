"""The truth: rows in Postgres, seen as repositories inside one transaction.

    with store.begin() as tx:          # commits at the end, rolls back on any exception
        configuration = tx.configurations.get(e_id, lock=Lock.SHARE)

No transaction is open across a network call. `outside_transaction()` holds gateways to that: it fails loudly when the
calling thread has one open.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent
from shared.domain.job import ClaimedJob, EmailJob, JobStatus, Settlement
from shared.domain.mail import MessageContent
from shared.domain.query import Query
from shared.domain.suppression import (
    SuppressionEntry,
    SuppressionFact,
    SuppressionState,
)

transaction_open: ContextVar[bool] = ContextVar("transaction_open", default=False)


def outside_transaction() -> None:
    """Called by every gateway before it reaches for the network. Raises `RuntimeError`: a fault of ours."""
    if transaction_open.get():
        raise RuntimeError("a network call was begun while a transaction is open")


class Lock(Enum):
    NONE = auto()
    # Holds off changes to the row until this transaction ends; any number may hold it.
    SHARE = auto()
    UPDATE = auto()


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed a configuration, what made them, and why. `effective_at` is now unless it was said otherwise."""

    author: str
    cause: str
    reason: str | None = None
    effective_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationRecord:
    """One entry of a configuration's history. The configuration in it carries no ciphertext and no hash."""

    r_id: UUID
    configuration: EmailConfiguration
    effective_at: datetime
    recorded_at: datetime
    author: str
    cause: str
    reason: str | None
    previous: UUID | None


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: tuple[Row, ...]
    more: bool


class Configurations(Protocol):
    def add(self, configuration: EmailConfiguration, change: Change) -> None:
        """Raises `Conflict` when the slug belongs to a configuration whose removal is not done."""
        ...

    def get(
        self, e_id: UUID, *, tenant_id: UUID | None = None, lock: Lock = Lock.NONE
    ) -> EmailConfiguration | None:
        """With `tenant_id`, another tenant's configuration is None."""
        ...

    def save(self, configuration: EmailConfiguration, change: Change) -> EmailConfiguration:
        """Compare-and-set on `configuration.version`; appends a record; returns it with its new version.

        Raises `Conflict` when the row has moved.
        """
        ...

    def current_record(self, e_id: UUID) -> ConfigurationRecord: ...

    def record_as_of(
        self, e_id: UUID, *, effective: datetime | None, recorded: datetime | None
    ) -> ConfigurationRecord | None:
        """The record that held at `effective`, by what had been recorded until `recorded`."""
        ...

    def history(self, e_id: UUID) -> list[ConfigurationRecord]:
        """Oldest first."""
        ...

    def query(self, tenant_id: UUID, query: Query) -> Page[ConfigurationRecord]:
        """Current records. Raises `InvalidValue` for a locator or a value that does not exist."""
        ...

    def tenant_has_other_sendable(self, configuration: EmailConfiguration) -> bool:
        """Another configuration of the tenant, UNLOCKED or LOCKING and not retired."""
        ...

    def id_by_routing_hash(self, routing_token_hash: bytes) -> tuple[UUID, UUID] | None:
        """(tenant id, configuration id), retired ones included: their last events still arrive."""
        ...

    # Work on a configuration is leased by the database clock, so that two workers never provision the same one.
    def take_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        """False while another token's lease runs. The same token renews its own."""
        ...

    def drop_lease(self, e_id: UUID, *, token: UUID) -> None: ...

    def take_verification(self, e_id: UUID, *, next_due_seconds: float) -> EmailConfiguration | None:
        """Moves the due time on and returns the configuration, or None when it was not due: one ring, one check."""
        ...

    def count_send_fault(self, e_id: UUID) -> int:
        """One more in a row; returns the count. No record: it is a counter."""
        ...

    def clear_send_faults(self, e_id: UUID) -> None: ...

    # What the scheduler looks for; by index, at most `limit`, the longest waiting first.
    def due_for_verification(self, limit: int) -> list[UUID]: ...

    def provisioning_without_lease(self, limit: int) -> list[UUID]: ...

    def removal_without_lease(self, limit: int) -> list[UUID]:
        """Retired, not yet cleaned up, nobody at work."""
        ...

    def locking(self, limit: int) -> list[UUID]: ...

    def count_by_state(self) -> Mapping[tuple[str, str], int]:
        """(operational, administrative) to the number of configurations that are not retired."""
        ...


@dataclass(frozen=True, slots=True)
class NewJob:
    job: EmailJob
    content: MessageContent = field(repr=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """Jobs of one configuration, held by `claim_id` until the lease runs out. `suppressed` were taken off the queue."""

    claim_id: UUID
    jobs: tuple[ClaimedJob, ...]
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """One job in doubt, leased for one look at the provider."""

    job_id: UUID
    claim_id: UUID
    in_doubt_since: datetime
    late_looks: int
    accepted_at: datetime
    version: int


class Jobs(Protocol):
    def find_by_keys(self, tenant_id: UUID, idempotency_keys: Collection[str]) -> Mapping[str, EmailJob]: ...

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
    ) -> Claim:
        """Takes due QUEUED jobs to SENDING, oldest due first, past rows others hold. Suppressions are read again."""
        ...

    def record(self, claim_id: UUID, settlements: Sequence[Settlement]) -> set[UUID]:
        """Writes results of SENDING jobs that `claim_id` still holds; returns their ids. The rest were fenced off."""
        ...

    def doubt_expired_leases(self, *, look_in_seconds: float, limit: int) -> list[UUID]:
        """SENDING past its lease becomes IN_DOUBT; returns the configurations concerned."""
        ...

    def take_doubts(self, configuration_id: UUID, *, limit: int, lease_seconds: float) -> list[Doubt]:
        """IN_DOUBT jobs due for a look; their due time moves on by the lease."""
        ...

    def resolve_doubts(self, settlements: Mapping[UUID, tuple[int, Settlement, int]]) -> set[UUID]:
        """Job id to (version looked at, what it becomes, its late looks from now on); returns what was written.

        A settlement back to IN_DOUBT keeps the job in doubt with a new due time.
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
        """Of a job that `for_events` locked. Ends any claim on it."""
        ...

    # What the scheduler looks for; by index, at most `limit`.
    def configurations_with_due_jobs(self, limit: int) -> list[UUID]:
        """Those that may send now and have a QUEUED job that is due."""
        ...

    def configurations_with_due_doubts(self, limit: int) -> list[UUID]: ...


@dataclass(frozen=True, slots=True)
class EventHeaders:
    """The provider's own marks on a callback, kept beside the raw body."""

    trace_id: str | None = None
    event_id: str | None = None
    retries_remaining: str | None = None


class Events(Protocol):
    def add(self, event: EmailEvent, headers: EventHeaders) -> bool:
        """False when this configuration already has an event with the same content key."""
        ...

    def serialise(self, configuration_id: UUID) -> None:
        """Waits until no other transaction projects this configuration: events are folded in their order of arrival."""
        ...

    def unprojected(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        """Due ones, oldest first."""
        ...

    def mark_projected(self, job_ids: Mapping[UUID, UUID | None]) -> None:
        """Event id to the job it was joined to, if any."""
        ...

    def put_off(self, event_ids: Collection[UUID], *, seconds: float) -> None: ...

    def park(self, event_ids: Collection[UUID]) -> None:
        """No longer tried; kept and counted."""
        ...

    def for_job(self, tenant_id: UUID, job_id: UUID) -> list[EmailEvent]:
        """Oldest first."""
        ...

    def about(self, tenant_id: UUID, addresses: Collection[str]) -> list[EmailEvent]:
        """Every event that may bear on the suppression of these addresses, test events left out."""
        ...

    def configurations_with_due_events(self, limit: int) -> list[UUID]: ...


class Suppressions(Protocol):
    def active_among(self, tenant_id: UUID, addresses: Collection[str]) -> Mapping[str, SuppressionEntry]: ...

    def get(self, tenant_id: UUID, e_id: UUID) -> SuppressionEntry | None: ...

    def query(self, tenant_id: UUID, query: Query) -> Page[SuppressionEntry]: ...

    def operator_facts(
        self, tenant_id: UUID, addresses: Collection[str]
    ) -> Mapping[str, list[SuppressionFact]]:
        """What operators and refusals of the provider have added or lifted: facts that no event tells."""
        ...

    def add(self, entry: SuppressionEntry) -> SuppressionEntry:
        """Returns the active entry of the address if there is one already, else `entry`."""
        ...

    def lift(self, entry: SuppressionEntry, *, author: str, note: str | None) -> SuppressionEntry: ...

    def apply(self, tenant_id: UUID, states: Mapping[str, SuppressionState]) -> int:
        """Makes the rows of these addresses say what `states` says; returns how many changed."""
        ...


class AccountState(Protocol):
    """The provider account that all tenants share."""

    def paused_until(self) -> datetime | None:
        """None unless the pause still runs by the database clock."""
        ...

    def pause(self, *, seconds: float, reason: str) -> None: ...


class Transaction(Protocol):
    configurations: Configurations
    jobs: Jobs
    events: Events
    suppressions: Suppressions
    account: AccountState

    def now(self) -> datetime:
        """The database's clock, aware UTC, the same throughout the transaction."""
        ...


class Store(Protocol):
    def begin(self) -> AbstractContextManager[Transaction]: ...

    def ping(self) -> None:
        """Raises when the database does not answer."""
        ...
