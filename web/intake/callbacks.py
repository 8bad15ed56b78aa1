"""The provider's callbacks, as an operator looks after them: their health, and times to be caught up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.domain.errors import InvalidValue
from shared.domain.gap import Gap
from shared.domain.webhook import WebhookReport
from shared.ports.store import Store, Transaction
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
        key = _key_of(tx, e_id, ports.valid_keys) if has_one else None
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
        return _covering(tx, e_id, from_at, until_at) or NoWebhook()


def gaps(ports: CallbackPorts, tenant_id: UUID, e_id: UUID) -> list[Gap] | None:
    """Newest first. None when the tenant has no such configuration."""
    with ports.store.begin() as tx:
        if tx.configurations.get(e_id, tenant_id=tenant_id) is None:
            return None
        return tx.gaps.latest(_GAPS_SHOWN, configuration_id=e_id)


def _covering(tx: Transaction, e_id: UUID, from_at: datetime, until_at: datetime) -> Gap | None:
    open_ones = (gap for gap in tx.gaps.latest(_GAPS_SHOWN, configuration_id=e_id) if gap.finished_at is None)
    covering = (gap for gap in open_ones if gap.from_at <= from_at and until_at <= gap.until_at)
    return next(covering, None)


def _key_of(tx: Transaction, e_id: UUID, valid_keys: Sequence[str]) -> Which:
    """The one that it is not behind."""
    before = UUID(int=e_id.int - 1) if e_id.int else None
    for name, which in names_of(valid_keys).items():
        if e_id not in tx.webhook_keys.behind(name, after=before, limit=1):
            return which
    return Which.UNKNOWN
