"""What comes in from outside and is kept at once: each is one statement, and a transaction by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.event import EventFacts
from shared.ports.events import EventHeaders
from shared.ports.jobs import OfferedJob


@dataclass(frozen=True, slots=True)
class Received:
    """`fresh`: the configuration had no event with this content key before."""

    configuration_id: UUID
    fresh: bool


class Arrivals(Protocol):
    """Raises `StoreUnavailable` as a transaction does; nothing is kept then, or nobody knows whether it was."""

    def event(
        self, routing_hash: bytes, e_id: UUID, facts: EventFacts, raw: str, headers: EventHeaders
    ) -> Received | None:
        """Kept as an event of the configuration whose routing token has this hash; None when none has.

        Retired configurations are known too: their last events still arrive.
        """
        ...

    def job(self, tenant_id: UUID, offered: OfferedJob) -> datetime | None:
        """As `Jobs.offer`, of one job: when it was accepted."""
        ...
