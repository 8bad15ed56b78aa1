"""The mail provider: what we ask of it. Every call is made outside any transaction.

Errors of all but `send`: `ProviderRefused`, `ProviderUnavailable`, `OutcomeUnknown` (see `domain.errors`). A lookup
never has an unknown outcome: it may be repeated, so it raises `ProviderUnavailable` instead.
Deletions treat "no such thing" as done. Looking up before a create, and after one whose answer was lost, is the
caller's task: no create has an idempotency key.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.dns import MailDns
from shared.domain.event import EventFacts
from shared.domain.mail import OutboundMessage, Outcome
from shared.domain.recovery import TakenMessage
from shared.domain.webhook import WebhookSeen, WebhookStatistics

# The one stream that every server has and that we send through.
STREAM = "outbound"


@dataclass(frozen=True, slots=True)
class ServerCreated:
    server_id: int
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    signature_id: int
    address: str
    dns: MailDns | None


@dataclass(frozen=True, slots=True)
class Domain:
    """`dns` holds the pair to publish now: the pending DKIM key while there is one."""

    domain_id: int
    name: str
    dkim_verified: bool
    return_path_verified: bool
    dns: MailDns

    @property
    def verified(self) -> bool:
        return self.dkim_verified and self.return_path_verified


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """One per message stream. The two headers authenticate the provider to us and name the tenant."""

    url: str
    bearer: str = field(repr=False)
    routing_token: str = field(repr=False)
    stream: str = STREAM


class MailAccount(Protocol):
    """What is done with the account's credentials: servers, signatures, domains, webhooks."""

    def find_server(self, name: str) -> ServerCreated | None:
        """By exact name."""
        ...

    def create_server(self, name: str) -> ServerCreated: ...

    def delete_server(self, server_id: int) -> None: ...

    def find_signature(self, address: str) -> Signature | None: ...

    def create_signature(
        self, *, address: str, name: str, reply_to: str | None, return_path_domain: str
    ) -> Signature: ...

    def delete_signature(self, signature_id: int) -> None: ...

    def find_domain(self, name: str) -> Domain | None:
        """Pages through the account's domains: there is no filter. Keep the id."""
        ...

    def check_domain(self, domain_id: int) -> Domain:
        """Has the provider look at DNS now, for DKIM and the return path, and reads the flags."""
        ...

    def delete_domain(self, domain_id: int) -> None: ...

    def find_webhook(self, server_token: str, *, url: str, stream: str) -> int | None: ...

    def create_webhook(self, server_token: str, spec: WebhookSpec) -> int:
        """The provider posts test events to the url during this call and wants a 200 for each."""
        ...

    def update_webhook(self, server_token: str, webhook_id: int, spec: WebhookSpec) -> None: ...

    def webhooks(self, server_token: str, *, url: str, stream: str) -> list[WebhookSeen]:
        """Those with this url on this stream, with the headers they send."""
        ...

    def webhook_statistics(self, server_token: str, webhook_id: int) -> WebhookStatistics: ...

    def verify_webhook(self, server_token: str, webhook_id: int) -> bool:
        """Has the provider post its test events again; whether it was content. What it had paused then goes on."""
        ...

    def delete_webhook(self, server_token: str, webhook_id: int) -> None: ...


class MailSender(Protocol):
    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        """One call, one outcome for each message in its order. Never raises for what the provider did or did not.

        When its first byte has not left by `not_after_monotonic` (seconds of `time.monotonic()`), nothing is sent and
        all are `Deferred` with code `late`: by then somebody else may hold the claim.
        """
        ...


class SentMessages(Protocol):
    def find_by_claim(self, server_token: str, claim_id: UUID) -> Mapping[UUID, str]:
        """Job id to message id, for every message of the claim that the provider's search knows. The index lags."""
        ...


class TakenMessages(Protocol):
    def between(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[list[TakenMessage]]:
        """All of ours that this server took from `since` until before `until`, a page a call. The index lags.

        `ProviderRefused` with code `too_many`, before anything else, when the provider does not show so many at once.
        """
        ...


class SuppressionList(Protocol):
    """The provider's own list, one a server and stream."""

    def lift(self, server_token: str, addresses: Sequence[str]) -> Mapping[str, str | None]:
        """Address to None when it is off the list, else to the provider's words. At most `LIFT_MAX` at once.

        An address that was not on it counts as lifted, so an uncertain call may be repeated.
        """
        ...


LIFT_MAX = 50
# The code of a refusal to show more events of a moment than the provider ever shows.
TOO_MANY = "too_many"


class EventHistory(Protocol):
    """What callbacks would have told, asked for afterwards: bodies as the provider posts them, for `EventReader`."""

    def bounces(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[str]:
        """Bounces and complaints. Pages through; the provider shows at most 10,000 of a span: it is cut smaller."""
        ...

    def suppressions(self, server_token: str, *, since: datetime) -> Iterator[str]:
        """Addresses put on the list since then. That one was taken off leaves no trace at the provider."""
        ...

    def of_message(self, server_token: str, message_id: str) -> list[str]:
        """Deliveries, of one message. Empty when the provider does not know it (any more)."""
        ...


class EventReader(Protocol):
    def read(self, body: str) -> EventFacts:
        """Errors: `InvalidValue` when it is no JSON object. Anything else is readable, if only as OTHER."""
        ...
