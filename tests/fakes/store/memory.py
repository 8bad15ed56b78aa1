"""One transaction at a time, on a copy that becomes the state when it commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.errors import StoreUnavailable
from shared.persistence.ids import new_id
from shared.ports.audit import Audit
from shared.ports.checks import Checks
from shared.ports.clock import NewId
from shared.ports.configurations import Configurations
from shared.ports.dead_letters import DeadLetters
from shared.ports.drift import DriftRounds, DriftRows, Findings
from shared.ports.events import Events
from shared.ports.gaps import Gaps, Presence
from shared.ports.jobs import Jobs
from shared.ports.lifts import Lifts
from shared.ports.operators import OperatorViews
from shared.ports.pace import Turns
from shared.ports.pressure import AccountState, Pressure
from shared.ports.rebuild import TenantLog
from shared.ports.recovery import Recoveries
from shared.ports.replays import Replays
from shared.ports.retention import Retention
from shared.ports.sealed_tokens import SealedTokens
from shared.ports.store import Transaction, alone
from shared.ports.suppressions import Suppressions
from shared.ports.traffic import Traffic
from shared.ports.waits import Waits
from shared.ports.webhooks import KeyUses, WebhookKeys, WebhookLooks
from tests.fakes.clock import FixedClock
from tests.fakes.store.account import MemoryAccountState
from tests.fakes.store.audit import MemoryAudit
from tests.fakes.store.checks import MemoryChecks
from tests.fakes.store.configurations import MemoryConfigurations
from tests.fakes.store.dead_letters import MemoryDeadLetters
from tests.fakes.store.drift import MemoryDriftRounds, MemoryDriftRows, MemoryFindings
from tests.fakes.store.events import MemoryEvents
from tests.fakes.store.gaps import MemoryGaps
from tests.fakes.store.jobs import MemoryJobs
from tests.fakes.store.lifts import MemoryLifts
from tests.fakes.store.operators import MemoryOperatorViews
from tests.fakes.store.presence import MemoryPresence
from tests.fakes.store.pressure import MemoryPressure
from tests.fakes.store.recoveries import MemoryRecoveries
from tests.fakes.store.replays import MemoryReplays
from tests.fakes.store.retention import MemoryRetention
from tests.fakes.store.sealed_tokens import MemorySealedTokens
from tests.fakes.store.state import Moment, State
from tests.fakes.store.suppressions import MemorySuppressions
from tests.fakes.store.tenant_log import MemoryTenantLog
from tests.fakes.store.traffic import MemoryTraffic
from tests.fakes.store.turns import MemoryTurns
from tests.fakes.store.waits import MemoryWaits
from tests.fakes.store.webhooks import MemoryKeyUses, MemoryWebhookKeys, MemoryWebhookLooks


class MemoryTransaction:
    configurations: Configurations
    jobs: Jobs
    events: Events
    suppressions: Suppressions
    account: AccountState
    pressure: Pressure
    dead_letters: DeadLetters
    replays: Replays
    turns: Turns
    checks: Checks
    waits: Waits
    presence: Presence
    gaps: Gaps
    lifts: Lifts
    webhook_looks: WebhookLooks
    webhook_keys: WebhookKeys
    key_uses: KeyUses
    tenant_log: TenantLog
    audit: Audit
    sealed_tokens: SealedTokens
    rounds: DriftRounds
    drift_rows: DriftRows
    findings: Findings
    views: OperatorViews
    traffic: Traffic
    recoveries: Recoveries
    retention: Retention

    def __init__(self, state: State, moment: Moment, new_id: NewId) -> None:
        self._state = state
        self._moment = moment
        self.configurations = MemoryConfigurations(state, moment, new_id)
        letters = MemoryDeadLetters(state, moment, new_id)
        self.jobs = MemoryJobs(state, moment, letters)
        self.events = MemoryEvents(state, moment, letters)
        self.suppressions = MemorySuppressions(state, moment, new_id)
        self.account = MemoryAccountState(state, moment)
        self.pressure = MemoryPressure(state, moment)
        self.dead_letters = letters
        self.replays = MemoryReplays(state, moment, new_id)
        self.turns = MemoryTurns(state, moment)
        self.audit = MemoryAudit(state)
        self.sealed_tokens = MemorySealedTokens(state)
        self.checks = MemoryChecks(state, moment)
        self.waits = MemoryWaits(state, moment)
        self.presence = MemoryPresence(state, moment)
        self.gaps = MemoryGaps(state, moment, new_id)
        self.lifts = MemoryLifts(state, moment)
        self.webhook_looks = MemoryWebhookLooks(state, moment)
        self.webhook_keys = MemoryWebhookKeys(state)
        self.key_uses = MemoryKeyUses(state, moment)
        self.tenant_log = MemoryTenantLog(state)
        self.rounds = MemoryDriftRounds(state, moment, new_id)
        self.drift_rows = MemoryDriftRows(state)
        self.findings = MemoryFindings(state, moment, new_id)
        self.views = MemoryOperatorViews(state)
        self.traffic = MemoryTraffic(state, moment)
        self.recoveries = MemoryRecoveries(state, moment)
        self.retention = MemoryRetention(state, moment, new_id)

    def now(self) -> datetime:
        return self._moment.now

    def recovering(self) -> bool:
        return self._state.is_recovering


class MemoryStore:
    """Transactions of several threads follow one another, so that no row is ever seen held by another transaction.

    `clock` is the database's clock. `down` makes every transaction fail as it does when Postgres is away.
    """

    def __init__(self, clock: FixedClock | None = None, new_id: NewId = new_id) -> None:
        self.clock = clock or FixedClock()
        self.down = False
        self._new_id = new_id
        self._state = State()
        self._turn = Lock()

    def advance(self, step: timedelta | None = None, *, seconds: float = 0.0) -> datetime:
        return self.clock.advance(step, seconds=seconds)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with alone():
            self.ping()
            with self._turn:
                working = self._state.copy()
                yield MemoryTransaction(working, Moment(self.clock.now()), self._new_id)
                self._state = working

    def ping(self) -> None:
        if self.down:
            raise StoreUnavailable("down, because the test says so")
