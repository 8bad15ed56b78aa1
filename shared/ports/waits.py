"""For how long things have waited, and how much there is of what should not be: what an operator looks at first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.domain.dead_letter import Subject

# More than anybody looks at one by one; counting on would cost more the worse things are.
COUNTED_MAX = 10_000


class Waiting(StrEnum):
    """Each state in which something waits for somebody."""

    PROVISIONING = "provisioning"
    AWAITING_VERIFICATION = "awaiting_verification"
    LOCKING = "locking"
    REMOVAL = "removal"
    # For an operator: nothing goes on by itself.
    MISSING = "missing"
    UNVERIFIED = "unverified"
    FAILURE = "failure"
    # Jobs whose due time has come.
    JOB_DUE = "job_due"
    JOB_SENDING = "job_sending"
    JOB_IN_DOUBT = "job_in_doubt"
    EVENT_DUE = "event_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much there is now; of each kind COUNTED_MAX at the most, which means that or more."""

    jobs_in_doubt: int = 0
    jobs_inconsistent: int = 0
    gaps_open: int = 0
    # The open ones; subjects that have none are left out.
    dead_letters: Mapping[Subject, int] = field(default_factory=dict)


class Waits(Protocol):
    def oldest(self) -> Mapping[Waiting, datetime]:
        """Since when the one that has waited longest has; states in which nothing waits are left out.

        Each by an index, whatever the size of the tables.
        """
        ...

    def standing(self) -> Standing:
        """Each by an index that holds nothing else, whatever the size of the tables."""
        ...
