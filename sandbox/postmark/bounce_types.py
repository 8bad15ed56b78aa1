"""Postmark's bounce types with their codes."""

from typing import NamedTuple


class BounceType(NamedTuple):
    code: int
    name: str
    description: str


BOUNCE_TYPES: dict[str, BounceType] = {
    "HardBounce": BounceType(
        1, "Hard bounce", "The server was unable to deliver your message (unknown user)."
    ),
    "Transient": BounceType(2, "Message delayed", "The server could not temporarily deliver your message."),
    "Unsubscribe": BounceType(16, "Unsubscribe request", "Unsubscribe or Remove request."),
    "Subscribe": BounceType(
        32, "Subscribe request", "Subscribe request from someone wanting to join the list."
    ),
    "AutoResponder": BounceType(64, "Auto responder", "Automatic email responder."),
    "AddressChange": BounceType(128, "Address change", "The recipient has requested an address change."),
    "DnsError": BounceType(256, "DNS error", "A temporary DNS error."),
    "SpamNotification": BounceType(512, "Spam notification", "The message was classified as spam."),
    "OpenRelayTest": BounceType(1024, "Open relay test", "The NDR is actually a test email message."),
    "Unknown": BounceType(2048, "Unknown", "Unable to classify the NDR."),
    "SoftBounce": BounceType(4096, "Soft bounce", "Unable to temporarily deliver message (mailbox full)."),
    "VirusNotification": BounceType(
        8192, "Virus notification", "The bounce is actually a virus notification."
    ),
    "ChallengeVerification": BounceType(
        16384, "Spam challenge verification", "A spam challenge was received."
    ),
    "BadEmailAddress": BounceType(
        100000, "Invalid email address", "The address is not a valid email address."
    ),
    "SpamComplaint": BounceType(
        100001, "Spam complaint", "The subscriber explicitly marked this message as spam."
    ),
    "ManuallyDeactivated": BounceType(100002, "Manually deactivated", "The email was manually deactivated."),
    "Unconfirmed": BounceType(100003, "Registration not confirmed", "The subscriber has not confirmed."),
    "Blocked": BounceType(100006, "ISP block", "Blocked from this ISP due to content or blacklisting."),
    "SMTPApiError": BounceType(
        100007, "SMTP API error", "An error occurred while accepting an email via SMTP."
    ),
    "InboundError": BounceType(
        100008, "Processing failed", "Unable to deliver inbound message to inbound hook."
    ),
    "DMARCPolicy": BounceType(100009, "DMARC Policy", "Email rejected due to DMARC policy."),
    "TemplateRenderingFailed": BounceType(
        100010, "Template rendering failed", "The template failed to render."
    ),
}
SUPPRESSING = {
    "HardBounce": "HardBounce",
    "SpamComplaint": "SpamComplaint",
    "ManuallyDeactivated": "ManualSuppression",
}
_BY_FOLDED = {name.lower(): name for name in BOUNCE_TYPES}


def bounce_type_named(text: str) -> str:
    """The type that a bounce-testing address or X-PM-Bounce-Type asks for.

    Any letter case, underscores allowed; unknown names, and SpamComplaint, become HardBounce as documented.
    """
    found = _BY_FOLDED.get(text.strip().replace("_", "").lower(), "HardBounce")
    return "HardBounce" if found == "SpamComplaint" else found
