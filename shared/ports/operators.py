"""What operators look at, across tenants. Every question is answered by an index, or refused with advice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter
from shared.domain.event import EmailEvent, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.ports.configurations import ConfigurationRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationSearch:
    """All that is given has to hold. `text`: an eId, a tenant's id, a provider's server id, or how a slug begins.

    `retired`: those that are, or (False) those that are not.
    """

    text: str = ""
    operational: Operational | None = None
    administrative: Administrative | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSearch:
    """All that is given has to hold. `text`: a job's id, the provider's message id, or an idempotency key of a tenant.

    An idempotency key is found with its tenant or its configuration only. Without either, there has to be `text`, or a
    status in which few jobs are: QUEUED, SENDING, IN_DOUBT, INCONSISTENT. Else `InvalidValue`. `recipient` is looked
    for as it is normalised. `accepted_until` itself is not among what is found.
    """

    text: str = ""
    tenant_id: UUID | None = None
    configuration_id: UUID | None = None
    recipient: str = ""
    status: JobStatus | None = None
    accepted_from: datetime | None = None
    accepted_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionSearch:
    """`address` is looked for as it is normalised; without one, a tenant has to be given. Else `InvalidValue`."""

    address: str = ""
    tenant_id: UUID | None = None
    reason: SuppressionReason | None = None
    active: bool | None = True


class EventOutcome(StrEnum):
    """What became of an event: it is not folded yet; it was, into a job's status or without a job; it was given up."""

    WAITS = "waits"
    JOINED = "joined"
    ALONE = "alone"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    """All that is given has to hold. `job_id`: the job that it was joined to."""

    configuration_id: UUID
    kind: EventKind | None = None
    outcome: EventOutcome | None = None
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SeenEvent:
    event: EmailEvent
    outcome: EventOutcome


@dataclass(frozen=True, slots=True)
class EventPage:
    """`older_than`: where the next page begins, None when nothing is left to look through."""

    events: Sequence[SeenEvent]
    older_than: UUID | None


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that somebody did: a change of a configuration, or something by hand. One of the two is there."""

    at: datetime
    author: str
    record: ConfigurationRecord | None = None
    action: OperatorAction | None = None


class OperatorViews(Protocol):
    """Pages are newest first, those before `before`: the id that the page before ended with."""

    def configurations(
        self, wanted: ConfigurationSearch, *, before: UUID | None, limit: int
    ) -> list[EmailConfiguration]:
        """Newest first by their ids."""
        ...

    def jobs(self, wanted: JobSearch, *, before: UUID | None, limit: int) -> list[EmailJob]:
        """Newest first: of a tenant or a configuration by their acceptance, else by their ids."""
        ...

    def job(self, e_id: UUID) -> EmailJob | None: ...

    def letter_of_job(self, e_id: UUID) -> DeadLetter | None:
        """The open one."""
        ...

    def in_flight(self, configuration_id: UUID) -> Mapping[JobStatus, int]:
        """How many of its jobs are QUEUED, SENDING and IN_DOUBT; each of the three is there."""
        ...

    def events_of(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        """The newest of one configuration, newest first by their ids."""
        ...

    def events(
        self, wanted: EventSearch, *, before: UUID | None, limit: int, looked_through: int = 5000
    ) -> EventPage:
        """Newest first by their ids.

        Of a configuration with millions no index knows the few of a kind: so many are `looked_through` for one page,
        which may then have fewer than `limit`, or none, and still lead on.
        """
        ...

    def suppressions(
        self, wanted: SuppressionSearch, *, after: UUID | None, limit: int
    ) -> list[SuppressionEntry]:
        """In the order of their ids."""
        ...

    def deeds(
        self, *, author: str = "", subject_id: UUID | None = None, before: datetime | None, limit: int
    ) -> Sequence[Deed]:
        """What people and workers did, newest first: operators' actions and records of configurations.

        `before` is the time of the deed that the page before ended with. What was done at one moment comes together:
        a page is longer than `limit` where its last moment needs it. `subject_id`: what was acted on, which of a record
        is its configuration.
        """
        ...
