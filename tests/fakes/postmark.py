"""What Postmark holds and how it may fail, in memory. The ports on it are in `tests.fakes.mail`."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from shared.domain.dns import MailDns, canonical
from shared.domain.errors import ProviderError, ProviderRefused
from shared.domain.mail import (
    CLAIM_KEY,
    JOB_KEY,
    Accepted,
    ConfigurationFault,
    Deferred,
    OutboundMessage,
    Outcome,
    Refused,
)
from shared.domain.suppression import normalised
from shared.domain.webhook import WebhookStatistics
from shared.ports.dns import DnsZone
from shared.ports.lease import before_call
from shared.ports.mail import Domain, ServerCreated, Signature, WebhookSpec
from shared.ports.store import outside_transaction

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
# More than a float holds: live ids are as long.
_FIRST_BOUNCE_ID = 2**53 + 1
# Types of bounces that put the address on the list, and as what.
_REASONS = {
    "HardBounce": "HardBounce",
    "SpamComplaint": "SpamComplaint",
    "ManuallyDeactivated": "ManualSuppression",
}
_BAD_TOKEN_TEXT = "Request does not contain a valid Server token."


@dataclass
class FakeServer:
    name: str
    token: str = field(repr=False)
    webhooks: dict[int, WebhookSpec] = field(default_factory=dict)
    # What the last 24 hours say of each webhook; nothing remarkable where there is none.
    statistics: dict[int, WebhookStatistics] = field(default_factory=dict)
    # Addresses that get no mail. Why and since when is in `suppressions`, for those whose tests care.
    inactive: set[str] = field(default_factory=set)
    suppressions: dict[str, "FakeSuppression"] = field(default_factory=dict)
    # What happened to its messages, each with the body that its callback has.
    happened: list["Happened"] = field(default_factory=list)


@dataclass(frozen=True)
class FakeSuppression:
    reason: str
    origin: str
    created_at: datetime


@dataclass(frozen=True)
class Happened:
    record_type: str
    message_id: str
    at: datetime
    body: str = field(repr=False)


@dataclass(frozen=True)
class TakenMessage:
    """An accepted message; the list of them is the truth that tests compare with."""

    message_id: str
    server_token: str = field(repr=False)
    message: OutboundMessage
    taken_at: datetime


@dataclass(frozen=True)
class _Fault:
    error: ProviderError
    after_effect: bool


class FakePostmark:
    """What the account holds. `calls` counts every call by the name of its port's method."""

    def __init__(self, zone: DnsZone | None = None) -> None:
        self.zone = zone
        self.servers: dict[int, FakeServer] = {}
        self.signatures: dict[int, Signature] = {}
        self.names_and_reply_tos: dict[int, tuple[str, str | None]] = {}
        self.domains: dict[int, Domain] = {}
        self.taken: list[TakenMessage] = []
        self.calls: Counter[str] = Counter()
        self.server_deletion_allowed = True
        # What our webhook route does with the test posts that come while a webhook is made.
        self.test_posts_succeed: Callable[[WebhookSpec], bool] = lambda _spec: True
        # The search index lags: what was taken is not found until this is switched back.
        self.search_sees_new = True
        # By its own clock: when a message is taken.
        self.now: Callable[[], datetime] = lambda: LONG_AGO
        # When the first byte of a send would leave.
        self.monotonic: Callable[[], float] = time.monotonic
        self._refusals: dict[str, Outcome] = {}
        self._faults: dict[str, list[_Fault]] = {}
        self._send_answers: list[tuple[Outcome, bool]] = []
        self._ids = count(1)
        self._bounce_ids = count(_FIRST_BOUNCE_ID)

    def fail_next(self, call: str, error: ProviderError, *, after_effect: bool = False) -> None:
        """The next such call raises this, before or after its effect; several are raised in turn."""
        self._faults.setdefault(call, []).append(_Fault(error, after_effect))

    def answer_next_send(self, outcome: Outcome, *, taken: bool = False) -> None:
        """One send comes to this for each of its messages, whether they were `taken` or not."""
        self._send_answers.append((outcome, taken))

    def refuse(self, recipient: str, outcome: Outcome | None) -> None:
        """Every message to this recipient comes to `outcome`; None takes that back."""
        self._refusals.pop(normalised(recipient), None)
        if outcome is not None:
            self._refusals[normalised(recipient)] = outcome

    def sendable(self, domain_name: str) -> str:
        """A server and a verified domain, without a call being counted. Returns the server's token."""
        self.add_domain(domain_name, f"pm-bounces.{domain_name}", verified=True)
        return self.add_server(f"server-of-{domain_name}").token

    def add_server(self, name: str) -> ServerCreated:
        server_id = next(self._ids)
        self.servers[server_id] = FakeServer(name, f"token-of-server-{server_id}")
        return ServerCreated(server_id, self.servers[server_id].token)

    def add_domain(self, name: str, return_path_domain: str, *, verified: bool = False) -> Domain:
        domain_id = next(self._ids)
        mail_dns = MailDns(
            dkim_host=f"20261102090000pm._domainkey.{name}",
            dkim_value=f"k=rsa; p=key-{domain_id}",
            return_path_host=return_path_domain,
            return_path_target="pm.mtasv.net",
        )
        domain = Domain(domain_id, name, dkim_verified=verified, return_path_verified=verified, dns=mail_dns)
        self.domains[domain_id] = domain
        return domain

    def domain_with(self, name: str, return_path_domain: str) -> Domain:
        """As a new signature finds or makes it; another return path has to be verified anew."""
        domain = self.domain_named(name)
        if domain is None:
            return self.add_domain(name, return_path_domain)
        if domain.dns.return_path_host != return_path_domain:
            moved = replace(domain.dns, return_path_host=return_path_domain)
            self.domains[domain.domain_id] = replace(domain, dns=moved, return_path_verified=False)
        return self.domains[domain.domain_id]

    def suppress(
        self,
        server_token: str,
        address: str,
        *,
        reason: str = "HardBounce",
        origin: str = "Recipient",
        at: datetime = LONG_AGO,
    ) -> None:
        """The server's stream takes nothing for the address. It keeps its first reason, unless a complaint comes."""
        server = self.server_of(server_token)
        server.inactive.add(normalised(address))
        if normalised(address) not in server.suppressions or reason == "SpamComplaint":
            server.suppressions[normalised(address)] = FakeSuppression(reason, origin, at)

    def happen(
        self, message_id: str, record_type: str, at: datetime, *, bounce_type: str = "HardBounce"
    ) -> list[str]:
        """A Delivery, Bounce or SpamComplaint of a message it took. Returns what the callbacks of that post."""
        taken = next(taken for taken in self.taken if taken.message_id == message_id)
        server = self.server_of(taken.server_token)
        kind = "SpamComplaint" if record_type == "SpamComplaint" else bounce_type
        known = {**_told_of(taken), "RecordType": record_type}
        if record_type == "Delivery":
            event: dict[str, object] = {"Recipient": taken.message.recipient, "DeliveredAt": zulu(at)}
        else:
            event = _bounce(next(self._bounce_ids), kind, taken.message.recipient, at)
        bodies = [json.dumps({**known, **event})]
        server.happened.append(Happened(record_type, message_id, at, bodies[0]))
        if event.get("Inactive"):
            reason = _REASONS[kind]
            self.suppress(taken.server_token, taken.message.recipient, reason=reason, at=at)
            bodies.append(json.dumps({**known, **subscription_change(taken.message.recipient, reason, at)}))
        return bodies

    def pause(self, server_token: str, webhook_id: int, *record_types: str) -> None:
        """As after lasting failure: events of these types are not posted there any more."""
        statistics = self.server_of(server_token).statistics
        statistics[webhook_id] = WebhookStatistics(paused=record_types, requests=100, failures=100)

    def domain_named(self, name: str) -> Domain | None:
        return next((found for found in self.domains.values() if found.name == canonical(name)), None)

    def server_of(self, token: str) -> FakeServer:
        """Raises `ProviderRefused` as for a token that was replaced or never was."""
        for server in self.servers.values():
            if server.token == token:
                return server
        raise ProviderRefused("10", _BAD_TOKEN_TEXT)

    def next_id(self) -> int:
        return next(self._ids)

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Around the effect of every call but `send`."""
        outside_transaction()
        before_call()
        self.calls[name] += 1
        faults = self._faults.get(name)
        fault = faults.pop(0) if faults else None
        if fault is not None and not fault.after_effect:
            raise fault.error
        yield
        if fault is not None:
            raise fault.error

    def deliver(
        self, server_token: str, messages: Sequence[OutboundMessage], not_after_monotonic: float
    ) -> list[Outcome]:
        outside_transaction()
        if messages and self.monotonic() > not_after_monotonic:
            return [Deferred("late", "too late to send")] * len(messages)
        self.calls["send"] += 1
        answer, taken = self._send_answers.pop(0) if self._send_answers else (None, True)
        if not taken and answer is not None:
            return [answer] * len(messages)
        outcomes = [self._take(server_token, message) for message in messages]
        return outcomes if answer is None else [answer] * len(messages)

    def _take(self, server_token: str, message: OutboundMessage) -> Outcome:
        obstacle = self._obstacle(server_token, message)
        if obstacle is not None:
            return obstacle
        message_id = f"00000000-0000-4000-8000-{next(self._ids):012x}"
        self.taken.append(TakenMessage(message_id, server_token, message, self.now()))
        return Accepted(message_id)

    def _obstacle(self, server_token: str, message: OutboundMessage) -> Outcome | None:
        """In the order in which the real one checks: token, sender, recipient."""
        try:
            server = self.server_of(server_token)
        except ProviderRefused as refused:
            return ConfigurationFault(refused.code, refused.message)
        domain = self.domain_named(message.sender.rpartition("@")[2].rstrip(">"))
        if domain is None or not domain.dkim_verified:
            return ConfigurationFault("400", "The 'From' address you supplied is not a Sender Signature.")
        if normalised(message.recipient) in server.inactive:
            return Refused("406", "Found inactive addresses: <address>.", inactive_recipient=True)
        return self._refusals.get(normalised(message.recipient))


def zulu(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def subscription_change(address: str, reason: str, at: datetime) -> dict[str, object]:
    return {
        "RecordType": "SubscriptionChange",
        "MessageStream": "outbound",
        "Recipient": address,
        "ChangedAt": zulu(at),
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": reason,
    }


def _told_of(taken: TakenMessage) -> dict[str, object]:
    ours = {JOB_KEY: str(taken.message.job_id), CLAIM_KEY: str(taken.message.claim_id)}
    return {
        "MessageID": taken.message_id,
        "MessageStream": "outbound",
        "Tag": taken.message.content.tag,
        "Metadata": {**taken.message.content.metadata, **ours},
    }


def _bounce(bounce_id: int, kind: str, address: str, at: datetime) -> dict[str, object]:
    return {
        "ID": bounce_id,
        "Type": kind,
        "Email": address,
        "BouncedAt": zulu(at),
        "Inactive": kind in _REASONS,
    }
