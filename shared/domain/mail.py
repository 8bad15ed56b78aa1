"""A message as we hand it to a provider, and the six things that can come of it."""

from dataclasses import dataclass, field
from uuid import UUID

# Ours in every message's metadata; a caller's own keys may not take them.
JOB_KEY = "job"
CLAIM_KEY = "claim"
RESERVED_METADATA = frozenset({JOB_KEY, CLAIM_KEY})


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str
    content_base64: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """What the caller wrote. Kept apart from the job, which stays slim; never in a log, a queue or a repr."""

    subject: str = field(repr=False)
    html_body: str | None = field(default=None, repr=False)
    text_body: str | None = field(default=None, repr=False)
    reply_to_email: str | None = field(default=None, repr=False)
    tag: str | None = None
    metadata: dict[str, str] = field(default_factory=dict, repr=False)
    attachments: tuple[Attachment, ...] = ()

    @property
    def size_bytes(self) -> int:
        """About what it takes of one call: bodies in UTF-8 and attachments as they travel, in base64."""
        bodies = sum(len((text or "").encode()) for text in (self.subject, self.html_body, self.text_body))
        return bodies + sum(len(attachment.content_base64) for attachment in self.attachments)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """One message to one recipient, carrying the ids by which its fate can be looked up later."""

    job_id: UUID
    claim_id: UUID
    sender: str
    recipient: str = field(repr=False)
    content: MessageContent


@dataclass(frozen=True, slots=True)
class Accepted:
    message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """This message, as it is, will never be taken. `inactive_recipient`: the provider suppresses the address."""

    code: str
    text: str
    inactive_recipient: bool = False


@dataclass(frozen=True, slots=True)
class Deferred:
    """Certainly not taken, and worth another try: it never left us, or the provider asked us to come back."""

    code: str
    text: str
    retry_after_seconds: float | None = None
    # The provider found us too fast: fewer calls from now on, not only a later one.
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been taken. Never repeated before the provider was asked."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ConfigurationFault:
    """The tenant's token or sender is at fault, not the message."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class AccountFault:
    """The whole account may not send at present."""

    code: str
    text: str


Outcome = Accepted | Refused | Deferred | Unknown | ConfigurationFault | AccountFault
