"""Bodies of webhooks, and the dummies that verification posts."""

from typing import Any

from sandbox.postmark.bounce_types import BOUNCE_TYPES
from sandbox.postmark.dates import zulu
from sandbox.postmark.entities import Bounce, Json, Message, Trigger

_CLIENT = {"Name": "Chrome 138.0", "Company": "Google", "Family": "Chrome"}
_OS = {"Name": "macOS 15", "Company": "Apple Inc.", "Family": "macOS"}
_AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/138.0.0.0"


def _of(message: Message) -> Json:
    return {
        "MessageStream": message.stream,
        "MessageID": message.id,
        "Tag": message.tag,
        "Metadata": message.metadata,
    }


def delivery(message: Message, recipient: str, at: float) -> Json:
    return {
        "RecordType": "Delivery",
        "ServerID": message.server_id,
        **_of(message),
        "Recipient": recipient,
        "DeliveredAt": zulu(at),
        "Details": "smtp;250 2.0.0 OK simulated",
    }


def bounce(found: Bounce) -> Json:
    """Bounce and SpamComplaint share their keys."""
    code, name, _ = BOUNCE_TYPES[found.type]
    return {
        "RecordType": "SpamComplaint" if found.type == "SpamComplaint" else "Bounce",
        "ID": found.id,
        "Type": found.type,
        "TypeCode": code,
        "Name": name,
        "Tag": found.tag,
        "MessageID": found.message_id,
        "Metadata": found.metadata,
        "ServerID": found.server_id,
        "MessageStream": found.stream,
        "Description": found.description,
        "Details": found.details,
        "Email": found.email,
        "From": found.sender,
        "BouncedAt": zulu(found.bounced_at),
        "DumpAvailable": True,
        "Inactive": found.inactive,
        "CanActivate": found.can_activate,
        "Subject": found.subject,
    }


def subscription_change(
    server_id: int,
    stream: str,
    recipient: str,
    at: float,
    *,
    reason: str | None,
    origin: str,
    message: Message | None,
) -> Json:
    """`reason` None means that the address may get mail again."""
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": message.id if message else None,
        "ServerID": server_id,
        "MessageStream": stream,
        "ChangedAt": zulu(at),
        "Recipient": recipient,
        "Origin": origin,
        "SuppressSending": reason is not None,
        "SuppressionReason": reason,
        "Tag": message.tag if message else None,
        "Metadata": message.metadata if message else {},
    }


def opened(message: Message, recipient: str, at: float, *, first: bool) -> Json:
    """No ServerID: Open and Click have none."""
    return {
        "RecordType": "Open",
        "FirstOpen": first,
        **_visitor(),
        **_of(message),
        "ReadSeconds": 5,
        "ReceivedAt": zulu(at),
        "Recipient": recipient,
    }


def clicked(message: Message, recipient: str, at: float, link: str) -> Json:
    return {
        "RecordType": "Click",
        "ClickLocation": "HTML",
        "OriginalLink": link,
        **_visitor(),
        **_of(message),
        "ReceivedAt": zulu(at),
        "Recipient": recipient,
    }


def _visitor() -> dict[str, Any]:
    return {"Client": _CLIENT, "OS": _OS, "Platform": "Desktop", "UserAgent": _AGENT, "Geo": {}}


def dummy(trigger: Trigger, stream: str, now: float) -> Json:
    """A test post: server 23, the zero MessageID, john@example.com, ID 42, as documented."""
    message = _dummy_message(stream, now)
    recipient = message.recipients[0]
    if trigger == "Delivery":
        return delivery(message, recipient, now)
    if trigger == "Open":
        return opened(message, recipient, now, first=True)
    if trigger == "Click":
        return clicked(message, recipient, now, "https://example.com")
    if trigger == "SubscriptionChange":
        reason = "ManualSuppression"
        return subscription_change(
            23, stream, recipient, now, reason=reason, origin="Recipient", message=message
        )
    return bounce(
        _dummy_bounce("SpamComplaint" if trigger == "SpamComplaint" else "HardBounce", message, now)
    )


def _dummy_message(stream: str, now: float) -> Message:
    return Message(
        seq=0,
        id="00000000-0000-0000-0000-000000000000",
        server_id=23,
        stream=stream,
        sender="sender@example.com",
        to=[],
        cc=[],
        bcc=[],
        recipients=["john@example.com"],
        subject="Test subject",
        tag="Test",
        metadata={"example": "value"},
        attachments=[],
        track_opens=True,
        track_links="None",
        sandboxed=False,
        accepted_at=now,
        searchable_at=now,
        request_id="",
        fault=None,
    )


def _dummy_bounce(bounce_type: str, message: Message, now: float) -> Bounce:
    return Bounce(
        id=42,
        server_id=23,
        stream=message.stream,
        message_id=message.id,
        type=bounce_type,
        email=message.recipients[0],
        sender=message.sender,
        subject=message.subject,
        tag=message.tag,
        metadata=message.metadata,
        bounced_at=now,
        description=BOUNCE_TYPES[bounce_type].description,
        details="Test details",
        inactive=True,
        can_activate=bounce_type != "SpamComplaint",
    )
