"""The simulator's parts, for the functions that answer calls."""

import random
from dataclasses import dataclass, field
from typing import Any

from sandbox.postmark.clock import Clock, Timetable
from sandbox.postmark.delivery import Dispatcher
from sandbox.postmark.dns import TableZone, Zone
from sandbox.postmark.faults import Faults
from sandbox.postmark.ledger import AppendLog, Ledger
from sandbox.postmark.settings import Settings
from sandbox.postmark.state import State
from sandbox.postmark.store import Store


@dataclass
class World:
    store: Store
    state: State
    settings: Settings
    clock: Clock
    timetable: Timetable
    faults: Faults
    ledger: Ledger
    attempts: AppendLog
    dispatcher: Dispatcher
    dns_table: TableZone
    zone: Zone
    rng: random.Random
    account_token: str = field(repr=False)

    def counts(self) -> dict[str, Any]:
        state = self.state
        return {
            "servers": len(state.servers),
            "domains": len(state.domains),
            "signatures": len(state.signatures),
            "webhooks": len(state.webhooks),
            "messages": len(state.messages),
            "bounces": len(state.bounces),
            "suppressions": len(state.suppressions),
            "deliveries": len(state.deliveries),
            "attempts": len(self.attempts.entries),
            "scheduled": self.timetable.waiting,
            "dispatcher_idle": self.dispatcher.is_idle,
            "accepted": self.ledger.last_seq,
        }
