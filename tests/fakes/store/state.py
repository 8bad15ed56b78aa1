"""The rows, as values. A transaction works on a copy; values are frozen, so that copying the tables is enough."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.attempt import SendAttempt
from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter
from shared.domain.drift import Assertion, Drift, Finding, Verdict
from shared.domain.event import EmailEvent
from shared.domain.gap import Gap
from shared.domain.job import EmailJob
from shared.domain.mail import MessageContent
from shared.domain.recovery import Look, Recovery, Told
from shared.domain.replay import Fate, Replay
from shared.domain.retention import Kind
from shared.domain.suppression import SuppressionEntry, SuppressionFact
from shared.domain.traffic import Counted
from shared.domain.verification import CheckRun
from shared.domain.webhook import WebhookReport
from shared.ports.configurations import ConfigurationRecord
from shared.ports.events import EventHeaders
from shared.ports.lifts import Lift


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """`due_at` is None once it is projected or parked."""

    event: EmailEvent
    headers: EventHeaders
    due_at: datetime | None

    @property
    def parked(self) -> bool:
        return self.due_at is None and self.event.projected_at is None


@dataclass(frozen=True, slots=True)
class KeptFact:
    fact: SuppressionFact
    author: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    until: datetime
    in_a_row: int = 1
    probing_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """`tokens` as of `refilled_at`; there is a bucket when there is a rate."""

    batch_size: int | None = None
    calls_per_second: float | None = None
    tokens: float = 0.0
    refilled_at: datetime | None = None
    blocked_until: datetime | None = None
    throttled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptLook:
    due_at: datetime
    report: WebhookReport | None = None


@dataclass(frozen=True, slots=True)
class KeptGap:
    """`due_at` is None once it is closed."""

    gap: Gap
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptLift:
    """`due_at` is None once the provider has refused."""

    lift: Lift
    tenant_id: UUID
    wanted_at: datetime
    due_at: datetime | None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class KeptRound:
    """Of one assertion; `lease` is the token of the round that has it, and until when."""

    due_at: datetime | None = None
    lease: tuple[UUID, datetime] | None = None
    begun_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    checked: int | None = None
    calls: int | None = None
    verdict: Verdict | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """`seen_in` is the token of the round that saw it last; None when it was no round."""

    finding: Finding
    seen_in: UUID | None
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptReplay:
    """`lease` is the token of whoever has it, and until when; `due_at` is None at its end."""

    replay: Replay
    due_at: datetime | None
    lease: tuple[UUID, datetime] | None = None
    cursor: UUID | None = None


@dataclass(frozen=True, slots=True)
class KeptPass:
    """Of one kind; `lease` is a token, and until when; `until` and `cursor` are of a pass that is not finished."""

    due_at: datetime | None = None
    lease: tuple[UUID, datetime] | None = None
    begun_at: datetime | None = None
    until: datetime | None = None
    cursor: UUID | None = None
    finished_at: datetime | None = None
    looked: int = 0
    removed: int = 0
    removed_in_all: int = 0
    reached_at: datetime | None = None


@dataclass(slots=True)
class State:
    configurations: dict[UUID, EmailConfiguration] = field(default_factory=dict)
    leases: dict[UUID, tuple[UUID, datetime]] = field(default_factory=dict)
    records: dict[UUID, tuple[ConfigurationRecord, ...]] = field(default_factory=dict)
    jobs: dict[UUID, EmailJob] = field(default_factory=dict)
    contents: dict[UUID, MessageContent] = field(default_factory=dict)
    events: dict[UUID, KeptEvent] = field(default_factory=dict)
    entries: dict[UUID, SuppressionEntry] = field(default_factory=dict)
    facts: dict[tuple[UUID, str], tuple[KeptFact, ...]] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    attempts: dict[tuple[UUID, UUID], SendAttempt] = field(default_factory=dict)
    actions: dict[UUID, OperatorAction] = field(default_factory=dict)
    letters: dict[UUID, DeadLetter] = field(default_factory=dict)
    replays: dict[UUID, KeptReplay] = field(default_factory=dict)
    # By replay and dead letter.
    replayed: dict[tuple[UUID, UUID], tuple[Fate, datetime]] = field(default_factory=dict)
    faults: dict[tuple[str, UUID], tuple[int, datetime]] = field(default_factory=dict)
    limits: dict[UUID, Limit] = field(default_factory=dict)
    # When a neighbour's next turn is free, and the newest run of checks last.
    turns: dict[str, datetime] = field(default_factory=dict)
    checks: dict[UUID, tuple[CheckRun, ...]] = field(default_factory=dict)
    presence: dict[str, datetime] = field(default_factory=dict)
    # By fingerprint and purpose.
    key_uses: dict[tuple[str, str], datetime] = field(default_factory=dict)
    webhook_keys: dict[UUID, str] = field(default_factory=dict)
    looks: dict[UUID, KeptLook] = field(default_factory=dict)
    gaps: dict[UUID, KeptGap] = field(default_factory=dict)
    # By configuration and address.
    lifts: dict[tuple[UUID, str], KeptLift] = field(default_factory=dict)
    rounds: dict[Assertion, KeptRound] = field(default_factory=dict)
    sightings: dict[Assertion, frozenset[tuple[UUID, Drift]]] = field(default_factory=dict)
    findings: dict[UUID, KeptFinding] = field(default_factory=dict)
    passes: dict[Kind, KeptPass] = field(default_factory=dict)
    # By minute, what was counted, and its label.
    traffic: dict[tuple[datetime, Counted, str], int] = field(default_factory=dict)

    recoveries: dict[UUID, Recovery] = field(default_factory=dict)
    # By recovery, configuration and number; by recovery and job.
    recovery_looks: dict[tuple[UUID, UUID, int], Look] = field(default_factory=dict)
    recovery_messages: dict[tuple[UUID, UUID], Told] = field(default_factory=dict)

    @property
    def is_recovering(self) -> bool:
        return any(one.ended_at is None for one in self.recoveries.values())

    def copy(self) -> "State":
        return State(**{table.name: dict(getattr(self, table.name)) for table in fields(self)})


@dataclass(frozen=True, slots=True)
class Moment:
    """What a transaction sees of time: it stands still until the end."""

    now: datetime

    def after(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def is_due(self, due_at: datetime | None) -> bool:
        return due_at is not None and due_at <= self.now
