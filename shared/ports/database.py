"""The database as operators look at it, beside the rows. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lead:
    """A scheduler's session that holds the lead. `heard_at`: when it last asked for something."""

    since: datetime
    heard_at: datetime
    address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSeen:
    """`now`: by its clock. `revision` is the schema's, None where no migration ever ran; `head` that of this code."""

    version: str
    now: datetime
    revision: str | None
    head: str
    # False: a newer release has migrated it.
    revision_known: bool
    # None: nobody leads.
    lead: Lead | None


class DatabaseLook(Protocol):
    def look(self) -> DatabaseSeen:
        """Raises `StoreUnavailable`."""
        ...


class LeadLook(Protocol):
    def lead(self) -> Lead | None:
        """None: nobody leads. Raises `StoreUnavailable`."""
        ...
