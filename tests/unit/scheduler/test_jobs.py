"""What each tick finds, and whom it rings."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from scheduler import jobs
from scheduler.jobs import SchedulerDeps
from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetterFilter, Subject
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.recovery import Recovery
from shared.domain.replay import Replay
from shared.messaging.messages import (
    CatchUpEvents,
    CheckWebhook,
    LiftSuppressions,
    Message,
    ProjectEvents,
    ProvisionConfiguration,
    RemoveConfiguration,
    ResealToken,
    ResolveDoubts,
    RunReplay,
    SendJobs,
    VerifyConfiguration,
)
from shared.persistence.ids import new_id
from shared.ports.events import EventHeaders
from shared.ports.waits import Waiting
from shared.telemetry.exposition import OF_THE_LEADER
from tests import factories
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.key_material import FakeCipher
from tests.fakes.store import MemoryStore

SENDING = {
    "status": JobStatus.SENDING,
    "due_at": None,
    "claim_id": UUID(int=1),
    "lease_until": MONDAY_MORNING,
}
INCONSISTENT = {"status": JobStatus.INCONSISTENT, "due_at": None}
IN_DOUBT = {"status": JobStatus.IN_DOUBT, "claim_id": UUID(int=1), "in_doubt_since": MONDAY_MORNING}


@dataclass
class World:
    store: MemoryStore = field(default_factory=MemoryStore)
    doorbell: RecordingDoorbell = field(default_factory=RecordingDoorbell)
    keys: FakeCipher = field(default_factory=FakeCipher)

    @property
    def deps(self) -> SchedulerDeps:
        return SchedulerDeps(self.store, self.doorbell, limit=3, look_in_seconds=0, keys=self.keys)

    def add(self, configuration: EmailConfiguration) -> UUID:
        with self.store.begin() as tx:
            tx.configurations.add(configuration, factories.CREATED)
        return configuration.e_id

    def add_sendable(self, *, jobs: int = 1, job: dict[str, Any] | None = None, **given: Any) -> UUID:
        """One tenant each: only one configuration of a tenant may send."""
        configuration = factories.sendable(**{"tenant_id": factories.new_job().job.e_id, **given})
        self.add(configuration)
        with self.store.begin() as tx:
            tx.jobs.accept([factories.new_job(configuration, **(job or {})) for _ in range(jobs)])
        return configuration.e_id

    def configuration(self, e_id: UUID) -> EmailConfiguration:
        with self.store.begin() as tx:
            found = tx.configurations.get(e_id)
        assert found is not None
        return found

    def rung(self) -> list[tuple[type[Message], UUID]]:
        return [(type(message), message.id) for message in self.doorbell.rung]  # type: ignore[misc]


@pytest.fixture
def world() -> World:
    return World()


def test_due_jobs_ring_once_for_their_configuration(world: World) -> None:
    e_id = world.add_sendable(jobs=5)
    world.add_sendable(job={"due_at": MONDAY_MORNING + timedelta(seconds=1)})
    world.add_sendable(administrative=Administrative.LOCKED)
    world.add_sendable(operational=Operational.FAILURE)
    jobs.due_sends(world.deps)
    assert world.rung() == [(SendJobs, e_id)]


def test_a_configuration_that_drains_is_rung_for_too(world: World) -> None:
    e_id = world.add_sendable(administrative=Administrative.LOCKING)
    jobs.due_sends(world.deps)
    assert world.rung() == [(SendJobs, e_id)]


def test_a_sweep_rings_for_a_bounded_number_the_longest_waiting_first(world: World) -> None:
    waiting = [
        world.add_sendable(job={"due_at": MONDAY_MORNING - timedelta(seconds=age)}) for age in (1, 4, 2, 3)
    ]
    jobs.due_sends(world.deps)
    assert [e_id for _, e_id in world.rung()] == [waiting[1], waiting[3], waiting[2]]


def test_events_that_nobody_projected_are_rung_for(world: World) -> None:
    configuration = factories.sendable()
    world.add(configuration)
    with world.store.begin() as tx:
        tx.events.add(factories.event(configuration), EventHeaders())
    jobs.due_events(world.deps)
    assert world.rung() == [(ProjectEvents, configuration.e_id)]


def test_due_verifications_are_rung_for(world: World) -> None:
    def awaiting(due_in_seconds: float) -> UUID:
        due_at = MONDAY_MORNING + timedelta(seconds=due_in_seconds)
        return world.add(
            factories.configuration(operational=Operational.AWAITING_VERIFICATION, verification_due_at=due_at)
        )

    due = awaiting(0)
    awaiting(1)
    jobs.due_verifications(world.deps)
    assert world.rung() == [(VerifyConfiguration, due)]


def test_claims_past_their_lease_are_in_doubt_and_rung_for_by_the_next_look(world: World) -> None:
    e_id = world.add_sendable(job=SENDING)
    world.add_sendable(job={**SENDING, "lease_until": MONDAY_MORNING + timedelta(seconds=1)})
    jobs.stale_sends(world.deps)
    assert not world.doorbell.rung
    jobs.due_doubts(world.deps)
    assert world.rung() == [(ResolveDoubts, e_id)]


def test_provisioning_and_removal_that_nobody_holds_are_rung_for(world: World) -> None:
    stalled = world.add(factories.configuration(operational=Operational.PROVISIONING))
    held = world.add(factories.configuration(operational=Operational.PROVISIONING))
    leaving = world.add(factories.configuration(retired_at=factories.LONG_AGO))
    world.add(factories.configuration(retired_at=factories.LONG_AGO, cleaned_up_at=factories.LONG_AGO))
    with world.store.begin() as tx:
        tx.configurations.take_lease(held, token=UUID(int=1), lease_seconds=60)
    jobs.stalled_provisioning(world.deps)
    jobs.stalled_removals(world.deps)
    assert world.rung() == [(ProvisionConfiguration, stalled), (RemoveConfiguration, leaving)]
    world.store.advance(seconds=60)
    jobs.stalled_provisioning(world.deps)
    assert (ProvisionConfiguration, held) in world.rung()


@pytest.mark.parametrize("in_flight", [SENDING, IN_DOUBT, {}])
def test_a_drain_is_finished_when_nothing_is_in_flight_and_not_before(
    world: World, in_flight: dict[str, Any]
) -> None:
    done = world.add_sendable(jobs=0, administrative=Administrative.LOCKING)
    busy = world.add_sendable(job=in_flight, administrative=Administrative.LOCKING)
    jobs.finished_drains(world.deps)
    assert world.configuration(done).administrative is Administrative.LOCKED
    assert world.configuration(busy).administrative is Administrative.LOCKING


def test_reconciliation_finds_everything_that_was_left_behind(world: World) -> None:
    sending = world.add_sendable(job=SENDING)
    stalled = world.add(factories.configuration(operational=Operational.PROVISIONING))
    leaving = world.add(factories.configuration(retired_at=factories.LONG_AGO))
    drained = world.add_sendable(jobs=0, administrative=Administrative.LOCKING)
    jobs.reconcile(world.deps)
    assert set(world.rung()) == {
        (ResolveDoubts, sending),
        (ProvisionConfiguration, stalled),
        (RemoveConfiguration, leaving),
        (CheckWebhook, sending),
        (CheckWebhook, drained),
    }
    assert world.configuration(drained).administrative is Administrative.LOCKED


def test_a_gap_that_nobody_works_on_and_addresses_to_be_lifted_are_rung_for(world: World) -> None:
    made = factories.sendable()
    e_id = world.add(replace(made, provisioned=replace(made.provisioned, server_id=1, webhook_id=7)))
    with world.store.begin() as tx:
        tx.gaps.open(MONDAY_MORNING, MONDAY_MORNING, cause="away", author="test")
        tx.lifts.want(factories.TENANT, ["person@example.com"])
    jobs.open_gaps(world.deps)
    jobs.due_lifts(world.deps)
    assert world.rung() == [(CatchUpEvents, e_id), (LiftSuppressions, e_id)]


@pytest.mark.parametrize("job", [jobs.due_sends, jobs.due_events, jobs.due_verifications, jobs.reconcile])
def test_a_tick_with_nothing_to_do_rings_for_nobody(
    world: World, job: Callable[[SchedulerDeps], None]
) -> None:
    job(world.deps)
    assert not world.doorbell.rung


def test_a_replay_whose_time_has_come_and_that_nobody_carries_out_is_rung_for(world: World) -> None:
    def asked(in_seconds: float) -> UUID:
        replay = Replay(
            e_id=factories.new_job().job.e_id,
            wanted=DeadLetterFilter(raised_until=MONDAY_MORNING),
            per_second=10.0,
            author="olga",
            reason="the template is mended",
            created_at=MONDAY_MORNING,
            begins_at=MONDAY_MORNING + timedelta(seconds=in_seconds),
            found=1,
        )
        with world.store.begin() as tx:
            tx.replays.add(replay)
        return replay.e_id

    due, held, _ = asked(0), asked(0), asked(60)
    with world.store.begin() as tx:
        assert tx.replays.take(held, lease_seconds=30) is not None
    jobs.due_replays(world.deps)
    assert world.rung() == [(RunReplay, due)]
    world.store.advance(seconds=30)
    world.doorbell.rung.clear()
    jobs.due_replays(world.deps)
    assert {e_id for _, e_id in world.rung()} == {due, held}


def test_a_tick_while_the_broker_is_away_changes_no_row(world: World) -> None:
    e_id = world.add_sendable()
    world.doorbell.down = True
    jobs.due_sends(world.deps)
    world.doorbell.down = False
    jobs.due_sends(world.deps)
    assert world.rung() == [(SendJobs, e_id)]


def test_nobody_is_rung_for_a_retired_configuration_that_still_has_a_check_due(world: World) -> None:
    gone = factories.configuration(
        operational=Operational.AWAITING_VERIFICATION, verification_due_at=MONDAY_MORNING
    )
    world.add(replace(gone, retired_at=MONDAY_MORNING))
    jobs.due_verifications(world.deps)
    assert not world.doorbell.rung


def test_each_state_tells_how_long_its_oldest_has_waited_and_zero_when_none_does(world: World) -> None:
    world.add(factories.configuration(operational=Operational.PROVISIONING, operational_since=MONDAY_MORNING))
    world.store.advance(seconds=420)
    jobs.tell_waits(world.deps)
    waited = {
        state: OF_THE_LEADER.get_sample_value("email_oldest_wait_seconds", {"state": state})
        for state in Waiting
    }
    assert waited == {state: 420.0 if state is Waiting.PROVISIONING else 0.0 for state in Waiting}


def told(name: str, **labels: str) -> float | None:
    return OF_THE_LEADER.get_sample_value(name, labels)


def test_whether_a_recovery_is_open_is_told(world: World) -> None:
    recovery = Recovery(
        e_id=new_id(),
        gap_from=factories.LONG_AGO,
        gap_until=factories.later(hours=1),
        author="op",
        reason="disk",
        begun_at=world.store.clock.now(),
    )
    with world.store.begin() as tx:
        tx.recoveries.begin(recovery)
    jobs.tell_waits(world.deps)
    assert told("email_recovery_open") == 1.0
    with world.store.begin() as tx:
        tx.recoveries.end(recovery.e_id, author="op")
    jobs.tell_waits(world.deps)
    assert told("email_recovery_open") == 0.0


def test_what_should_not_be_is_told_by_its_number_and_by_zero_when_it_is_gone(world: World) -> None:
    made = factories.sendable()
    e_id = world.add(replace(made, provisioned=replace(made.provisioned, server_id=1, webhook_id=7)))
    doubtful = factories.new_job(made, **IN_DOUBT)
    with world.store.begin() as tx:
        tx.jobs.accept([doubtful, *(factories.new_job(made, **INCONSISTENT) for _ in range(2))])
        tx.gaps.open(MONDAY_MORNING, MONDAY_MORNING, cause="away", author="test")
        tx.dead_letters.count_fault(factories.handler_fault(e_id), dead_after=1, forget_after_seconds=60)
    jobs.tell_standing(world.deps)
    counts = [told(f"email_{what}") for what in ("send_in_doubt", "send_inconsistent", "webhook_gap_open")]
    assert counts == [1, 2, 1]
    assert {subject: told("email_dead_letter_open", subject=subject) for subject in Subject} == {
        Subject.JOB: 0,
        Subject.EVENT: 0,
        Subject.MESSAGE: 1,
    }
    with world.store.begin() as tx:
        (letter,) = tx.dead_letters.find(DeadLetterFilter(), limit=1)
        tx.dead_letters.discard(letter, factories.action(e_id))
    jobs.tell_standing(world.deps)
    assert told("email_dead_letter_open", subject=Subject.MESSAGE) == 0


def test_tokens_of_an_older_key_version_are_rung_for_and_those_of_the_current_one_are_not(
    world: World,
) -> None:
    old, new = factories.configuration(), factories.configuration()
    for one, version in ((old, "v1"), (new, "v2")):
        sealed = replace(one.provisioned, server_token=f"a1.k{version}:AA")
        world.add(replace(one, provisioned=sealed))
    world.keys.current = "v2"
    jobs.stale_tokens(world.deps)
    assert world.rung() == [(ResealToken, old.e_id)]
    assert OF_THE_LEADER.get_sample_value("email_material_registry_tokens_behind") == 1.0


def test_without_a_key_that_is_current_no_token_is_old(world: World) -> None:
    world.add_sendable()
    world.keys = cast("FakeCipher", Unmounted())
    jobs.stale_tokens(world.deps)
    assert not world.rung()


class Unmounted:
    """Implements `ports.key_material.KeyVersions`."""

    versions: frozenset[str] = frozenset()
    current_version = None

    def look(self) -> None:
        pass
