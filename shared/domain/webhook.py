"""The health of the callbacks: whether the provider still tells us, and of what."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

# Of the digest of an API key, in hexadecimal digits: enough to tell keys apart, too little to find one by.
_FINGERPRINT_DIGITS = 12
# 256 random bits.
ROUTING_TOKEN_BYTES = 32


class WebhookState(StrEnum):
    OK = "ok"
    # None with our url: nothing arrives any more.
    MISSING = "missing"
    # Several: each event arrives as often, which deduplication bears.
    DOUBLED = "doubled"
    # The provider gave up on some types of events and posts the others only.
    PAUSED = "paused"
    # The provider was not reached.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSeen:
    """A webhook as the provider lists it. `headers` hold our key and the routing token."""

    webhook_id: int
    url: str
    stream: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatistics:
    """Of the last 24 hours. `paused`: types of events that the provider does not post any more."""

    paused: tuple[str, ...] = ()
    requests: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookHealth:
    """What one look found."""

    state: WebhookState
    webhooks: int = 0
    paused: tuple[str, ...] = ()
    requests: int = 0
    failures: int = 0
    # Asked the provider to try again what it had paused, and whether it was content.
    reverified: bool | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReport:
    """The last look, and since when its state holds."""

    health: WebhookHealth
    checked_at: datetime
    since: datetime


def health_of(ours: Collection[WebhookSeen], statistics: WebhookStatistics | None) -> WebhookHealth:
    """`ours`: those with our url on our stream. `statistics`: of the one we know, None when it was not asked."""
    told = statistics or WebhookStatistics()
    return WebhookHealth(
        state=_state(ours, told),
        webhooks=len(ours),
        paused=told.paused,
        requests=told.requests,
        failures=told.failures,
    )


def _state(ours: Collection[WebhookSeen], told: WebhookStatistics) -> WebhookState:
    if not ours:
        return WebhookState.MISSING
    if told.paused:
        return WebhookState.PAUSED
    return WebhookState.DOUBLED if len(ours) > 1 else WebhookState.OK


def routing_digest(routing_token: str) -> bytes:
    """What a row keeps of it. Whatever a stranger sends has one, too."""
    return sha256(routing_token.encode("utf-8", "surrogateescape")).digest()


def fingerprint(api_key: str) -> str:
    """What a key is called where people and rows speak of it."""
    return sha256(api_key.encode()).hexdigest()[:_FINGERPRINT_DIGITS]
