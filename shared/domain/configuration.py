"""One tenant's right to send: what is known of it, and `advance`, the only way its state changes."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain import lifecycle
from shared.domain.dns import MailDns
from shared.domain.lifecycle import (
    SIGNALS,
    Administrative,
    Operational,
    Refuse,
    Stay,
    To,
    Trigger,
)
from shared.domain.naming import DEFAULT_LOCAL_PART


class Step(StrEnum):
    """Provisioning, in order. Every Postmark call comes before the DNS write."""

    CREATE_SERVER = "createServer"
    CREATE_SIGNATURE = "createSignature"
    INSTALL_WEBHOOK = "installWebhook"
    WRITE_RECORDS = "writeRecords"


@dataclass(frozen=True, slots=True)
class StepFailure:
    """Why provisioning stopped, in words an operator can act on."""

    step: Step
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What exists at the provider and in DNS, as far as we know. An id stays until its deletion was confirmed."""

    server_id: int | None = None
    # The encrypted envelope, never plaintext.
    server_token: str | None = field(default=None, repr=False)
    signature_id: int | None = None
    domain_id: int | None = None
    webhook_id: int | None = None
    records_written: bool = False
    # Committed before a create; cleared with its result. A name found while it stands is ours to adopt.
    intent: Step | None = None
    # Everything above is to be deleted, in reverse order: what failed for good, or what re-provision clears away.
    undoing: bool = False
    # Calls in a row that had no usable answer.
    tries: int = 0

    def next_step(self) -> Step | None:
        done = {
            Step.CREATE_SERVER: self.server_id is not None and self.server_token is not None,
            Step.CREATE_SIGNATURE: self.signature_id is not None and self.domain_id is not None,
            Step.INSTALL_WEBHOOK: self.webhook_id is not None,
            Step.WRITE_RECORDS: self.records_written,
        }
        return next((step for step in Step if not done[step]), None)

    @property
    def nothing_left(self) -> bool:
        ids = (self.server_id, self.signature_id, self.domain_id, self.webhook_id, self.intent)
        return not self.records_written and all(found is None for found in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailConfiguration:
    e_id: UUID
    tenant_id: UUID
    slug: str
    from_local_part: str = DEFAULT_LOCAL_PART
    from_name: str
    reply_to_email: str | None = None
    operational: Operational = Operational.PENDING
    administrative: Administrative = Administrative.LOCKED
    # When each of the two was entered.
    operational_since: datetime
    administrative_since: datetime
    retired_at: datetime | None = None
    # Set when the removal of a retired configuration is done: from then on its slug is free.
    cleaned_up_at: datetime | None = None
    # On its way back from FAILURE: ends in DEGRADED, not in OK.
    recovering: bool = False
    provisioned: Provisioned = Provisioned()
    dns: MailDns | None = None
    routing_token_hash: bytes | None = field(default=None, repr=False)
    failure: StepFailure | None = None
    verification_started_at: datetime | None = None
    verification_due_at: datetime | None = None
    send_faults_in_a_row: int = 0
    # Counts changes; the compare-and-set of every write.
    version: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def retired(self) -> bool:
        return self.retired_at is not None

    @property
    def can_send(self) -> bool:
        return not self.retired and lifecycle.can_send(self.operational, self.administrative)

    @property
    def may_claim(self) -> bool:
        """Accepted mail goes out while UNLOCKED and while draining, as long as the provider side works."""
        working = self.operational in (Operational.OK, Operational.DEGRADED)
        return not self.retired and working and self.administrative is not Administrative.LOCKED

    @property
    def refusal(self) -> str | None:
        """Why a send is refused now, as the short word callers get; None when it is not."""
        if self.can_send:
            return None
        return _refusal_of_state(self)


def _refusal_of_state(configuration: EmailConfiguration) -> str:
    if configuration.retired:
        return "retired"
    by_operational = {
        Operational.PENDING: "not_provisioned",
        Operational.PROVISIONING: "not_provisioned",
        Operational.MISSING: "not_provisioned",
        Operational.AWAITING_VERIFICATION: "not_verified",
        Operational.UNVERIFIED: "not_verified",
        Operational.FAILURE: "failure",
    }
    if configuration.operational in by_operational:
        return by_operational[configuration.operational]
    return "locking" if configuration.administrative is Administrative.LOCKING else "locked"


class Effect(StrEnum):
    """What the caller of `advance` has to carry out: in the same transaction, or as a ring after it."""

    CANCEL_QUEUED_JOBS = "cancel-queued-jobs"  # same transaction
    RING_PROVISIONING = "ring-provisioning"
    RING_VERIFICATION = "ring-verification"
    RING_REMOVAL = "ring-removal"
    RING_SENDING = "ring-sending"


class Verdict(StrEnum):
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the table cannot know of the configuration itself. Read in the transaction that saves the decision."""

    in_flight: int = 0
    tenant_has_other_sendable: bool = False
    failure: StepFailure | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    configuration: EmailConfiguration
    verdict: Verdict
    reason: str
    effects: tuple[Effect, ...] = ()


def advance(
    configuration: EmailConfiguration,
    trigger: Trigger,
    *,
    now: datetime,
    facts: Facts = Facts(),
) -> Decision:
    """Decide what `trigger` means now. Total: any state and any trigger give a decision, never an exception."""
    if configuration.retired:
        return _of_retired(configuration, trigger)
    rule = lifecycle.rule_for(trigger, configuration.operational, configuration.administrative)
    if isinstance(rule, Stay):
        return Decision(configuration, Verdict.UNCHANGED, rule.reason)
    obstacle = rule.reason if isinstance(rule, Refuse) else _obstacle(configuration, trigger, facts)
    if obstacle is not None:
        verdict = Verdict.REFUSED if trigger in SIGNALS else Verdict.UNCHANGED
        return Decision(configuration, verdict, obstacle)
    assert isinstance(rule, To)
    moved = _moved(configuration, trigger, rule, now=now, facts=facts)
    return Decision(moved, Verdict.CHANGED, trigger.value, _effects(moved, trigger))


def allowed_signals(configuration: EmailConfiguration, *, facts: Facts = Facts()) -> tuple[Trigger, ...]:
    """The signals that would change something now, in the order of the table."""
    return tuple(
        signal
        for signal in SIGNALS
        if advance(configuration, signal, now=configuration.updated_at, facts=facts).verdict
        is Verdict.CHANGED
    )


def _of_retired(configuration: EmailConfiguration, trigger: Trigger) -> Decision:
    if trigger is Trigger.REMOVE:
        return Decision(configuration, Verdict.UNCHANGED, "already_removed")
    refused = trigger in SIGNALS
    return Decision(configuration, Verdict.REFUSED if refused else Verdict.UNCHANGED, "retired")


def _obstacle(configuration: EmailConfiguration, trigger: Trigger, facts: Facts) -> str | None:
    """Guards that one region's table cannot hold, because they look at the other region or the other rows."""
    if trigger is Trigger.UNLOCK:
        if configuration.operational not in (Operational.OK, Operational.DEGRADED):
            return _refusal_of_state(configuration)
        return "tenant_has_another_sendable" if facts.tenant_has_other_sendable else None
    if trigger is Trigger.REMOVE and configuration.operational is Operational.PROVISIONING:
        return "provisioning"
    if trigger is Trigger.DRAINED and facts.in_flight > 0:
        return "still_in_flight"
    return None


def _moved(
    before: EmailConfiguration,
    trigger: Trigger,
    rule: To,
    *,
    now: datetime,
    facts: Facts,
) -> EmailConfiguration:
    state = rule.state
    moved = replace(before, updated_at=now)
    if isinstance(state, Operational):
        entered = replace(moved, operational=state, operational_since=now)
        return _enter_operational(entered, now=now, facts=facts)
    if trigger is Trigger.REMOVE:
        return replace(moved, retired_at=now, verification_due_at=None)
    if state is Administrative.LOCKING and facts.in_flight == 0:
        state = Administrative.LOCKED
    return replace(moved, administrative=state, administrative_since=now)


def _enter_operational(moved: EmailConfiguration, *, now: datetime, facts: Facts) -> EmailConfiguration:
    match moved.operational:
        case Operational.PROVISIONING:
            # The leftovers of a failed attempt are cleared away first.
            afresh = replace(moved.provisioned, tries=0, undoing=not moved.provisioned.nothing_left)
            return replace(moved, failure=None, recovering=False, provisioned=afresh)
        case Operational.MISSING:
            return replace(moved, failure=facts.failure)
        case Operational.AWAITING_VERIFICATION:
            return _open_window(moved, now=now)
        case Operational.OK:
            return _work_again(moved)
        case Operational.UNVERIFIED:
            return replace(moved, verification_due_at=None)
        case Operational.FAILURE:
            return replace(moved, recovering=True)
    return moved


def _open_window(moved: EmailConfiguration, *, now: datetime) -> EmailConfiguration:
    return replace(
        moved,
        verification_started_at=now,
        verification_due_at=now,
        send_faults_in_a_row=0,
    )


def _work_again(moved: EmailConfiguration) -> EmailConfiguration:
    """Verified, or a send was accepted; on the way back from FAILURE only the latter proves that all is well."""
    state = Operational.DEGRADED if moved.recovering else Operational.OK
    return replace(
        moved, operational=state, recovering=False, verification_due_at=None, send_faults_in_a_row=0
    )


def _effects(moved: EmailConfiguration, trigger: Trigger) -> tuple[Effect, ...]:
    if trigger is Trigger.FORCE_LOCK:
        return (Effect.CANCEL_QUEUED_JOBS,)
    if trigger is Trigger.REMOVE:
        return (Effect.RING_REMOVAL,)
    if trigger is Trigger.VERIFIED:
        return (Effect.RING_SENDING,)
    by_state = {
        Operational.PROVISIONING: (Effect.RING_PROVISIONING,),
        Operational.AWAITING_VERIFICATION: (Effect.RING_VERIFICATION,),
    }
    return by_state.get(moved.operational, ()) if trigger in lifecycle.OPERATIONAL else ()
