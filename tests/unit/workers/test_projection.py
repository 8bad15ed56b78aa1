"""Folding stored events into job status and suppressions."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.job import EmailJob, JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.suppression import SuppressionEntry, SuppressionReason
from shared.messaging.messages import ProjectEvents
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from shared.ports.jobs import NewJob
from tests import factories
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.workers.breaker import Breaker, BreakingStore, Death
from workers.projection.handler import ProjectionDeps, project_events
from workers.projection.policy import ProjectionPolicy

POLICY = ProjectionPolicy(
    batch_size=5, retry_seconds=60.0, give_up_after=timedelta(hours=24), batches_per_turn=3
)
PERSON = "person@example.com"
SENT, DELIVERED, BOUNCED, COMPLAINED = (
    JobStatus.SENT,
    JobStatus.DELIVERED,
    JobStatus.BOUNCED,
    JobStatus.COMPLAINED,
)


def delivery(**given: Any) -> EventFacts:
    return factories.facts(EventKind.DELIVERY, **given)


def hard_bounce(**given: Any) -> EventFacts:
    return factories.facts(EventKind.BOUNCE, hard_bounce=True, **given)


def complaint(**given: Any) -> EventFacts:
    return factories.facts(EventKind.SPAM_COMPLAINT, **given)


def change(*, suppresses: bool, **given: Any) -> EventFacts:
    return factories.facts(EventKind.SUBSCRIPTION_CHANGE, suppresses=suppresses, **given)


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    breaker: Breaker = field(default_factory=Breaker)
    configuration: EmailConfiguration = field(default_factory=factories.sendable)

    def __post_init__(self) -> None:
        with self.store.begin() as tx:
            tx.configurations.add(self.configuration, factories.CREATED)

    def add_job(self, status: JobStatus = SENT, **given: Any) -> EmailJob:
        waiting = status in {JobStatus.QUEUED, JobStatus.IN_DOUBT}
        held = {
            "status": status,
            "due_at": MONDAY_MORNING + timedelta(minutes=5) if waiting else None,
            "claim_id": new_id(),
            "lease_until": MONDAY_MORNING + timedelta(minutes=2) if status is JobStatus.SENDING else None,
            "in_doubt_since": MONDAY_MORNING if status is JobStatus.IN_DOUBT else None,
            "provider_message_id": None if waiting or status is JobStatus.SENDING else "m-1",
        }
        job = factories.job(self.configuration, **{**held, **given})
        with self.store.begin() as tx:
            tx.jobs.accept([NewJob(job, factories.content())])
        return job

    def tell(self, *told: EventFacts, **given: Any) -> list[UUID]:
        """Events as the ingress stores them."""
        return self.receive(
            *(
                factories.event(self.configuration, facts, **{"received_at": self.store.clock.now(), **given})
                for facts in told
            )
        )

    def receive(self, *events: EmailEvent) -> list[UUID]:
        with self.store.begin() as tx:
            for event in events:
                tx.events.add(event, EventHeaders())
        return [event.e_id for event in events]

    @property
    def deps(self) -> ProjectionDeps:
        return ProjectionDeps(BreakingStore(self.store, self.breaker), self.doorbell, POLICY)

    def project(self) -> None:
        project_events(self.configuration.e_id, self.deps)

    def status(self, job: EmailJob) -> JobStatus:
        return self.job(job).status

    def job(self, job: EmailJob) -> EmailJob:
        with self.store.begin() as tx:
            found = tx.jobs.get(factories.TENANT, job.e_id)
        assert found is not None
        return found

    def event(self, e_id: UUID) -> EmailEvent:
        return self.store._state.events[e_id].event

    def is_pending(self, e_id: UUID) -> bool:
        return self.store._state.events[e_id].due_at is not None

    def entries(self) -> list[SuppressionEntry]:
        return list(self.store._state.entries.values())

    def active(self, address: str = PERSON, tenant_id: UUID = factories.TENANT) -> SuppressionEntry | None:
        with self.store.begin() as tx:
            return tx.suppressions.active_among(tenant_id, [address]).get(address)


@pytest.fixture
def world() -> World:
    return World()


# --- status --------------------------------------------------------------------


def test_a_delivery_is_joined_by_message_id_and_the_job_is_delivered(world: World) -> None:
    job = world.add_job()
    (e_id,) = world.tell(delivery(message_id="m-1"))
    world.project()
    assert world.status(job) is DELIVERED
    assert (world.event(e_id).job_id, world.event(e_id).projected_at) == (job.e_id, world.store.clock.now())


def test_a_hard_bounce_after_delivery_bounces_and_suppresses_the_address(world: World) -> None:
    job = world.add_job(DELIVERED)
    (e_id,) = world.tell(hard_bounce(message_id="m-1"))
    world.project()
    entry = world.active()
    assert world.status(job) is BOUNCED
    assert entry is not None
    assert (entry.reason, entry.source_event_id) == (SuppressionReason.HARD_BOUNCE, e_id)
    assert entry.since == factories.LONG_AGO


def test_a_hard_bounce_and_its_subscription_change_are_one_entry(world: World) -> None:
    world.add_job()
    world.tell(hard_bounce(message_id="m-1"))
    world.project()
    world.tell(change(suppresses=True, suppression_reason=SuppressionReason.HARD_BOUNCE, message_id="m-1"))
    world.project()
    (entry,) = world.entries()
    assert (entry.active, entry.reason) == (True, SuppressionReason.HARD_BOUNCE)


def test_a_complaint_complains_and_suppresses(world: World) -> None:
    job = world.add_job(DELIVERED)
    world.tell(complaint(message_id="m-1"))
    world.project()
    entry = world.active()
    assert world.status(job) is COMPLAINED
    assert entry is not None
    assert entry.reason is SuppressionReason.SPAM_COMPLAINT


def test_a_soft_bounce_an_open_and_a_click_are_recorded_only(world: World) -> None:
    job = world.add_job()
    events = world.tell(
        factories.facts(EventKind.BOUNCE, message_id="m-1"),
        factories.facts(EventKind.OPEN, message_id="m-1"),
        factories.facts(EventKind.CLICK, message_id="m-1"),
    )
    world.project()
    assert world.status(job) is SENT
    assert {world.event(e_id).job_id for e_id in events} == {job.e_id}
    assert not world.entries()


def test_a_less_concerning_event_makes_a_job_inconsistent(world: World) -> None:
    job = world.add_job(BOUNCED)
    world.tell(delivery(message_id="m-1"))
    world.project()
    assert world.status(job) is JobStatus.INCONSISTENT


def test_several_events_of_one_batch_are_folded_in_their_order_of_arrival(world: World) -> None:
    job = world.add_job()
    now = world.store.clock.now()
    world.receive(
        factories.event(
            world.configuration, complaint(message_id="m-1"), received_at=now + timedelta(seconds=2)
        ),
        factories.event(
            world.configuration, delivery(message_id="m-1"), received_at=now + timedelta(seconds=1)
        ),
    )
    world.project()
    assert world.status(job) is COMPLAINED


@pytest.mark.parametrize("status", [JobStatus.SENDING, JobStatus.IN_DOUBT, JobStatus.QUEUED])
def test_an_event_ahead_of_our_own_commit_is_joined_by_the_job_id(world: World, status: JobStatus) -> None:
    job = world.add_job(status)
    world.tell(delivery(message_id="m-9", job_id=job.e_id))
    world.project()
    after = world.job(job)
    assert (after.status, after.provider_message_id) == (DELIVERED, "m-9")
    assert (after.due_at, after.lease_until, after.in_doubt_since) == (None, None, None)


@pytest.mark.parametrize("status", [JobStatus.SENDING, JobStatus.IN_DOUBT, JobStatus.QUEUED])
@pytest.mark.parametrize("kind", [EventKind.TEST, EventKind.OTHER])
def test_test_posts_and_unknown_types_do_not_touch_a_job(
    world: World, kind: EventKind, status: JobStatus
) -> None:
    job = world.add_job(status)
    (e_id,) = world.tell(factories.facts(kind, message_id="m-9", job_id=job.e_id))
    world.project()
    assert world.job(job) == job
    assert not world.is_pending(e_id)


def test_a_claim_whose_event_was_quicker_cannot_be_recorded_over_it(world: World) -> None:
    job = world.add_job(JobStatus.SENDING)
    world.tell(complaint(message_id="m-9", job_id=job.e_id))
    world.project()
    with world.store.begin() as tx:
        assert job.claim_id is not None
        assert tx.jobs.doubt_expired_leases(look_in_seconds=0, limit=10) == []
    assert world.status(job) is COMPLAINED


def test_an_event_of_another_configurations_job_is_not_joined(world: World) -> None:
    other = World(store=world.store, configuration=factories.sendable(tenant_id=factories.OTHER_TENANT))
    job = other.add_job(SENT)
    (e_id,) = world.tell(complaint(message_id="m-1", job_id=job.e_id))
    world.project()
    assert other.store._state.jobs[job.e_id].status is SENT
    assert world.event(e_id).job_id is None
    assert world.active(tenant_id=factories.OTHER_TENANT) is None


# --- waiting -------------------------------------------------------------------


def test_an_event_whose_job_is_unknown_waits_and_is_joined_later(world: World) -> None:
    (e_id,) = world.tell(delivery(message_id="m-1"))
    world.project()
    assert world.is_pending(e_id)
    job = world.add_job()
    world.project()
    assert world.status(job) is SENT, "not before it is due again"
    world.store.advance(seconds=POLICY.retry_seconds)
    world.project()
    assert world.status(job) is DELIVERED


def test_an_event_whose_job_never_comes_is_parked_after_a_day_and_not_before(world: World) -> None:
    (e_id,) = world.tell(delivery(message_id="m-1"))
    world.project()
    world.store.advance(timedelta(hours=24) - timedelta(microseconds=1))
    world.project()
    assert world.is_pending(e_id)
    world.store.advance(seconds=POLICY.retry_seconds)
    world.project()
    assert not world.is_pending(e_id)
    assert world.event(e_id).projected_at is None


def test_a_hard_bounce_suppresses_even_while_its_job_is_unknown(world: World) -> None:
    world.tell(hard_bounce(message_id="m-1"))
    world.project()
    assert world.active() is not None


def test_an_event_without_a_job_to_wait_for_is_done_at_once(world: World) -> None:
    (e_id,) = world.tell(change(suppresses=True, message_id=None))
    world.project()
    assert not world.is_pending(e_id)
    assert world.active() is not None


# --- suppression -----------------------------------------------------------------


def test_a_bounce_that_names_no_address_suppresses_its_jobs(world: World) -> None:
    world.add_job(recipient=PERSON)
    world.tell(hard_bounce(message_id="m-1", recipient=None))
    world.project()
    assert world.active() is not None


def test_a_bounce_that_names_no_address_and_has_no_job_suppresses_nobody(world: World) -> None:
    world.tell(hard_bounce(message_id="m-1", recipient=None))
    world.project()
    assert not world.entries()


def test_a_subscription_change_lifts_and_keeps_the_row(world: World) -> None:
    world.tell(hard_bounce(message_id=None))
    world.project()
    lifted_at = factories.later(hours=1)
    world.tell(change(suppresses=False, message_id=None, occurred_at=lifted_at))
    world.project()
    (entry,) = world.entries()
    assert (entry.active, entry.reason, entry.lifted_at) == (False, SuppressionReason.HARD_BOUNCE, lifted_at)


def test_a_complaint_is_not_lifted(world: World) -> None:
    world.tell(complaint(message_id=None))
    world.tell(change(suppresses=False, message_id=None, occurred_at=factories.later(hours=1)))
    world.project()
    assert world.active() is not None


def test_a_late_old_bounce_does_not_undo_an_operators_lift(world: World) -> None:
    with world.store.begin() as tx:
        entry = tx.suppressions.add(factories.suppression(address=PERSON))
        tx.suppressions.lift(entry, author="operator@example.com", note="asked by the person")
    world.tell(hard_bounce(message_id=None))
    world.project()
    assert world.active() is None


def test_a_bounce_after_an_operators_lift_suppresses_again(world: World) -> None:
    with world.store.begin() as tx:
        entry = tx.suppressions.add(factories.suppression(address=PERSON))
        tx.suppressions.lift(entry, author="operator@example.com", note=None)
    world.store.advance(seconds=1)
    world.tell(hard_bounce(message_id=None, occurred_at=world.store.clock.now()))
    world.project()
    again = world.active()
    assert again is not None
    assert again.reason is SuppressionReason.HARD_BOUNCE


def test_an_event_of_one_tenant_says_nothing_of_the_same_address_for_another(world: World) -> None:
    world.tell(complaint(message_id=None))
    world.project()
    assert world.active() is not None
    assert world.active(tenant_id=factories.OTHER_TENANT) is None


ADDRESSES = ("a@example.com", "b@example.com")
BEARING = st.builds(
    lambda make, hour, address: make(
        message_id=None, occurred_at=factories.later(hours=hour), recipient=address
    ),
    st.sampled_from(
        [
            hard_bounce,
            hard_bounce,
            complaint,
            lambda **given: change(suppresses=True, **given),
            lambda **given: change(suppresses=False, **given),
        ]
    ),
    st.integers(0, 5),
    st.sampled_from(ADDRESSES),
)
Rows = set[tuple[object, ...]]


def rows_after(events: list[EmailEvent], *, batches_of: int, configuration: EmailConfiguration) -> Rows:
    world = World(configuration=configuration)
    for start in range(0, len(events), batches_of):
        world.receive(*events[start : start + batches_of])
        world.project()
    return {
        (one.address, one.active, one.reason, one.since, one.lifted_at, one.source_event_id)
        for one in world.entries()
    }


@given(
    st.lists(BEARING, min_size=1, max_size=7),
    st.randoms(use_true_random=False),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_suppressions_are_a_function_of_the_set_of_events(
    told: list[EventFacts], random: Random, batches_of: int, other_batches_of: int
) -> None:
    configuration = factories.sendable()
    events = [factories.event(configuration, facts, received_at=MONDAY_MORNING) for facts in told]
    repeated = events + [replace(event, e_id=new_id()) for event in random.choices(events, k=2)]
    shuffled = random.sample(events, k=len(events)) + repeated[len(events) :]
    once = rows_after(events, batches_of=batches_of, configuration=configuration)
    assert rows_after(shuffled, batches_of=other_batches_of, configuration=configuration) == once


# --- turns, drains, deaths ---------------------------------------------------------


def test_a_turn_is_a_few_batches_and_then_others_get_theirs(world: World) -> None:
    events = world.tell(*(delivery(message_id=None) for _ in range(16)))
    world.project()
    assert len([e_id for e_id in events if world.is_pending(e_id)]) == 1
    assert world.doorbell.rung == [ProjectEvents(world.configuration.e_id)]
    world.project()
    assert not [e_id for e_id in events if world.is_pending(e_id)]


def test_an_event_that_settles_the_last_doubt_ends_a_drain() -> None:
    world = World(configuration=factories.sendable(administrative=Administrative.LOCKING))
    job = world.add_job(JobStatus.IN_DOUBT)
    world.tell(delivery(message_id="m-9", job_id=job.e_id))
    world.project()
    with world.store.begin() as tx:
        now = tx.configurations.get(world.configuration.e_id)
    assert now is not None
    assert now.administrative is Administrative.LOCKED


def test_a_worker_that_dies_at_any_moment_leaves_the_same_rows() -> None:
    for dies_at in range(2):
        world = World(breaker=Breaker(dies_at))
        job = world.add_job(DELIVERED)
        world.tell(hard_bounce(message_id="m-1"))
        with pytest.raises(Death):
            world.project()
        world.breaker = Breaker()
        world.project()
        assert world.status(job) is BOUNCED
        assert len(world.entries()) == 1
