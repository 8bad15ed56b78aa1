"""What is counted for pictures, and by which words: a bounded set, so that counts are bounded too."""

from collections.abc import Mapping
from enum import StrEnum

from shared.domain.errors import InvalidValue
from shared.domain.event import EventKind
from shared.domain.job import JobStatus

# For a word that nobody listed here: told apart, it might be one of thousands.
OTHER = "other"
MINUTES_OF_A_DAY = 24 * 60


class Counted(StrEnum):
    """What a label is of."""

    # No label.
    ACCEPTED = "accepted"
    # The gate, or why a configuration does not send.
    REFUSED = "refused"
    # The status that a call gave its messages.
    OUTCOME = "outcome"
    # The status that an event gave its job.
    STATUS = "status"
    # The kind of event; one that was known already is counted too.
    RECEIVED = "received"
    # Why a callback was turned away.
    REJECTED = "rejected"


_GATES = ("key_reused", "job_inconsistent", "not_found", "cannot_send", "suppressed")
_DOES_NOT_SEND = ("retired", "not_provisioned", "not_verified", "failure", "locking", "locked")

LABELS: Mapping[Counted, frozenset[str]] = {
    Counted.ACCEPTED: frozenset({""}),
    Counted.REFUSED: frozenset(_GATES + _DOES_NOT_SEND),
    Counted.OUTCOME: frozenset(JobStatus),
    Counted.STATUS: frozenset(JobStatus),
    Counted.RECEIVED: frozenset(EventKind),
    Counted.REJECTED: frozenset(
        {"auth_mismatch", "not_stored", "invalid_json", "invalid_fields", "body_cut", "body_too_large"}
    ),
}


def bounded(counted: Counted, label: str) -> str:
    return label if label in LABELS[counted] else OTHER


def checked_span(minutes: int) -> int:
    if not 1 <= minutes <= MINUTES_OF_A_DAY:
        raise InvalidValue("spanMinutes", f"give 1 to {MINUTES_OF_A_DAY} minutes")
    return minutes
