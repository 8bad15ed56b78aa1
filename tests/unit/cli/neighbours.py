"""What commands look at beside the container's ports, as a test likes it to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from shared.domain.errors import StoreUnavailable
from shared.messaging import queues
from shared.ports.broker import BrokerSeen, QueueDepth
from shared.ports.database import DatabaseSeen, Lead
from tests.fakes.clock import FixedClock

HEAD = "0006"


@dataclass
class FakeBroker:
    """Implements `ports.broker.QueueDepths` and `ports.broker.BrokerLook`."""

    down: bool = False
    waiting: dict[str, QueueDepth] = field(default_factory=dict)
    seen: BrokerSeen = field(
        default_factory=lambda: BrokerSeen(
            version="9.1.0", eviction="noeviction", append_only=True, used_bytes=10, max_bytes=100
        )
    )

    def depths(self) -> Mapping[str, QueueDepth] | None:
        return None if self.down else {name: self.waiting.get(name, QueueDepth(0, 0)) for name in queues.ALL}

    def look(self) -> BrokerSeen | str:
        return "ConnectionError" if self.down else self.seen


class FakeDatabase:
    """Implements `ports.database.DatabaseLook`. `ahead`: its clock, of the one that the store has."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self.down = False
        self.ahead = timedelta()
        self.silent = timedelta(seconds=1)
        self.seen = DatabaseSeen(
            version="18.0",
            now=clock.now(),
            revision=HEAD,
            head=HEAD,
            revision_known=True,
            lead=Lead(clock.now(), clock.now(), "10.0.0.7"),
        )

    def look(self) -> DatabaseSeen:
        if self.down:
            raise StoreUnavailable("down, because the test says so")
        now = self._clock.now() + self.ahead
        lead = self.seen.lead
        heard = None if lead is None else replace(lead, heard_at=now - self.silent)
        return replace(self.seen, now=now, lead=heard)
