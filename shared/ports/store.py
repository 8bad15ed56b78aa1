"""The truth: rows in Postgres, seen as repositories inside one transaction.

    with store.begin() as tx:          # commits at the end, rolls back on any exception
        configuration = tx.configurations.get(e_id, lock=Lock.SHARE)

No transaction is open across a network call. `outside_transaction()` holds gateways to that: it fails loudly when the
calling thread has one open.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol

from shared.ports.audit import Audit
from shared.ports.checks import Checks
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
from shared.ports.suppressions import Suppressions
from shared.ports.traffic import Traffic
from shared.ports.waits import Waits
from shared.ports.webhooks import KeyUses, WebhookKeys, WebhookLooks

transaction_open: ContextVar[bool] = ContextVar("transaction_open", default=False)


def outside_transaction() -> None:
    """Called by every gateway before it reaches for the network. Raises `RuntimeError`: a fault of ours."""
    if transaction_open.get():
        raise RuntimeError("a network call was begun while a transaction is open")


@contextmanager
def alone() -> Iterator[None]:
    """Around each transaction. `RuntimeError` when this thread has one open already: two could wait for each other."""
    if transaction_open.get():
        raise RuntimeError("a transaction is begun while another one is open")
    token = transaction_open.set(True)
    try:
        yield
    finally:
        transaction_open.reset(token)


class Transaction(Protocol):
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

    def now(self) -> datetime:
        """The database's clock, aware UTC, the same throughout the transaction."""
        ...

    def recovering(self) -> bool:
        """Whether a recovery is open: then nothing is begun. Asked together with `now`, in one statement for both."""
        ...


class Store(Protocol):
    def begin(self) -> AbstractContextManager[Transaction]: ...

    def ping(self) -> None:
        """Raises when the database does not answer."""
        ...
