"""Tenants whose jobs failed, and somebody who puts them back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from shared import replaying
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter
from shared.domain.job import JobStatus, Settlement
from shared.ports.dead_letters import HandlerFault
from shared.ports.events import EventHeaders
from shared.ports.rows import Lock
from shared.ports.store import Store
from shared.replaying import DeadLetterPorts, Replayed
from tests import factories
from tests.fakes.clock import SequentialIds
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore

EVERYTHING = DeadLetterFilter()


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    new_id: SequentialIds = field(default_factory=SequentialIds)
    pauses: list[float] = field(default_factory=list)

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

    def replay(
        self,
        wanted: DeadLetterFilter = EVERYTHING,
        *,
        store: Store | None = None,
        reason: str = "the template is mended",
        per_second: float = 10.0,
        stop: Callable[[], bool] = lambda: False,
        actor: str | None = None,
    ) -> Iterator[Replayed]:
        return replaying.replay(
            self.ports(store),
            wanted,
            author="olga",
            reason=reason,
            per_second=per_second,
            pause=self.pauses.append,
            stop=stop,
            actor=actor,
        )

    def discard(self, wanted: DeadLetterFilter = EVERYTHING) -> list[UUID]:
        found = replaying.discard(
            self.ports(), wanted, author="olga", reason="nobody misses them", stop=lambda: False
        )
        return [letter.subject_id for letter in found]

    def statuses(self, jobs: list[UUID]) -> list[JobStatus]:
        return [self.store._state.jobs[e_id].status for e_id in jobs]

    def open(self) -> int:
        return sum(replaying.count(self.ports(), EVERYTHING).values())
