"""What Postmark keeps. Every field is plain JSON, so that an entity's `__dict__` is its stored form."""

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Trigger = Literal["Open", "Click", "Delivery", "Bounce", "SpamComplaint", "SubscriptionChange"]
TRIGGERS: tuple[Trigger, ...] = ("Open", "Click", "Delivery", "Bounce", "SpamComplaint", "SubscriptionChange")


@dataclass
class Server:
    id: int
    name: str
    api_tokens: list[str] = field(repr=False)
    inbound_hash: str
    fields: Json
    deletion_allowed: bool = False


@dataclass
class Stream:
    server_id: int
    id: str
    name: str
    type: str
    description: str
    created_at: float
    unsubscribe_handling: str
    updated_at: float | None = None
    archived_at: float | None = None


@dataclass
class Domain:
    id: int
    name: str
    pending_host: str
    pending_value: str
    return_path_domain: str = ""
    return_path_verified: bool = False
    dkim_host: str = ""
    dkim_value: str = ""
    revoked_host: str = ""
    revoked_value: str = ""
    dkim_verified: bool = False
    update_status: str = "Pending"


@dataclass
class Signature:
    id: int
    email: str
    name: str
    reply_to: str
    note: str
    confirmed: bool = False

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()


@dataclass
class Webhook:
    id: int
    server_id: int
    stream: str
    url: str = field(repr=False)
    http_auth: Json | None = field(repr=False)
    http_headers: list[Json] = field(repr=False)
    triggers: dict[str, Json]
    statuses: dict[str, str] = field(default_factory=dict)
    lost_in_a_row: dict[str, int] = field(default_factory=dict)

    def enabled(self) -> list[Trigger]:
        return [trigger for trigger in TRIGGERS if self.triggers[trigger]["Enabled"]]

    def listens_to(self, trigger: Trigger) -> bool:
        return bool(self.triggers[trigger]["Enabled"]) and self.statuses.get(trigger) == "verified"


@dataclass
class Message:
    seq: int
    id: str
    server_id: int
    stream: str
    sender: str
    to: list[Json]
    cc: list[Json]
    bcc: list[Json]
    recipients: list[str]
    subject: str
    tag: str
    metadata: dict[str, str]
    attachments: list[str]
    track_opens: bool
    track_links: str
    sandboxed: bool
    accepted_at: float
    searchable_at: float
    request_id: str
    fault: str | None
    status: str = "Queued"
    pending: list[list[Any]] = field(default_factory=list)  # [due, recipient, outcome] still to happen
    events: list[list[Any]] = field(default_factory=list)  # [type, recipient, at, ...]: see message_events


@dataclass
class Bounce:
    id: int
    server_id: int
    stream: str
    message_id: str
    type: str
    email: str
    sender: str
    subject: str
    tag: str
    metadata: dict[str, str]
    bounced_at: float
    description: str
    details: str
    inactive: bool
    can_activate: bool


@dataclass
class Suppression:
    server_id: int
    stream: str
    address: str
    reason: str
    origin: str
    created_at: float
    effective_at: float


@dataclass
class Delivery:
    """One event on its way to one webhook."""

    id: int
    webhook_id: int
    trigger: Trigger
    payload: Json
    trace_id: str
    event_id: str
    due_at: float
    attempts: int = 0
