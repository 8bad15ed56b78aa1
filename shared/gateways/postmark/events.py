"""Webhook payloads in our words. What cannot be read is left out; only what is no object is refused."""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.event import EventFacts, EventKind
from shared.domain.mail import JOB_KEY
from shared.domain.suppression import SuppressionReason, normalised

Payload = dict[str, object]

# What Postmark puts into the events it posts while a webhook is created or verified.
TEST_MESSAGE_ID: Final = "00000000-0000-0000-0000-000000000000"

_KINDS: Final = {
    "Delivery": EventKind.DELIVERY,
    "Bounce": EventKind.BOUNCE,
    "SpamComplaint": EventKind.SPAM_COMPLAINT,
    "SubscriptionChange": EventKind.SUBSCRIPTION_CHANGE,
    "Open": EventKind.OPEN,
    "Click": EventKind.CLICK,
}
_DATES: Final = {
    EventKind.DELIVERY: "DeliveredAt",
    EventKind.BOUNCE: "BouncedAt",
    EventKind.SPAM_COMPLAINT: "BouncedAt",
    EventKind.SUBSCRIPTION_CHANGE: "ChangedAt",
    EventKind.OPEN: "ReceivedAt",
    EventKind.CLICK: "ReceivedAt",
}
# Tried in order; the first whose fields are all there names the event. Two webhooks on one stream, and every
# retry, tell the same event in the same words.
_IDENTITIES: Final[dict[EventKind, tuple[tuple[str, ...], ...]]] = {
    EventKind.DELIVERY: (("MessageID", "Recipient", "DeliveredAt"),),
    EventKind.BOUNCE: (("ID",), ("MessageID", "Email", "BouncedAt")),
    EventKind.SPAM_COMPLAINT: (("ID",), ("MessageID", "Email", "BouncedAt")),
    EventKind.SUBSCRIPTION_CHANGE: (("Recipient", "MessageStream", "ChangedAt", "SuppressSending"),),
    EventKind.OPEN: (("MessageID", "Recipient", "ReceivedAt"),),
    EventKind.CLICK: (("MessageID", "Recipient", "ReceivedAt", "OriginalLink"),),
}
_MOMENTS: Final = frozenset(_DATES.values())
_ADDRESSES: Final = ("Recipient", "Email")
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_UNSTORABLE: Final = re.compile(r"[\0\ud800-\udfff]")
_FRACTION: Final = re.compile(r":([0-9]{2})\.([0-9]+)")


class PostmarkEvents:
    """Implements `ports.mail.EventReader`."""

    def read(self, body: str) -> EventFacts:
        payload = _object(body)
        kind = _kind(payload)
        metadata = payload.get("Metadata")
        suppresses = payload.get("SuppressSending") if kind is EventKind.SUBSCRIPTION_CHANGE else None
        return EventFacts(
            kind=kind,
            content_key=_content_key(kind, payload),
            occurred_at=time_of(payload.get(_DATES.get(kind, ""))),
            message_id=_text(payload.get("MessageID")),
            job_id=uuid_of(metadata.get(JOB_KEY)) if isinstance(metadata, dict) else None,
            recipient=_recipient(payload),
            hard_bounce=kind is EventKind.BOUNCE and _ends_it(payload),
            suppresses=suppresses if isinstance(suppresses, bool) else None,
            suppression_reason=_reason(payload) if suppresses is True else None,
        )


def uuid_of(value: object) -> UUID | None:
    """Canonical form only: `UUID()` itself also takes braces, a URN and stray hyphens."""
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return parsed if str(parsed) == str(value).lower() else None


def _object(body: str) -> Payload:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidValue("body", "send one JSON object") from None
    if not isinstance(payload, dict):
        raise InvalidValue("body", "send one JSON object")
    return payload


def _kind(payload: Payload) -> EventKind:
    if payload.get("MessageID") == TEST_MESSAGE_ID:
        return EventKind.TEST
    record_type = payload.get("RecordType")
    return _KINDS.get(record_type, EventKind.OTHER) if isinstance(record_type, str) else EventKind.OTHER


def _content_key(kind: EventKind, payload: Payload) -> bytes:
    for fields in _IDENTITIES.get(kind, ()):
        values = [_canonical(name, payload.get(name)) for name in fields]
        # A zero is no id; False is a value.
        if all(value is False or (value and isinstance(value, str | int)) for value in values):
            return _digest([kind.value, fields, values])
    return _digest([kind.value, payload])


def _canonical(field: str, value: object) -> object:
    """One spelling for what callbacks and lists spell differently: lists have New York's time and lower case."""
    if not isinstance(value, str):
        return value
    if field in _MOMENTS:
        return _instant(value) or value
    return normalised(value) if field in _ADDRESSES else value


def _instant(text: str) -> str | None:
    """In UTC, with all digits but for zeros at the end: the seventh is more than a `datetime` holds."""
    fraction = _FRACTION.search(text)
    at = time_of(_FRACTION.sub(r":\1", text))
    digits = fraction[2].rstrip("0") if fraction else ""
    return None if at is None else f"{at.isoformat()}.{digits}"


def _digest(content: object) -> bytes:
    return hashlib.sha256(_CANONICAL.encode(content).encode()).digest()


def _recipient(payload: Payload) -> str | None:
    """Bounces and complaints call it Email, the others Recipient."""
    address = _text(payload.get("Recipient")) or _text(payload.get("Email"))
    return (normalised(address) or None) if address else None


def _text(value: object) -> str | None:
    """None for what a database cannot keep: NUL and halves of surrogate pairs."""
    return value if isinstance(value, str) and value and not _UNSTORABLE.search(value) else None


def time_of(value: object) -> datetime | None:
    """0 to 7 fractional digits, `Z`, an offset or neither, which is UTC."""
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is None:
            return None
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _ends_it(payload: Payload) -> bool:
    return payload.get("Inactive") is True or payload.get("Type") == "HardBounce"


def _reason(payload: Payload) -> SuppressionReason:
    """ManualSuppression from the recipient is an unsubscribe. Older samples have no reason at all."""
    match payload.get("SuppressionReason"):
        case "HardBounce":
            return SuppressionReason.HARD_BOUNCE
        case "SpamComplaint":
            return SuppressionReason.SPAM_COMPLAINT
    by_us = payload.get("Origin") in ("Customer", "Admin")
    return SuppressionReason.MANUAL if by_us else SuppressionReason.UNSUBSCRIBED
