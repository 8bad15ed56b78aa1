"""What the provider says that it posted, beside what is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bench.faults.rehearsal import Rehearsal
from sandbox.client import Json

# Of the simulator's clock: its longest pause between two attempts, and a little.
LONGEST_PAUSE_SECONDS = 901.0
DRAIN_ROUNDS = 40


@dataclass(frozen=True)
class Event:
    """With the answers it got; `outcome` is the last: delivered, retry, exhausted or dropped."""

    event_id: str
    trigger: str
    message_id: str | None
    answers: Sequence[int | None]
    outcome: str


@dataclass
class Posted:
    """Since a moment. `stored`: by event id, how many rows; of an event that was caught up there is none."""

    events: Sequence[Event]
    stored: Mapping[str, int]
    # What there is of each message, by kind, in whatever way it came.
    told: Mapping[tuple[str | None, str], int]
    worse: frozenset[str]
    answers: Counter[str] = field(default_factory=Counter)

    def with_outcome(self, outcome: str) -> list[Event]:
        return [event for event in self.events if event.outcome == outcome]

    @property
    def doubled(self) -> list[Event]:
        return [
            event
            for event in self.events
            if self.stored.get(event.event_id, 0) > 1
            or (
                event.trigger != "SubscriptionChange"
                and self.told.get((event.message_id, event.trigger), 0) > 1
            )
        ]

    @property
    def missing(self) -> list[Event]:
        return [event for event in self.events if not self._is_here(event)]

    def _is_here(self, event: Event) -> bool:
        """By its own id, or in the words of a list. A delivery adds nothing to a job that has come to worse."""
        if self.stored.get(event.event_id) or self.told.get((event.message_id, event.trigger)):
            return True
        return event.trigger == "Delivery" and event.message_id in self.worse


class Clerk:
    """Notes what the provider posts from now on."""

    def __init__(self, run: Rehearsal) -> None:
        self._run = run
        self.begun_at: datetime = run.world.database.ask("SELECT clock_timestamp()")[0][0]
        self._since = int(run.world.simulator.counts()["attempts"])

    def drain(self) -> None:
        """Until every event is delivered, dropped or given up: waits of the provider's are cut short on its clock."""
        for _ in range(DRAIN_ROUNDS):
            left = int(self._run.world.simulator.counts()["deliveries"])
            if not left:
                return
            self._run.tell(f"{left} events on their way")
            self._run.world.simulator.advance(LONGEST_PAUSE_SECONDS, settle=True)
        self._run.require(False, f"{left} events are still on their way")

    def posted(self) -> Posted:
        events = _events(self._run.world.simulator.attempts(self._since))
        ask = self._run.world.database.ask
        return Posted(
            events=events,
            stored=dict(
                ask(
                    "SELECT headers->>'event_id', count(*) FROM email_event WHERE received_at >= %s"
                    " AND headers ? 'event_id' GROUP BY 1",
                    self.begun_at,
                )
            ),
            told=self._told(),
            worse=frozenset(
                message_id
                for (message_id,) in ask(
                    "SELECT provider_message_id FROM email_job WHERE updated_at >= %s"
                    " AND status IN ('BOUNCED', 'COMPLAINED', 'INCONSISTENT')",
                    self.begun_at,
                )
            ),
            answers=Counter(str(answer) for event in events for answer in event.answers),
        )

    def _told(self) -> dict[tuple[str | None, str], int]:
        """A change of the list that was caught up names no message: by the recipient of the message's job."""
        counts: Counter[tuple[str | None, str]] = Counter()
        for message_id, kind, count in self._run.world.database.ask(
            "SELECT coalesce(event.message_id, job.provider_message_id), event.kind, count(*)"
            "  FROM email_event event LEFT JOIN email_job job"
            "    ON event.message_id IS NULL AND job.tenant_id = event.tenant_id"
            "   AND job.recipient = event.recipient AND job.accepted_at >= %s"
            " WHERE event.received_at >= %s GROUP BY 1, 2",
            self.begun_at,
            self.begun_at,
        ):
            counts[message_id, kind] += count
        return counts


def _events(attempts: Sequence[Json]) -> list[Event]:
    by_id: dict[str, list[Json]] = {}
    for attempt in attempts:
        by_id.setdefault(attempt["event_id"], []).append(attempt)
    return [
        Event(
            event_id=event_id,
            trigger=mine[0]["trigger"],
            message_id=mine[0]["message_id"],
            answers=tuple(attempt["status"] for attempt in mine),
            outcome=mine[-1]["outcome"],
        )
        for event_id, mine in by_id.items()
    ]
