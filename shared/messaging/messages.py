"""What is rung for: an imperative, and the id of the row that waits. Beside it travels the trace of whoever
rang, and nothing else ever.

Rings go by configuration: one ring wakes all the due work of one, and losing a ring loses nothing.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from shared.messaging import queues


@dataclass(frozen=True, slots=True)
class ProvisionConfiguration:
    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class VerifyConfiguration:
    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class RemoveConfiguration:
    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class CheckWebhook:
    """Of the configuration with this id: does the provider still post?"""

    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class ResealToken:
    """Of the configuration with this id: by the current key version."""

    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class RunReplay:
    """Of dead letters, by the id of its row."""

    id: UUID
    queue: ClassVar[str] = queues.PROVISIONING


@dataclass(frozen=True, slots=True)
class SendJobs:
    """Of the configuration with this id: whatever is due."""

    id: UUID
    queue: ClassVar[str] = queues.SEND


@dataclass(frozen=True, slots=True)
class ResolveDoubts:
    """Of the configuration with this id: ask the provider what became of jobs in doubt."""

    id: UUID
    queue: ClassVar[str] = queues.SEND


@dataclass(frozen=True, slots=True)
class ProjectEvents:
    """Of the configuration with this id."""

    id: UUID
    queue: ClassVar[str] = queues.PROJECTION


@dataclass(frozen=True, slots=True)
class CatchUpEvents:
    """Of the configuration with this id: ask the provider for what its callbacks could not tell."""

    id: UUID
    queue: ClassVar[str] = queues.PROJECTION


@dataclass(frozen=True, slots=True)
class LiftSuppressions:
    """Of the configuration with this id: ask the provider to take addresses off its list."""

    id: UUID
    queue: ClassVar[str] = queues.PROJECTION


@dataclass(frozen=True, slots=True)
class CheckDrift:
    """One assertion, by the id of its row."""

    id: UUID
    queue: ClassVar[str] = queues.DRIFT


@dataclass(frozen=True, slots=True)
class RemoveOldRows:
    """Of one kind that is kept for a while, by the id of its row in `retention`."""

    id: UUID
    queue: ClassVar[str] = queues.DRIFT


Message = (
    ProvisionConfiguration
    | VerifyConfiguration
    | RemoveConfiguration
    | SendJobs
    | ResolveDoubts
    | ProjectEvents
    | CheckWebhook
    | CatchUpEvents
    | LiftSuppressions
    | ResealToken
    | RunReplay
    | CheckDrift
    | RemoveOldRows
)
TYPES: tuple[type[Message], ...] = (
    ProvisionConfiguration,
    VerifyConfiguration,
    RemoveConfiguration,
    SendJobs,
    ResolveDoubts,
    ProjectEvents,
    CheckWebhook,
    CatchUpEvents,
    LiftSuppressions,
    ResealToken,
    RunReplay,
    CheckDrift,
    RemoveOldRows,
)


def actor_name(message_type: type[Message]) -> str:
    """The actor that answers a message has the message's name."""
    return message_type.__name__
