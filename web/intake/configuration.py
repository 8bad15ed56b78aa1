"""Configurations: made, read, and moved by signals. A signal's decision and its record are one transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import Decision, EmailConfiguration, allowed_signals
from shared.domain.errors import Conflict
from shared.domain.lifecycle import Trigger
from shared.domain.query import Query
from shared.ports.clock import NewId
from shared.ports.configurations import Change, ConfigurationRecord
from shared.ports.doorbell import Doorbell
from shared.ports.rows import Lock, Page
from shared.ports.store import Store, Transaction
from shared.steering import facts_of, steer

# Under the row's lock a conflict comes from outside the row: another configuration of the tenant was unlocked first.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class ConfigurationPorts:
    store: Store
    doorbell: Doorbell
    new_id: NewId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConfiguration:
    slug: str
    from_local_part: str
    from_name: str
    reply_to_email: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A record that holds now, and what an operator wants to know beside it."""

    record: ConfigurationRecord
    allowed: tuple[Trigger, ...]
    in_flight: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """`rung`: somebody was rung for, whose work follows."""

    decision: Decision
    standing: Standing
    rung: bool


def create(ports: ConfigurationPorts, tenant_id: UUID, author: str, wanted: NewConfiguration) -> Standing:
    """PENDING and LOCKED. Raises `Conflict` when the slug is in use."""
    with ports.store.begin() as tx:
        now = tx.now()
        configuration = EmailConfiguration(
            e_id=ports.new_id(),
            tenant_id=tenant_id,
            slug=wanted.slug,
            from_local_part=wanted.from_local_part,
            from_name=wanted.from_name,
            reply_to_email=wanted.reply_to_email,
            operational_since=now,
            administrative_since=now,
            created_at=now,
            updated_at=now,
        )
        tx.configurations.add(configuration, Change(author, "create"))
        return _standing(tx, configuration)


def get(ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID) -> Standing | None:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id)
        return _standing(tx, configuration) if configuration else None


def get_as_of(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    e_id: UUID,
    *,
    effective: datetime | None,
    recorded: datetime | None,
) -> ConfigurationRecord | None:
    with ports.store.begin() as tx:
        if tx.configurations.get(e_id, tenant_id=tenant_id) is None:
            return None
        return tx.configurations.record_as_of(e_id, effective=effective, recorded=recorded)


def history(ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID) -> list[ConfigurationRecord] | None:
    """Oldest first; None when the tenant has no such configuration."""
    with ports.store.begin() as tx:
        known = tx.configurations.get(e_id, tenant_id=tenant_id) is not None
        return tx.configurations.history(e_id) if known else None


def query(ports: ConfigurationPorts, tenant_id: UUID, question: Query) -> Page[ConfigurationRecord]:
    with ports.store.begin() as tx:
        return tx.configurations.query(tenant_id, question)


def signal(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    e_id: UUID,
    trigger: Trigger,
    *,
    author: str,
    reason: str | None,
) -> Signalled | None:
    """None when the tenant has no such configuration. Raises `Conflict` when it moved again and again meanwhile."""
    change = Change(author, f"signal:{trigger}", reason)
    for left in reversed(range(_TRIES)):
        try:
            return _signal_once(ports, tenant_id, e_id, trigger, change)
        except Conflict:
            if not left:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


def _signal_once(
    ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID, trigger: Trigger, change: Change
) -> Signalled | None:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id, lock=Lock.UPDATE)
        if configuration is None:
            return None
        steered = steer(tx, configuration, trigger, change)
        standing = _standing(tx, steered.decision.configuration)
    if steered.rings:
        ports.doorbell.ring(*steered.rings)
    return Signalled(steered.decision, standing, rung=bool(steered.rings))


def _standing(tx: Transaction, configuration: EmailConfiguration) -> Standing:
    facts = facts_of(tx, configuration)
    record = tx.configurations.current_record(configuration.e_id)
    return Standing(record, allowed_signals(configuration, facts=facts), facts.in_flight)
