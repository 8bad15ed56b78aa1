"""Put a webhook back that is missing, or that somebody changed so that its callbacks are turned away.

Its routing token is known to nobody any more, so it gets another. The digest of that is committed before the
provider is called: its test posts arrive during the call.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from shared.cli.exits import Absent, Refused
from shared.cli.rotation import api_key_of, is_routed_to, routing_token_of
from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import OutcomeUnknown, ProviderUnavailable
from shared.domain.webhook import ROUTING_TOKEN_BYTES, WebhookSeen, fingerprint, routing_digest
from shared.ports.clock import NewId
from shared.ports.configurations import Change
from shared.ports.key_material import TokenCipher
from shared.ports.mail import STREAM, MailAccount, WebhookSpec
from shared.ports.rows import Lock
from shared.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstallDeps:
    store: Store
    mail: MailAccount
    cipher: TokenCipher
    new_id: NewId
    webhook_url: str
    api_key: str = field(repr=False)
    lease_seconds: float
    author: str
    reason: str


def reinstall(configuration_id: UUID, deps: ReinstallDeps) -> bool:
    """False when its webhook is there and carries our routing token: then nothing is changed.

    Raises `Absent`, `Refused` while a worker has the configuration or when it has no webhook to put back, and what the
    provider raises.
    """
    lease = deps.new_id()
    with deps.store.begin() as tx:
        configuration = _held(tx, configuration_id, lease, deps)
    try:
        return _reinstall(configuration, lease, deps)
    finally:
        with deps.store.begin() as tx:
            tx.configurations.drop_lease(configuration_id, token=lease)


def _held(tx: Transaction, configuration_id: UUID, lease: UUID, deps: ReinstallDeps) -> EmailConfiguration:
    configuration = tx.configurations.get(configuration_id, lock=Lock.UPDATE)
    if configuration is None:
        raise Absent("There is no such configuration.")
    if configuration.retired or configuration.provisioned.webhook_id is None:
        raise Refused("It has no webhook to put back: it was never provisioned, or was removed.")
    if not tx.configurations.take_lease(configuration_id, token=lease, lease_seconds=deps.lease_seconds):
        raise Refused("A worker has the configuration: run it again in some minutes.")
    return configuration


def _reinstall(configuration: EmailConfiguration, lease: UUID, deps: ReinstallDeps) -> bool:
    envelope = configuration.provisioned.server_token
    assert envelope is not None, "a webhook is on a server, whose token is kept"
    token = deps.cipher.decrypt(
        envelope, tenant_id=configuration.tenant_id, configuration_id=configuration.e_id
    )
    hooks = deps.mail.webhooks(token, url=deps.webhook_url, stream=STREAM)
    if any(is_routed_to(configuration, hook) for hook in hooks):
        return False
    spec = WebhookSpec(
        url=deps.webhook_url,
        bearer=deps.api_key,
        routing_token=secrets.token_urlsafe(ROUTING_TOKEN_BYTES),
        stream=STREAM,
    )
    digest = routing_digest(spec.routing_token)
    with deps.store.begin() as tx:
        held = _held(tx, configuration.e_id, lease, deps)
        _save(tx, replace(held, routing_token_hash=digest), "webhook: new routing token", deps)
    webhook_id = _put(token, hooks, spec, deps)
    with deps.store.begin() as tx:
        held = _held(tx, configuration.e_id, lease, deps)
        made = replace(held.provisioned, webhook_id=webhook_id)
        _save(tx, replace(held, provisioned=made), "webhook: reinstalled", deps)
        tx.webhook_keys.set(configuration.e_id, fingerprint(deps.api_key))
    return True


def _save(tx: Transaction, configuration: EmailConfiguration, cause: str, deps: ReinstallDeps) -> None:
    moved = replace(configuration, updated_at=tx.now())
    tx.configurations.save(moved, Change(deps.author, cause, deps.reason))


def _put(token: str, hooks: Sequence[WebhookSeen], spec: WebhookSpec, deps: ReinstallDeps) -> int:
    """What has our url on our own server is ours, whoever changed it."""
    try:
        if not hooks:
            return deps.mail.create_webhook(token, spec)
        for hook in hooks:
            deps.mail.update_webhook(token, hook.webhook_id, spec)
        return hooks[0].webhook_id
    except (ProviderUnavailable, OutcomeUnknown):
        # It may have had its effect all the same: the webhook itself tells.
        seen = deps.mail.webhooks(token, url=spec.url, stream=STREAM)
        shown = [(routing_token_of(one), api_key_of(one)) for one in seen]
        if not seen or set(shown) != {(spec.routing_token, spec.bearer)}:
            raise
        return seen[0].webhook_id
