"""Configurations and their history, as rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.configuration import EmailConfiguration
from shared.domain.query import Query
from shared.ports.rows import Lock, Page


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

    def query_as_of(
        self, tenant_id: UUID, query: Query, *, effective: datetime | None, recorded: datetime | None
    ) -> Page[ConfigurationRecord]:
        """The records that held then, as `record_as_of` finds them, and asked about by what they say. As `query`."""
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

    def renew_lease(self, e_id: UUID, *, token: UUID, lease_seconds: float) -> bool:
        """False when somebody else has had it since, also when it is free again: what was read then is outdated."""
        ...

    def drop_lease(self, e_id: UUID, *, token: UUID) -> None: ...

    def take_verification(
        self, e_id: UUID, *, next_due_seconds: float, window_seconds: float
    ) -> EmailConfiguration | None:
        """Moves the due time on and returns the configuration, or None when it was not due: one ring, one check.

        The next one is due after `next_due_seconds`, and at the end of the window if that comes first.
        """
        ...

    def put_back_verification(self, e_id: UUID, *, due_in_seconds: float) -> None:
        """For a check that was taken and not made."""
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
