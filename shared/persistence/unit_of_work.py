"""One transaction: begun, seen through repositories, committed or rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, func, select, text

from shared.persistence.account import PostgresAccountState
from shared.persistence.actions import PostgresAudit
from shared.persistence.checks import PostgresChecks
from shared.persistence.configurations import PostgresConfigurations
from shared.persistence.dead_letters import PostgresDeadLetters
from shared.persistence.drift_findings import PostgresFindings
from shared.persistence.drift_rounds import PostgresDriftRounds
from shared.persistence.drift_rows import PostgresDriftRows
from shared.persistence.events import PostgresEvents
from shared.persistence.faults import in_our_words
from shared.persistence.gaps import PostgresGaps
from shared.persistence.held import HELD
from shared.persistence.ids import new_id
from shared.persistence.jobs import PostgresJobs
from shared.persistence.lifts import PostgresLifts
from shared.persistence.operator_views import PostgresOperatorViews
from shared.persistence.presence import PostgresPresence
from shared.persistence.pressure import PostgresPressure
from shared.persistence.recoveries import PostgresRecoveries
from shared.persistence.replays import PostgresReplays
from shared.persistence.retention import PostgresRetention
from shared.persistence.sealed_tokens import PostgresSealedTokens
from shared.persistence.suppressions import PostgresSuppressions
from shared.persistence.tenant_log import PostgresTenantLog
from shared.persistence.traffic import PostgresTraffic
from shared.persistence.turns import PostgresTurns
from shared.persistence.waits import PostgresWaits
from shared.persistence.webhook_keys import PostgresKeyUses, PostgresWebhookKeys
from shared.persistence.webhook_looks import PostgresWebhookLooks
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


class PostgresTransaction:
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

    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._standing: Row[datetime, bool] | None = None
        self.audit = PostgresAudit(connection)
        self.sealed_tokens = PostgresSealedTokens(connection)
        self.configurations = PostgresConfigurations(connection, new_id)
        self.jobs = PostgresJobs(connection, new_id)
        self.events = PostgresEvents(connection, new_id)
        self.suppressions = PostgresSuppressions(connection, new_id)
        self.account = PostgresAccountState(connection)
        self.pressure = PostgresPressure(connection)
        self.dead_letters = PostgresDeadLetters(connection, new_id)
        self.replays = PostgresReplays(connection, new_id)
        self.turns = PostgresTurns(connection)
        self.checks = PostgresChecks(connection)
        self.waits = PostgresWaits(connection)
        self.presence = PostgresPresence(connection)
        self.gaps = PostgresGaps(connection, new_id)
        self.lifts = PostgresLifts(connection)
        self.webhook_looks = PostgresWebhookLooks(connection)
        self.webhook_keys = PostgresWebhookKeys(connection)
        self.key_uses = PostgresKeyUses(connection)
        self.tenant_log = PostgresTenantLog(connection)
        self.rounds = PostgresDriftRounds(connection, new_id)
        self.drift_rows = PostgresDriftRows(connection)
        self.findings = PostgresFindings(connection, new_id)
        self.views = PostgresOperatorViews(connection)
        self.traffic = PostgresTraffic(connection)
        self.recoveries = PostgresRecoveries(connection)
        self.retention = PostgresRetention(connection, new_id)

    def now(self) -> datetime:
        return self._asked()[0]

    def recovering(self) -> bool:
        return self._asked()[1]

    def _asked(self) -> Row[datetime, bool]:
        if self._standing is None:
            self._standing = self._connection.execute(_STANDING).one()
        return self._standing


_STANDING = select(func.now(), HELD)


class PostgresStore:
    """READ COMMITTED: what must hold between rows is held by locks, unique indexes and compare-and-set."""

    def __init__(self, engine: Engine, new_id: NewId = new_id) -> None:
        self.engine = engine
        self._new_id = new_id

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Raises `StoreUnavailable` when the database does not answer, is too slow, or had to break a deadlock.

        `RuntimeError` when this thread has a transaction open already: two at once could wait for each other.
        """
        with alone(), in_our_words(), self.engine.begin() as connection:
            yield PostgresTransaction(connection, self._new_id)

    def ping(self) -> None:
        with in_our_words(), self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
