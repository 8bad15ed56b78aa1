"""Postmark in memory: one account, seen through the same ports as the real one.

    postmark = FakePostmark(zone)
    token = postmark.sendable("acme.dev.ardamails.com")
    FakeMailSender(postmark).send(token, messages, not_after_monotonic=monotonic() + 60)

Faults: `fail_next("create_server", OutcomeUnknown(...), after_effect=True)` for calls that raise,
`answer_next_send(Unknown(...), taken=True)` and `refuse(address, Refused(...))` for sends;
`postmark.monotonic = lambda: later` for a worker that was stopped on its way to the first byte.

What happens afterwards: `happen(message_id, "Bounce", at)` returns what the callbacks post, and is in the history;
`suppress(token, address, reason=..., at=...)` for the list; `pause(token, webhook_id, "Bounce")` for a webhook.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain import recovery
from shared.domain.dns import records_for
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.mail import OutboundMessage, Outcome
from shared.domain.suppression import normalised
from shared.domain.webhook import WebhookSeen, WebhookStatistics
from shared.ports.dns import DnsZone
from shared.ports.mail import LIFT_MAX, TOO_MANY, Domain, ServerCreated, Signature, WebhookSpec
from tests.fakes.postmark import FakePostmark, FakeServer, TakenMessage, subscription_change

__all__ = [
    "FakeEventHistory",
    "FakeMailAccount",
    "FakeMailSender",
    "FakePostmark",
    "FakeSentMessages",
    "FakeSuppressionList",
    "FakeTakenMessages",
    "TakenMessage",
]


class FakeMailAccount:
    """Implements `ports.mail.MailAccount`."""

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def find_server(self, name: str) -> ServerCreated | None:
        with self._postmark.call("find_server"):
            pairs = self._postmark.servers.items()
            return next((ServerCreated(key, row.token) for key, row in pairs if row.name == name), None)

    def create_server(self, name: str) -> ServerCreated:
        with self._postmark.call("create_server"):
            if any(server.name == name for server in self._postmark.servers.values()):
                raise ProviderRefused("603", "This server name already exists.")
            return self._postmark.add_server(name)

    def delete_server(self, server_id: int) -> None:
        with self._postmark.call("delete_server"):
            if server_id in self._postmark.servers and not self._postmark.server_deletion_allowed:
                raise ProviderRefused("604", "You don't have delete access.")
            self._postmark.servers.pop(server_id, None)

    def find_signature(self, address: str) -> Signature | None:
        with self._postmark.call("find_signature"):
            return self._signature(address)

    def create_signature(
        self, *, address: str, name: str, reply_to: str | None, return_path_domain: str
    ) -> Signature:
        with self._postmark.call("create_signature"):
            if self._signature(address) is not None:
                raise ProviderRefused("504", "This signature already exists.")
            domain = self._postmark.domain_with(address.rpartition("@")[2], return_path_domain)
            signature = Signature(self._postmark.next_id(), address, domain.dns)
            self._postmark.signatures[signature.signature_id] = signature
            self._postmark.names_and_reply_tos[signature.signature_id] = (name, reply_to)
            return signature

    def delete_signature(self, signature_id: int) -> None:
        with self._postmark.call("delete_signature"):
            self._postmark.signatures.pop(signature_id, None)

    def find_domain(self, name: str) -> Domain | None:
        with self._postmark.call("find_domain"):
            return self._postmark.domain_named(name)

    def check_domain(self, domain_id: int) -> Domain:
        """Looks into the zone it was given; without one the flags stay. A verified key stays so."""
        with self._postmark.call("check_domain"):
            domain = self._postmark.domains.get(domain_id)
            if domain is None:
                raise ProviderRefused("510", "The domain was not found.")
            self._postmark.domains[domain_id] = checked = _checked(domain, self._postmark.zone)
            return checked

    def delete_domain(self, domain_id: int) -> None:
        with self._postmark.call("delete_domain"):
            self._postmark.domains.pop(domain_id, None)

    def find_webhook(self, server_token: str, *, url: str, stream: str) -> int | None:
        with self._postmark.call("find_webhook"):
            hooks = self._postmark.server_of(server_token).webhooks.items()
            return next((key for key, spec in hooks if (spec.url, spec.stream) == (url, stream)), None)

    def create_webhook(self, server_token: str, spec: WebhookSpec) -> int:
        with self._postmark.call("create_webhook"):
            server = self._postmark.server_of(server_token)
            self._verify(spec)
            webhook_id = self._postmark.next_id()
            server.webhooks[webhook_id] = spec
            return webhook_id

    def update_webhook(self, server_token: str, webhook_id: int, spec: WebhookSpec) -> None:
        with self._postmark.call("update_webhook"):
            server = self._with_webhook(server_token, webhook_id)
            self._verify(spec)
            server.webhooks[webhook_id] = spec
            server.statistics.pop(webhook_id, None)

    def webhooks(self, server_token: str, *, url: str, stream: str) -> list[WebhookSeen]:
        with self._postmark.call("webhooks"):
            hooks = self._postmark.server_of(server_token).webhooks.items()
            return [_seen(key, spec) for key, spec in hooks if (spec.url, spec.stream) == (url, stream)]

    def webhook_statistics(self, server_token: str, webhook_id: int) -> WebhookStatistics:
        with self._postmark.call("webhook_statistics"):
            server = self._with_webhook(server_token, webhook_id)
            return server.statistics.get(webhook_id, WebhookStatistics())

    def verify_webhook(self, server_token: str, webhook_id: int) -> bool:
        with self._postmark.call("verify_webhook"):
            server = self._with_webhook(server_token, webhook_id)
            content = self._postmark.test_posts_succeed(server.webhooks[webhook_id])
            if content and webhook_id in server.statistics:
                server.statistics[webhook_id] = replace(server.statistics[webhook_id], paused=())
            return content

    def delete_webhook(self, server_token: str, webhook_id: int) -> None:
        with self._postmark.call("delete_webhook"):
            self._postmark.server_of(server_token).webhooks.pop(webhook_id, None)

    def _signature(self, address: str) -> Signature | None:
        wanted = normalised(address)
        signatures = self._postmark.signatures.values()
        return next((found for found in signatures if normalised(found.address) == wanted), None)

    def _with_webhook(self, server_token: str, webhook_id: int) -> FakeServer:
        server = self._postmark.server_of(server_token)
        if webhook_id not in server.webhooks:
            raise ProviderRefused("1352", "The webhook was not found.")
        return server

    def _verify(self, spec: WebhookSpec) -> None:
        if not self._postmark.test_posts_succeed(spec):
            raise ProviderUnavailable("1364", "0/4 triggers verified successfully")


class FakeMailSender:
    """Implements `ports.mail.MailSender`."""

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def send(
        self, server_token: str, messages: Sequence[OutboundMessage], *, not_after_monotonic: float
    ) -> list[Outcome]:
        return self._postmark.deliver(server_token, messages, not_after_monotonic)


class FakeSentMessages:
    """Implements `ports.mail.SentMessages`."""

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def find_by_claim(self, server_token: str, claim_id: UUID) -> Mapping[UUID, str]:
        with self._postmark.call("find_by_claim"):
            self._postmark.server_of(server_token)
            if not self._postmark.search_sees_new:
                return {}
            return {
                taken.message.job_id: taken.message_id
                for taken in self._postmark.taken
                if taken.server_token == server_token and taken.message.claim_id == claim_id
            }


class FakeTakenMessages:
    """Implements `ports.mail.TakenMessages`."""

    page_size = 2
    reach = 10_000

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def between(
        self, server_token: str, *, since: datetime, until: datetime
    ) -> Iterator[list[recovery.TakenMessage]]:
        self._postmark.server_of(server_token)
        found = [
            taken
            for taken in reversed(self._postmark.taken if self._postmark.search_sees_new else [])
            if taken.server_token == server_token and since <= taken.taken_at < until
        ]
        if len(found) > self.reach:
            raise ProviderRefused(TOO_MANY, f"more than {self.reach}")
        for offset in range(0, max(len(found), 1), self.page_size):
            with self._postmark.call("between"):
                page = [_shown(taken) for taken in found[offset : offset + self.page_size]]
            yield page


def _shown(taken: TakenMessage) -> recovery.TakenMessage:
    return recovery.TakenMessage(
        job_id=taken.message.job_id,
        claim_id=taken.message.claim_id,
        message_id=taken.message_id,
        recipient=taken.message.recipient,
        subject=taken.message.content.subject,
        tag=taken.message.content.tag,
        taken_at=taken.taken_at,
    )


class FakeSuppressionList:
    """Implements `ports.mail.SuppressionList`."""

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def lift(self, server_token: str, addresses: Sequence[str]) -> Mapping[str, str | None]:
        if len(addresses) > LIFT_MAX:
            raise ValueError(f"{len(addresses)} addresses at once, at most {LIFT_MAX}")
        if not addresses:
            return {}
        with self._postmark.call("lift"):
            server = self._postmark.server_of(server_token)
            return {address: _lift(server, normalised(address)) for address in addresses}


def _lift(server: FakeServer, address: str) -> str | None:
    entry = server.suppressions.get(address)
    if entry is not None and entry.reason == "SpamComplaint":
        return "You do not have the required authority to change this suppression."
    server.suppressions.pop(address, None)
    server.inactive = {known for known in server.inactive if normalised(known) != address}
    return None


class FakeEventHistory:
    """Implements `ports.mail.EventHistory`."""

    def __init__(self, postmark: FakePostmark) -> None:
        self._postmark = postmark

    def bounces(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[str]:
        with self._postmark.call("bounces"):
            happened = self._postmark.server_of(server_token).happened
            found = [
                row.body for row in happened if row.record_type != "Delivery" and since <= row.at < until
            ]
        yield from reversed(found)

    def suppressions(self, server_token: str, *, since: datetime) -> Iterator[str]:
        with self._postmark.call("suppressions"):
            entries = list(self._postmark.server_of(server_token).suppressions.items())
        for address, entry in entries:
            if entry.created_at >= since:
                change = subscription_change(address, entry.reason, entry.created_at)
                yield json.dumps({**change, "Origin": entry.origin, "MessageID": None, "Metadata": {}})

    def of_message(self, server_token: str, message_id: str) -> list[str]:
        with self._postmark.call("of_message"):
            happened = self._postmark.server_of(server_token).happened
            return [
                row.body for row in happened if (row.record_type, row.message_id) == ("Delivery", message_id)
            ]


def _seen(webhook_id: int, spec: WebhookSpec) -> WebhookSeen:
    headers = (("Authorization", f"Bearer {spec.bearer}"), ("X-Email-Routing-Token", spec.routing_token))
    return WebhookSeen(webhook_id=webhook_id, url=spec.url, stream=spec.stream, headers=headers)


def _checked(domain: Domain, zone: DnsZone | None) -> Domain:
    if zone is None:
        return domain
    found = [zone.find(record.name, record.type) for record in records_for(domain.dns)]
    dkim, return_path = (
        hit is not None and hit.value == record.value
        for hit, record in zip(found, records_for(domain.dns), strict=True)
    )
    return replace(domain, dkim_verified=domain.dkim_verified or dkim, return_path_verified=return_path)
