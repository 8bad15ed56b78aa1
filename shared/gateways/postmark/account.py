"""What is done with the account's credentials, and with a server's for its webhooks."""

import json
from collections.abc import Callable

from shared.domain.dns import canonical
from shared.domain.errors import OutcomeUnknown, ProviderRefused
from shared.domain.suppression import normalised
from shared.domain.webhook import WebhookSeen, WebhookStatistics
from shared.gateways.postmark import codes
from shared.gateways.postmark.account_calls import AccountCalls, Entity, looked_up
from shared.gateways.postmark.calls import JsonObject, answer_to_create, answer_to_repeatable, deleted
from shared.gateways.postmark.entities import (
    domain_of,
    id_of,
    rows_of,
    server_of,
    signature_of,
    statistics_of,
    success_of,
    text_of,
    webhook_of,
    webhook_payload,
)
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import Domain, ServerCreated, Signature, WebhookSpec
from shared.ports.pace import Pace


class PostmarkAccount:
    """Implements `ports.mail.MailAccount`."""

    def __init__(self, wire: Wire, pace: Pace) -> None:
        self._wire = wire
        self._account = AccountCalls(wire, pace)

    def find_server(self, name: str) -> ServerCreated | None:
        """Postmark's filter finds parts of names: `ardamails-dev-acme` is part of `ardamails-dev-acme2`."""
        for row in self._account.rows("/servers", "Servers", name=name):
            if text_of(row, "Name") == name:
                server = server_of(row)
                if server is None:
                    raise ProviderRefused("server_incomplete", f"the server {name} is listed without a token")
                return server
        return None

    def create_server(self, name: str) -> ServerCreated:
        return self._create("/servers", {"Name": name}, server_of)

    def delete_server(self, server_id: int) -> None:
        self._delete(f"/servers/{server_id}", codes.SERVER_NOT_FOUND)

    def find_signature(self, address: str) -> Signature | None:
        for row in self._account.rows("/senders", "SenderSignatures"):
            if normalised(text_of(row, "EmailAddress")) == normalised(address):
                # The list's rows are short: no DNS in them.
                return self._account.by_id(f"/senders/{id_of(row)}", signature_of, codes.SIGNATURE_NOT_FOUND)
        return None

    def create_signature(
        self, *, address: str, name: str, reply_to: str | None, return_path_domain: str
    ) -> Signature:
        body: JsonObject = {"FromEmail": address, "Name": name, "ReturnPathDomain": return_path_domain}
        if reply_to is not None:
            body["ReplyToEmail"] = reply_to
        return self._create("/senders", body, signature_of)

    def delete_signature(self, signature_id: int) -> None:
        self._delete(f"/senders/{signature_id}", codes.SIGNATURE_NOT_FOUND)

    def find_domain(self, name: str) -> Domain | None:
        for row in self._account.rows("/domains", "Domains"):
            if canonical(text_of(row, "Name")) == canonical(name):
                return self._account.by_id(f"/domains/{id_of(row)}", domain_of, codes.DOMAIN_NOT_FOUND)
        return None

    def check_domain(self, domain_id: int) -> Domain:
        """Both calls answer 200 whether or not anything is verified; the second answer has both flags."""
        self._verify(domain_id, "verifyDkim")
        return self._verify(domain_id, "verifyReturnPath")

    def delete_domain(self, domain_id: int) -> None:
        self._delete(f"/domains/{domain_id}", codes.DOMAIN_NOT_FOUND)

    def find_webhook(self, server_token: str, *, url: str, stream: str) -> int | None:
        return next((seen.webhook_id for seen in self.webhooks(server_token, url=url, stream=stream)), None)

    def webhooks(self, server_token: str, *, url: str, stream: str) -> list[WebhookSeen]:
        exchange = self._wire.as_server(server_token, "GET", "/webhooks", query={"MessageStream": stream})
        rows = rows_of(answer_to_repeatable(exchange, account=False), "Webhooks")
        seen = [webhook_of(row) for row in rows]
        return [hook for hook in seen if hook is not None and (hook.url, hook.stream) == (url, stream)]

    def create_webhook(self, server_token: str, spec: WebhookSpec) -> int:
        body = {**webhook_payload(spec), "MessageStream": spec.stream}
        exchange = self._wire.as_server(
            server_token,
            "POST",
            "/webhooks",
            body=_encoded(body),
            private=_private(spec),
            read_timeout_seconds=self._test_post_seconds,
        )
        return _created(answer_to_create(exchange, account=False), id_of)

    def update_webhook(self, server_token: str, webhook_id: int, spec: WebhookSpec) -> None:
        """Sets the whole of it, so an uncertain update may be repeated."""
        exchange = self._wire.as_server(
            server_token,
            "PUT",
            f"/webhooks/{webhook_id}",
            body=_encoded(webhook_payload(spec)),
            private=_private(spec),
            read_timeout_seconds=self._test_post_seconds,
        )
        answer_to_repeatable(exchange, account=False)

    def webhook_statistics(self, server_token: str, webhook_id: int) -> WebhookStatistics:
        exchange = self._wire.as_server(server_token, "GET", f"/webhooks/{webhook_id}/statistics")
        return looked_up(answer_to_repeatable(exchange, account=False), statistics_of)

    def verify_webhook(self, server_token: str, webhook_id: int) -> bool:
        exchange = self._wire.as_server(
            server_token,
            "POST",
            f"/webhooks/{webhook_id}/verify",
            read_timeout_seconds=self._test_post_seconds,
        )
        return looked_up(answer_to_repeatable(exchange, account=False), success_of)

    def delete_webhook(self, server_token: str, webhook_id: int) -> None:
        exchange = self._wire.as_server(server_token, "DELETE", f"/webhooks/{webhook_id}")
        deleted(exchange, codes.WEBHOOK_NOT_FOUND, account=False)

    @property
    def _test_post_seconds(self) -> float:
        return self._wire.settings.webhook_read_timeout_seconds

    def _create(self, path: str, body: JsonObject, read: Callable[[JsonObject], Entity | None]) -> Entity:
        exchange = self._account.call("POST", path, body=_encoded(body))
        return _created(answer_to_create(exchange, account=True), read)

    def _delete(self, path: str, not_found: int) -> None:
        deleted(self._account.call("DELETE", path), not_found, account=True)

    def _verify(self, domain_id: int, check: str) -> Domain:
        exchange = self._account.call("PUT", f"/domains/{domain_id}/{check}")
        return looked_up(answer_to_repeatable(exchange, account=True), domain_of)


def _private(spec: WebhookSpec) -> tuple[str, str]:
    """Of its headers: a complaint may quote them."""
    return spec.bearer, spec.routing_token


def _encoded(body: JsonObject) -> bytes:
    return json.dumps(body).encode()


def _created(body: JsonObject, read: Callable[[JsonObject], Entity | None]) -> Entity:
    entity = read(body)
    if entity is None:
        raise OutcomeUnknown("unreadable", "HTTP 200 with a body that lacks what was created")
    return entity
