"""Fold a configuration's stored events into job status and suppressions.

There is no network in here, so one transaction takes a batch of events, folds them and marks them done: a crash leaves
them as they were. Events of one configuration are folded in their order of arrival, by one worker at a time.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.event import (
    EmailEvent,
    concerns_a_message,
    fold,
    suppression_fact,
    tells_of_a_message,
)
from shared.domain.job import EmailJob
from shared.domain.suppression import SuppressionState, state_of
from shared.messaging.messages import ProjectEvents
from shared.ports.doorbell import Doorbell
from shared.ports.jobs import StatusChange
from shared.ports.store import Store, Transaction
from shared.steering import finish_drain
from shared.telemetry.fault_points import fault_point
from shared.telemetry.metrics import record_projected
from shared.telemetry.tracing import Step, follow, is_followed
from workers.projection.policy import ProjectionPolicy

AUTHOR = "worker:projection"


@dataclass(frozen=True, slots=True)
class ProjectionDeps:
    store: Store
    doorbell: Doorbell
    policy: ProjectionPolicy


def project_events(configuration_id: UUID, deps: ProjectionDeps) -> None:
    for _ in range(deps.policy.batches_per_turn):
        if not project_batch(configuration_id, deps):
            # An event may have settled the last job in doubt of a configuration that is being locked.
            finish_drain(deps.store, configuration_id, author=AUTHOR)
            return
    deps.doorbell.ring(ProjectEvents(configuration_id))


def project_batch(configuration_id: UUID, deps: ProjectionDeps) -> bool:
    """False when nothing is due."""
    with deps.store.begin() as tx:
        tx.events.serialise(configuration_id)
        events = tx.events.unprojected(configuration_id, limit=deps.policy.batch_size)
        if not events:
            return False
        counts, joined = _project(tx, configuration_id, events, deps.policy)
        fault_point("project.folded")
    fault_point("project.committed")
    record_projected(configuration_id, counts)
    follow("webhook", _steps(joined))
    return True


def _steps(joined: Iterable[tuple[EmailEvent, EmailJob]]) -> Iterator[Step]:
    """Each event in the trace of its job, from its arrival until now."""
    now = time.time()
    for event, job in joined:
        if is_followed(job.trace):
            facts = {"job": str(job.e_id), "event": str(event.e_id), "kind": event.facts.kind.value}
            # Arrivals are by the database's clock, which may be ahead of ours.
            yield Step(job.trace, min(event.received_at.timestamp(), now), now, facts)


def _project(
    tx: Transaction, configuration_id: UUID, events: Sequence[EmailEvent], policy: ProjectionPolicy
) -> tuple[Counter[str], list[tuple[EmailEvent, EmailJob]]]:
    """What came of it, and each event that was folded onto a job with that job."""
    jobs = Jobs(
        tx.jobs.for_events(
            configuration_id,
            job_ids={event.facts.job_id for event in events if event.facts.job_id},
            message_ids={event.facts.message_id for event in events if event.facts.message_id},
        )
    )
    joined = {event.e_id: jobs.fold(event) for event in events}
    lost = [event for event in events if joined[event.e_id] is None and concerns_a_message(event.facts)]
    too_old = {event.e_id for event in lost if _given_up(event, tx.now(), policy)}
    waiting = {event.e_id for event in lost} - too_old
    jobs.save(tx)
    if too_old:
        tx.events.park(too_old)
    if waiting:
        tx.events.put_off(waiting, seconds=policy.retry_seconds)
    done = {e_id: job_id for e_id, job_id in joined.items() if e_id not in too_old | waiting}
    tx.events.mark_projected(done)
    suppressed = _suppress(tx, events[0].tenant_id, [_with_recipient(event, jobs) for event in events])
    counts = Counter(
        projected=len(done), waiting=len(waiting), parked=len(too_old), suppressions=suppressed, **jobs.moves
    )
    return counts, [(event, job) for event in events if (job := jobs.of(joined[event.e_id]))]


class Jobs:
    """The jobs a batch of events is about, and what becomes of them."""

    def __init__(self, jobs: Sequence[EmailJob]) -> None:
        self._before = {job.e_id: job for job in jobs}
        self._now = dict(self._before)
        self._by_message_id = {job.provider_message_id: job.e_id for job in jobs if job.provider_message_id}

    def id_of(self, event: EmailEvent) -> UUID | None:
        """By our own id in the metadata first: it is there before our own commit of the message id is."""
        if event.facts.job_id in self._now:
            return event.facts.job_id
        return self._by_message_id.get(event.facts.message_id) if event.facts.message_id else None

    def fold(self, event: EmailEvent) -> UUID | None:
        job_id = self.id_of(event)
        if job_id is None:
            return None
        job = self._now[job_id]
        if tells_of_a_message(event.facts):
            self._now[job_id] = replace(
                job,
                status=fold(job.status, event.facts),
                provider_message_id=job.provider_message_id or event.facts.message_id,
            )
        return job_id

    def of(self, job_id: UUID | None) -> EmailJob | None:
        return None if job_id is None else self._now[job_id]

    def recipient_of(self, event: EmailEvent) -> str | None:
        job_id = self.id_of(event)
        return self._now[job_id].recipient if job_id else None

    def save(self, tx: Transaction) -> None:
        changed = [now for e_id, now in self._now.items() if now != self._before[e_id]]
        if changed:
            tx.jobs.set_statuses(
                [StatusChange(job.e_id, job.status, job.provider_message_id) for job in changed]
            )

    @property
    def moves(self) -> Counter[str]:
        moved = (now.status for e_id, now in self._now.items() if now.status is not self._before[e_id].status)
        return Counter(status.value.lower() for status in moved)


def _given_up(event: EmailEvent, now: datetime, policy: ProjectionPolicy) -> bool:
    return now - event.received_at >= policy.give_up_after


def _with_recipient(event: EmailEvent, jobs: Jobs) -> EmailEvent:
    """Some real bounces name no address; their job does."""
    if event.facts.recipient is not None:
        return event
    return replace(event, facts=replace(event.facts, recipient=jobs.recipient_of(event)))


def _suppress(tx: Transaction, tenant_id: UUID, events: Sequence[EmailEvent]) -> int:
    """Decided anew from every event there is about each address, so order and repeats change nothing."""
    addresses = {
        event.facts.recipient for event in events if event.facts.recipient and suppression_fact(event)
    }
    if not addresses:
        return 0
    known = {event.e_id: event for event in [*tx.events.about(tenant_id, addresses), *events]}
    operators = tx.suppressions.operator_facts(tenant_id, addresses)
    states: dict[str, SuppressionState] = {}
    for address in addresses:
        told = [suppression_fact(event) for event in known.values() if event.facts.recipient == address]
        state = state_of([fact for fact in told if fact is not None] + operators.get(address, []))
        if state is not None:
            states[address] = state
    return tx.suppressions.apply(tenant_id, states)
