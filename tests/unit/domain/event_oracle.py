"""Everything that can be told of a job and an address, and what the specification alone makes of a history of it.

Shares nothing with `shared.domain` but the events themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain.event import EmailEvent, EventFacts, EventKind, suppression_fact
from shared.domain.suppression import SuppressionFact, SuppressionReason

RECEIVED_AT = datetime(2026, 1, 2, tzinfo=UTC)
# Few, so that things happen at the same moment; the last is after we heard of it, and none at all is a date, too.
HOURS: tuple[int | None, ...] = (0, 1, 2, 3, 4, 99, None)

# As a payload would say it, and what the oracle is told: see `Oracle`.
_SAID: dict[str, tuple[EventKind, dict[str, object]]] = {
    "delivery": (EventKind.DELIVERY, {}),
    "hard": (EventKind.BOUNCE, {"hard_bounce": True}),
    "soft": (EventKind.BOUNCE, {}),
    "complaint": (EventKind.SPAM_COMPLAINT, {}),
    "listed hard": (EventKind.SUBSCRIPTION_CHANGE, {"suppression_reason": SuppressionReason.HARD_BOUNCE}),
    "listed complaint": (
        EventKind.SUBSCRIPTION_CHANGE,
        {"suppression_reason": SuppressionReason.SPAM_COMPLAINT},
    ),
    "listed manual": (EventKind.SUBSCRIPTION_CHANGE, {"suppression_reason": SuppressionReason.MANUAL}),
    "listed": (EventKind.SUBSCRIPTION_CHANGE, {}),
    "unlisted": (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": False}),
    "unclear": (EventKind.SUBSCRIPTION_CHANGE, {"suppresses": None}),
    "open": (EventKind.OPEN, {}),
    "click": (EventKind.CLICK, {}),
    "test": (EventKind.TEST, {}),
    "other": (EventKind.OTHER, {}),
}
_RANKS = {"delivery": 1, "hard": 2, "complaint": 3}
BY_RANK = ("SENT", "DELIVERED", "BOUNCED", "COMPLAINED")
_PROVES_NOTHING = ("test", "other")
_REASONS = {
    "complaint": "SPAM_COMPLAINT",
    "listed complaint": "SPAM_COMPLAINT",
    "hard": "HARD_BOUNCE",
    "listed hard": "HARD_BOUNCE",
    "listed": "UNSUBSCRIBED",
    "listed manual": "MANUAL",
}
_GRAVEST_FIRST = ("SPAM_COMPLAINT", "HARD_BOUNCE", "UNSUBSCRIBED", "MANUAL")
State = tuple[bool, str, datetime, datetime | None] | None


@dataclass(frozen=True)
class Told:
    """One event, in our words and in the oracle's."""

    what: str
    at: datetime
    facts: EventFacts = field(repr=False)
    fact: SuppressionFact | None = field(repr=False)


def vocabulary() -> list[Told]:
    """Everything that can be told, twice each: the same thing may happen twice at one moment."""
    return [
        _told(what, hour, UUID(int=number))
        for number, (what, hour) in enumerate((what, hour) for what in _SAID for hour in HOURS * 2)
    ]


def _told(what: str, hour: int | None, e_id: UUID) -> Told:
    kind, said = _SAID[what]
    # Only of a change of subscription is it asked.
    given = {"suppresses": True, **said} if kind is EventKind.SUBSCRIPTION_CHANGE else said
    occurred_at = None if hour is None else RECEIVED_AT + timedelta(hours=hour - 10)
    facts = EventFacts(
        kind=kind,
        content_key=e_id.bytes,
        occurred_at=occurred_at,
        recipient="p@x.example",
        **given,  # type: ignore[arg-type]
    )
    event = EmailEvent(
        e_id=e_id,
        tenant_id=e_id,
        configuration_id=e_id,
        facts=facts,
        received_at=RECEIVED_AT,
        raw="{}",
    )
    at = min(occurred_at or RECEIVED_AT, RECEIVED_AT)
    return Told(what, at, facts, suppression_fact(event))


def status_by_oracle(start: str, history: Iterable[str]) -> str:
    """Ranks that never fall are a job's life; anything else is inconsistent."""
    proofs = [what for what in history if what not in _PROVES_NOTHING]
    ranks = [_RANKS[what] for what in proofs if what in _RANKS]
    if start == "INCONSISTENT" or not proofs:
        return start
    if start in ("FAILED", "CANCELLED", "SUPPRESSED"):
        return "INCONSISTENT" if ranks else start
    life = [BY_RANK.index(start), *ranks] if start in BY_RANK else [0, *ranks]
    return BY_RANK[life[-1]] if life == sorted(life) else "INCONSISTENT"


def settled_by_oracle(history: Iterable[str]) -> str | None:
    proofs = [what for what in history if what not in _PROVES_NOTHING]
    return BY_RANK[max(_RANKS.get(what, 0) for what in proofs)] if proofs else None


def address_by_oracle(history: Iterable[tuple[datetime, str]]) -> State:
    """Walks through time. At one moment a lift comes first, so that what protects the recipient has the last word."""
    complained_at: datetime | None = None
    stay: dict[str, datetime] = {}
    lifted_at: datetime | None = None
    for at, what in sorted(history, key=lambda one: (one[0], one[1] != "unlisted")):
        if what == "unlisted":
            lifted_at = lifted_at or (at if stay else None)
        elif what in _REASONS:
            if lifted_at is not None:
                stay, lifted_at = {}, None
            stay.setdefault(_REASONS[what], at)
            if _REASONS[what] == "SPAM_COMPLAINT":
                complained_at = complained_at or at
    if complained_at is not None:
        return True, "SPAM_COMPLAINT", complained_at, None
    if not stay:
        return None
    reason = next(each for each in _GRAVEST_FIRST if each in stay)
    return lifted_at is None, reason, stay[reason], lifted_at
