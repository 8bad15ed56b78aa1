"""Tenants whose jobs failed, and somebody who puts them back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from shared import replaying
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus, Settlement
from shared.domain.replay import Fate, Replay, ReplayState
from shared.ports.dead_letters import HandlerFault
from shared.ports.events import EventHeaders
from shared.ports.replays import ReplayResult
from shared.ports.rows import Lock
from shared.ports.store import Store
from shared.replaying import DeadLetterPorts
from tests import factories
from tests.fakes.clock import SequentialIds
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from workers.provisioning.deps import ProvisioningDeps
from workers.provisioning.policy import ProvisioningPolicy
from workers.provisioning.replaying import run_replay

EVERYTHING = DeadLetterFilter()
POLICY = ProvisioningPolicy(
    lease_seconds=180.0,
    retry_base_seconds=2.0,
    attempts_max=4,
    polling_interval_seconds=30.0,
    polling_window=timedelta(hours=24),
)


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    new_id: SequentialIds = field(default_factory=SequentialIds)
    pauses: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.configuration = self.tenant(factories.TENANT)

    def tenant(self, tenant_id: UUID) -> EmailConfiguration:
        configuration = factories.sendable(tenant_id=tenant_id)
        with self.store.begin() as tx:
            tx.configurations.add(configuration, factories.CREATED)
        return configuration

    def ports(self, store: Store | None = None) -> DeadLetterPorts:
        return DeadLetterPorts(store or self.store, self.doorbell, self.new_id)

    def fails(
        self, count: int = 1, *, code: str = "300", configuration: EmailConfiguration | None = None
    ) -> list[UUID]:
        """So many jobs, refused by the provider a second ago."""
        new = [factories.new_job(configuration or self.configuration) for _ in range(count)]
        with self.store.begin() as tx:
            tx.jobs.accept(new)
        self.refuse(code, configuration)
        return [each.job.e_id for each in new]

    def refuse(self, code: str = "300", configuration: EmailConfiguration | None = None) -> None:
        """A worker claims what is due, and the provider takes none of it."""
        claim_id = self.new_id()
        with self.store.begin() as tx:
            e_id = (configuration or self.configuration).e_id
            claim = tx.jobs.claim(e_id, claim_id=claim_id, limit=1000, lease_seconds=60)
            refused = [
                Settlement(job.e_id, JobStatus.FAILED, error_code=code, error_text="refused")
                for job in claim.jobs
            ]
            tx.jobs.record(claim_id, refused)
        self.store.advance(seconds=1)

    def parks_an_event(self) -> UUID:
        event = factories.event(self.configuration)
        with self.store.begin() as tx:
            tx.events.add(event, EventHeaders())
            tx.events.park([event.e_id])
        self.store.advance(seconds=1)
        return event.e_id

    def buries_a_message(self, actor: str = "ProvisionConfiguration") -> None:
        fault = HandlerFault(actor, self.configuration.e_id, "KeyError", "KeyError", "steps.py:7")
        with self.store.begin() as tx:
            tx.dead_letters.count_fault(fault, dead_after=1, forget_after_seconds=60)
        self.store.advance(seconds=1)

    def change(self, **fields: Any) -> None:
        with self.store.begin() as tx:
            held = tx.configurations.get(self.configuration.e_id, lock=Lock.UPDATE)
            assert held is not None
            tx.configurations.save(replace(held, **fields), factories.CREATED)

    def ask(
        self,
        wanted: DeadLetterFilter = EVERYTHING,
        *,
        store: Store | None = None,
        reason: str = "the template is mended",
        per_second: float = 10.0,
        begins_in_seconds: float = 0.0,
    ) -> Replay:
        return replaying.ask(
            self.ports(store),
            wanted,
            author="olga",
            reason=reason,
            per_second=per_second,
            begins_in_seconds=begins_in_seconds,
        )

    def deps(self, store: Store | None = None, **policy: Any) -> ProvisioningDeps:
        """A worker that puts letters back, and has nothing else."""
        nobody = cast("Any", None)
        return ProvisioningDeps(
            store=store or self.store,
            mail=nobody,
            zone=nobody,
            cipher=nobody,
            doorbell=self.doorbell,
            new_id=self.new_id,
            policy=replace(POLICY, **policy),
            pause=self.pause,
            webhook_url="https://mail.example.com",
            webhook_bearer="the-api-key",
            monotonic=lambda: self.store.clock.now().timestamp(),
        )

    def pause(self, seconds: float) -> None:
        """As a worker's: a second at the most. Whatever `meanwhile` holds happens in it."""
        self.pauses.append(min(seconds, 1.0))
        # A clock of microseconds would stand still for less.
        self.store.advance(seconds=max(self.pauses[-1], 0.001))
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def work(self, replay: Replay, store: Store | None = None, **policy: Any) -> Replay:
        """As one message to a worker."""
        run_replay(replay.e_id, self.deps(store, **policy))
        return self.held(replay)

    def held(self, replay: Replay) -> Replay:
        return self.store._state.replays[replay.e_id].replay

    def results(self, replay: Replay) -> list[ReplayResult]:
        with self.store.begin() as tx:
            return tx.replays.results(replay.e_id, after=None, limit=10_000)

    def replay(self, wanted: DeadLetterFilter = EVERYTHING, **asked: Any) -> list[Fate]:
        """Asked for and carried out; what became of each letter."""
        replay = self.work(self.ask(wanted, **{"per_second": 1000.0, **asked}))
        assert replay.state is ReplayState.DONE
        return [one.fate for one in self.results(replay)]

    def discard(self, wanted: DeadLetterFilter = EVERYTHING) -> list[UUID]:
        found = replaying.discard(
            self.ports(), wanted, author="olga", reason="nobody misses them", stop=lambda: False
        )
        return [letter.subject_id for letter in found]

    def statuses(self, jobs: list[UUID]) -> list[JobStatus]:
        return [self.store._state.jobs[e_id].status for e_id in jobs]

    def open(self) -> int:
        return sum(replaying.count(self.ports(), EVERYTHING).values())
