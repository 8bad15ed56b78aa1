"""For how long things have waited: what an operator looks at first."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol


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


class Waits(Protocol):
    def oldest(self) -> Mapping[Waiting, datetime]:
        """Since when the one that has waited longest has; states in which nothing waits are left out.

        Each by an index, whatever the size of the tables.
        """
        ...
