"""Addresses a tenant must not mail. What holds for an address is a function of the set of facts about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import InvalidValue

# RFC 5321 4.5.3.1.3, less the angle brackets.
_ADDRESS_MAX = 254
_NOT_BARE = re.compile(r'[\s<>,;:"()\[\]\\]')


class SuppressionReason(StrEnum):
    HARD_BOUNCE = "HARD_BOUNCE"
    SPAM_COMPLAINT = "SPAM_COMPLAINT"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    PROVIDER_INACTIVE = "PROVIDER_INACTIVE"
    MANUAL = "MANUAL"
    IMPORTED = "IMPORTED"


# When several reasons hold at once, the first of these is the one shown.
_GRAVITY = (
    SuppressionReason.SPAM_COMPLAINT,
    SuppressionReason.HARD_BOUNCE,
    SuppressionReason.UNSUBSCRIBED,
    SuppressionReason.PROVIDER_INACTIVE,
    SuppressionReason.MANUAL,
    SuppressionReason.IMPORTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionEntry:
    e_id: UUID
    tenant_id: UUID
    address: str = field(repr=False)
    reason: SuppressionReason
    active: bool = True
    since: datetime
    lifted_at: datetime | None = None
    source_event_id: UUID | None = None
    author: str
    note: str | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class SuppressionFact:
    """One thing that happened to an address: it was put on the list for `reason`, or (None) taken off it."""

    occurred_at: datetime
    reason: SuppressionReason | None
    source_event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SuppressionState:
    """What holds now, or held last. `since` and `source_event_id` are of the earliest fact with the reason shown."""

    active: bool
    reason: SuppressionReason
    since: datetime
    source_event_id: UUID | None = None
    lifted_at: datetime | None = None


def normalised(address: str) -> str:
    """The key of an address: the same for a job's recipient, an event and an entry."""
    return address.strip().lower()


def checked_address(address: str, field_name: str = "recipient") -> str:
    """A bare address, normalised. Deliverability is the provider's to judge; this keeps out what is no address."""
    key = normalised(address)
    local, at, domain = key.rpartition("@")
    plain = not _NOT_BARE.search(key)
    one = bool(local and at and domain) and "@" not in local
    if not (one and plain and key.isprintable()) or len(key) > _ADDRESS_MAX:
        raise InvalidValue(
            field_name,
            "give one bare address such as person@example.com, at most 254 characters",
        )
    return key


def state_of(facts: Iterable[SuppressionFact]) -> SuppressionState | None:
    """Fold all facts about one address. Order and repeats in `facts` do not matter; None when none put it on the list.

    A complaint holds for ever. Otherwise what happened last decides, and of two at the same moment the one that
    protects the recipient: a wrong suppression is lifted with a click, a wrong send cannot be recalled.
    What is shown is the last stay on the list: it began after the lift before it, and `lifted_at` ended it.
    """
    known = set(facts)
    added = [fact for fact in known if fact.reason is not None]
    if not added:
        return None
    last_added_at = max(fact.occurred_at for fact in added)
    lifts = [fact.occurred_at for fact in known if fact.reason is None]
    lifted_before = max((at for at in lifts if at <= last_added_at), default=None)
    lifted_at = min((at for at in lifts if at > last_added_at), default=None)
    shown = min(
        (fact for fact in added if _holds_after(fact, lifted_before)),
        key=lambda fact: (_GRAVITY.index(_reason(fact)), fact.occurred_at, str(fact.source_event_id)),
    )
    active = lifted_at is None or _reason(shown) is SuppressionReason.SPAM_COMPLAINT
    return SuppressionState(
        active=active,
        reason=_reason(shown),
        since=shown.occurred_at,
        source_event_id=shown.source_event_id,
        lifted_at=None if active else lifted_at,
    )


def _holds_after(fact: SuppressionFact, lifted_at: datetime | None) -> bool:
    complaint = fact.reason is SuppressionReason.SPAM_COMPLAINT
    return complaint or lifted_at is None or fact.occurred_at >= lifted_at


def _reason(fact: SuppressionFact) -> SuppressionReason:
    assert fact.reason is not None
    return fact.reason
