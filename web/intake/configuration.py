"""Configurations: made, read, and moved by signals. A signal's decision and its record are one transaction."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.configuration import Decision, EmailConfiguration, allowed_signals
from shared.domain.errors import Conflict, EmailModuleError, Recovering
from shared.domain.lifecycle import Trigger
from shared.domain.query import Query
from shared.domain.verification import CheckRun
from shared.ports.clock import NewId
from shared.ports.configurations import Change, ConfigurationRecord
from shared.ports.doorbell import Doorbell
from shared.ports.rows import Lock, Page
from shared.ports.store import Store, Transaction
from shared.steering import facts_of, steer

# What stops may be stopped at any time. All else would act upon what is not known to hold.
_WHILE_RECOVERING = (Trigger.LOCK, Trigger.FORCE_LOCK)
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


class OtherVersion(EmailModuleError):
    """The caller decided by a version that does not hold any more. `standing` is what holds."""

    def __init__(self, standing: Standing) -> None:
        super().__init__("the configuration has another version")
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration and what checks of its domain found, newest first, as of `at`."""

    configuration: EmailConfiguration
    runs: tuple[CheckRun, ...]
    at: datetime


def create(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    author: str,
    wanted: NewConfiguration,
    *,
    reason: str | None = None,
) -> Standing:
    """PENDING and LOCKED. Raises `Conflict` when the slug is in use, and `Recovering`."""
    with ports.store.begin() as tx:
        if tx.recovering():
            raise Recovering
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
        tx.configurations.add(configuration, Change(author, "create", reason))
        return standing_of(tx, configuration)


def get(ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID) -> Standing | None:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id)
        return standing_of(tx, configuration) if configuration else None


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


def history(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    e_id: UUID,
    *,
    effective: datetime | None = None,
    recorded: datetime | None = None,
) -> list[ConfigurationRecord] | None:
    """Oldest first, as far as it was effective and recorded by then; None when the tenant has no such configuration."""
    with ports.store.begin() as tx:
        if tx.configurations.get(e_id, tenant_id=tenant_id) is None:
            return None
        return [
            record
            for record in tx.configurations.history(e_id)
            if (effective is None or record.effective_at <= effective)
            and (recorded is None or record.recorded_at <= recorded)
        ]


def checked(ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID) -> Checked | None:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id)
        if configuration is None:
            return None
        return Checked(configuration, tuple(tx.checks.latest(e_id)), tx.now())


def query(ports: ConfigurationPorts, tenant_id: UUID, question: Query) -> Page[ConfigurationRecord]:
    with ports.store.begin() as tx:
        return tx.configurations.query(tenant_id, question)


def query_as_of(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    question: Query,
    *,
    effective: datetime | None,
    recorded: datetime | None,
) -> Page[ConfigurationRecord]:
    with ports.store.begin() as tx:
        return tx.configurations.query_as_of(tenant_id, question, effective=effective, recorded=recorded)


def signal(
    ports: ConfigurationPorts,
    tenant_id: UUID,
    e_id: UUID,
    trigger: Trigger,
    *,
    author: str,
    reason: str | None,
    expected_versions: Collection[int] | None = None,
) -> Signalled | None:
    """None when the tenant has no such configuration.

    Raises `OtherVersion` when it is at none of `expected_versions` (None: any will do), `Conflict` when it moved
    again and again meanwhile, and `Recovering` for what may not be done while the database is being recovered.
    """
    wanted = _Wanted(trigger, Change(author, f"signal:{trigger}", reason), expected_versions)
    for left in reversed(range(_TRIES)):
        try:
            return _signal_once(ports, tenant_id, e_id, wanted)
        except Conflict:
            if not left:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


@dataclass(frozen=True, slots=True)
class _Wanted:
    trigger: Trigger
    change: Change
    expected_versions: Collection[int] | None

    def is_of(self, version: int) -> bool:
        return self.expected_versions is None or version in self.expected_versions


def _signal_once(ports: ConfigurationPorts, tenant_id: UUID, e_id: UUID, wanted: _Wanted) -> Signalled | None:
    with ports.store.begin() as tx:
        configuration = tx.configurations.get(e_id, tenant_id=tenant_id, lock=Lock.UPDATE)
        if configuration is None:
            return None
        if wanted.trigger not in _WHILE_RECOVERING and tx.recovering():
            raise Recovering
        if not wanted.is_of(configuration.version):
            raise OtherVersion(standing_of(tx, configuration))
        steered = steer(tx, configuration, wanted.trigger, wanted.change)
        standing = standing_of(tx, steered.decision.configuration)
    if steered.rings:
        ports.doorbell.ring(*steered.rings)
    return Signalled(steered.decision, standing, rung=bool(steered.rings))


def standing_of(tx: Transaction, configuration: EmailConfiguration) -> Standing:
    """By its record: where the row is not locked it may have moved on since it was read in `tx`."""
    record = tx.configurations.current_record(configuration.e_id)
    held = record.configuration
    facts = facts_of(tx, held)
    if held.version == configuration.version:
        # Moved by every check, without a record: no change of the configuration.
        held = replace(held, verification_due_at=configuration.verification_due_at)
        record = replace(record, configuration=held)
    return Standing(record, allowed_signals(held, facts=facts), facts.in_flight)
