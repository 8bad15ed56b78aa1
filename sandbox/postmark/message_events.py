"""What happened to a message: short rows in memory, Postmark's objects in answers."""

from typing import Any

from sandbox.postmark.dates import eastern
from sandbox.postmark.entities import Json, Message


def note(message: Message, kind: str, recipient: str, at: float, *details: Any) -> None:
    message.events.append([kind, recipient, at, *details])


def show(event: list[Any]) -> Json:
    kind, recipient, at, *details = event
    return {
        "Recipient": recipient,
        "Type": kind,
        "ReceivedAt": eastern(at),
        "Details": _details(kind, recipient, details),
    }


def _details(kind: str, recipient: str, details: list[Any]) -> Json:
    if kind == "Delivered":
        domain = recipient.rpartition("@")[2].lower()
        return {
            "DeliveryMessage": "smtp;250 2.0.0 OK simulated",
            "DestinationServer": f"mx.{domain} (192.0.2.25)",
            "DestinationIP": "192.0.2.25",
        }
    if kind in ("Bounced", "Transient"):
        return {"Summary": details[0], "BounceID": str(details[1])}
    if kind == "SubscriptionChanged":
        return {"Origin": details[0], "SuppressSending": "True"}
    if kind == "LinkClicked":
        return {"Summary": "Link clicked with Chrome 138.0", "Link": details[0]}
    return {"Summary": "Email opened with Chrome 138.0"}
