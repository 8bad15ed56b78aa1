"""The provider's callbacks, as an operator looks after them: their health, and times to be caught up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.gap import Gap
from shared.domain.webhook import WebhookReport
from shared.ports.store import Store
from web.intake.keys import Which, names_of

_GAPS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class CallbackPorts:
    """`valid_keys`: the current one first, then the previous one if there is a rotation."""

    store: Store
    valid_keys: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """`report` is None until the first look; `key` is None where there is no webhook."""

    report: WebhookReport | None
    key: Which | None


@dataclass(frozen=True, slots=True)
class NoWebhook:
    """It has none, so that no event of it can have been lost."""


def webhook(ports: CallbackPorts, tenant_id: UUID, e_id: UUID) -> Webhook | None:
    """None when the tenant has no such configuration."""
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id)
        if configuration is None:
            return None
        has_one = configuration.provisioned.webhook_id is not None and not configuration.retired
        shown = tx.webhook_keys.of(e_id) or ""
        key = names_of(ports.valid_keys).get(shown, Which.UNKNOWN) if has_one else None
        return Webhook(tx.webhook_looks.report(e_id), key)


def catch_up(
    ports: CallbackPorts,
    tenant_id: UUID,
    e_id: UUID,
    *,
    from_at: datetime,
    until_at: datetime | None,
    author: str,
    reason: str,
) -> Gap | NoWebhook | None:
    """Opens a gap, or answers the open one that covers these times. None when the tenant has no such configuration.

    Raises `InvalidValue` for times that are not in their order, or not over yet.
    """
    with ports.store.begin() as tx:
        if tx.configurations.get(e_id, tenant_id=tenant_id) is None:
            return None
        now = tx.now()
        until_at = now if until_at is None else until_at
        if until_at > now:
            raise InvalidValue("until", "give a time that is over, or leave it out")
        if from_at >= until_at:
            raise InvalidValue("from", "give a time before until")
        tx.gaps.open(from_at, until_at, cause=reason, author=author, configuration_id=e_id)
        covering = tx.gaps.covering(from_at, until_at, configuration_id=e_id)
        return covering[0] if covering else NoWebhook()


def gaps(ports: CallbackPorts, tenant_id: UUID, e_id: UUID) -> list[Gap] | None:
    """Newest first. None when the tenant has no such configuration."""
    with ports.store.begin() as tx:
        if tx.configurations.get(e_id, tenant_id=tenant_id) is None:
            return None
        return tx.gaps.latest(_GAPS_SHOWN, configuration_id=e_id)
