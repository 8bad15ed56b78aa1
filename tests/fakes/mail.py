"""Postmark in memory: one account, seen through the same ports as the real one.

    postmark = FakePostmark(zone)
    token = postmark.sendable("acme.dev.ardamails.com")
    FakeMailSender(postmark).send(token, messages, not_after_monotonic=monotonic() + 60)

Faults: `fail_next("create_server", OutcomeUnknown(...), after_effect=True)` for calls that raise,
`answer_next_send(Unknown(...), taken=True)` and `refuse(address, Refused(...))` for sends;
`postmark.monotonic = lambda: later` for a worker that was stopped on its way to the first byte.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.dns import records_for
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.mail import OutboundMessage, Outcome
from shared.domain.suppression import normalised
from shared.ports.dns import DnsZone
from shared.ports.mail import Domain, ServerCreated, Signature, WebhookSpec
from tests.fakes.postmark import FakePostmark, TakenMessage

__all__ = ["FakeMailAccount", "FakeMailSender", "FakePostmark", "FakeSentMessages", "TakenMessage"]


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
            hooks = self._postmark.server_of(server_token).webhooks
            if webhook_id not in hooks:
                raise ProviderRefused("1352", "The webhook was not found.")
            self._verify(spec)
            hooks[webhook_id] = spec

    def delete_webhook(self, server_token: str, webhook_id: int) -> None:
        with self._postmark.call("delete_webhook"):
            self._postmark.server_of(server_token).webhooks.pop(webhook_id, None)

    def _signature(self, address: str) -> Signature | None:
        wanted = normalised(address)
        signatures = self._postmark.signatures.values()
        return next((found for found in signatures if normalised(found.address) == wanted), None)

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


def _checked(domain: Domain, zone: DnsZone | None) -> Domain:
    if zone is None:
        return domain
    found = [zone.find(record.name, record.type) for record in records_for(domain.dns)]
    dkim, return_path = (
        hit is not None and hit.value == record.value
        for hit, record in zip(found, records_for(domain.dns), strict=True)
    )
    return replace(domain, dkim_verified=domain.dkim_verified or dkim, return_path_verified=return_path)
