"""Postmark's servers, signatures, domains and webhooks, read into the port's values."""

from typing import Final

from shared.domain.dns import MailDns
from shared.domain.drift import ServerListed
from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.webhook import WebhookSeen, WebhookStatistics
from shared.gateways.postmark.calls import JsonObject
from shared.ports.mail import Domain, ServerCreated, Signature, WebhookSpec

# Every trigger is named: an edit changes only those it names.
TRIGGERS: Final[dict[str, JsonObject]] = {
    "Delivery": {"Enabled": True},
    # The content would be the tenant's mail, which we neither need nor want to keep.
    "Bounce": {"Enabled": True, "IncludeContent": False},
    "SpamComplaint": {"Enabled": True, "IncludeContent": False},
    "SubscriptionChange": {"Enabled": True},
    "Open": {"Enabled": False, "PostFirstOpenOnly": False},
    "Click": {"Enabled": False},
}
ENABLED: Final = tuple(name for name, options in TRIGGERS.items() if options["Enabled"])


def rows_of(body: JsonObject, key: str) -> list[JsonObject]:
    """Raises `ProviderUnavailable` when there is no list: what cannot be read is never "nothing found"."""
    rows = body.get(key)
    if not isinstance(rows, list):
        raise ProviderUnavailable("unreadable", f"HTTP 200 with a body that has no list of {key}")
    return [row if isinstance(row, dict) else {} for row in rows]


def text_of(body: JsonObject, key: str) -> str:
    """Unset fields come as "", as null or not at all."""
    value = body.get(key)
    return value if isinstance(value, str) else ""


def id_of(body: JsonObject, key: str = "ID") -> int | None:
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def server_of(body: JsonObject) -> ServerCreated | None:
    """None when the answer lacks the id or the token."""
    server_id, tokens = id_of(body), body.get("ApiTokens")
    token = tokens[0] if isinstance(tokens, list) and tokens else None
    if server_id is None or not isinstance(token, str) or not token:
        return None
    return ServerCreated(server_id, token)


def listed_server_of(body: JsonObject) -> ServerListed | None:
    """None when the row lacks the id or the name."""
    server_id, name = id_of(body), text_of(body, "Name")
    return None if server_id is None or not name else ServerListed(server_id, name)


def signature_of(body: JsonObject) -> Signature | None:
    signature_id, address = id_of(body), text_of(body, "EmailAddress")
    return (
        None if signature_id is None or not address else Signature(signature_id, address, mail_dns_of(body))
    )


def domain_of(body: JsonObject) -> Domain | None:
    """None when the answer lacks the id or the name. `ProviderRefused` when there is nothing to publish."""
    domain_id, name = id_of(body), text_of(body, "Name")
    if domain_id is None or not name:
        return None
    mail_dns = mail_dns_of(body)
    if mail_dns is None:
        raise ProviderRefused("domain_incomplete", f"the domain {name} has no DKIM key or no return path")
    return Domain(
        domain_id=domain_id,
        name=name,
        dkim_verified=body.get("DKIMVerified") is True,
        return_path_verified=body.get("ReturnPathDomainVerified") is True,
        dns=mail_dns,
    )


def mail_dns_of(body: JsonObject) -> MailDns | None:
    """The records to publish now. The pending key, while there is one, is what the next check looks for."""
    pending = text_of(body, "DKIMPendingHost"), text_of(body, "DKIMPendingTextValue")
    active = text_of(body, "DKIMHost"), text_of(body, "DKIMTextValue")
    dkim_host, dkim_value = pending if all(pending) else active
    return_path_host = text_of(body, "ReturnPathDomain")
    return_path_target = text_of(body, "ReturnPathDomainCNAMEValue")
    values = [dkim_host.rstrip("."), dkim_value, return_path_host.rstrip("."), return_path_target.rstrip(".")]
    return MailDns(*values) if all(values) else None


def webhook_payload(spec: WebhookSpec) -> JsonObject:
    """For create and edit alike; the stream is added on create only, for an edit may not name it (1357)."""
    return {
        "Url": spec.url,
        "HttpHeaders": [
            {"Name": "Authorization", "Value": f"Bearer {spec.bearer}"},
            {"Name": "X-Email-Routing-Token", "Value": spec.routing_token},
        ],
        "Triggers": TRIGGERS,
    }


def webhook_of(body: JsonObject) -> WebhookSeen | None:
    """None when the row lacks the id: nothing can be done with such a one."""
    webhook_id, headers = id_of(body), body.get("HttpHeaders")
    if webhook_id is None:
        return None
    pairs = [row for row in headers if isinstance(row, dict)] if isinstance(headers, list) else []
    return WebhookSeen(
        webhook_id=webhook_id,
        url=text_of(body, "Url"),
        stream=text_of(body, "MessageStream"),
        headers=tuple((text_of(row, "Name"), text_of(row, "Value")) for row in pairs),
    )


def statistics_of(body: JsonObject) -> WebhookStatistics | None:
    """None without a list of statuses. Of types that we never asked for, nobody misses the events."""
    statuses, metrics = body.get("Statuses"), body.get("Metrics")
    if not isinstance(statuses, dict):
        return None
    counts = metrics if isinstance(metrics, dict) else {}
    paused = [name for name in ENABLED if str(statuses.get(name)).lower() == "unverified"]
    return WebhookStatistics(
        paused=tuple(paused),
        requests=id_of(counts, "TotalRequests") or 0,
        failures=id_of(counts, "FailureCount") or 0,
    )


def success_of(body: JsonObject) -> bool | None:
    success = body.get("Success")
    return success if isinstance(success, bool) else None
