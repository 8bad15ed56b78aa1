"""Asking for what callbacks did not tell."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.domain.errors import OutOfTurn, ProviderError, ProviderRefused, ProviderUnavailable
from shared.domain.gap import Gap
from shared.domain.job import EmailJob, JobStatus
from shared.domain.suppression import SuppressionReason
from shared.gateways.postmark.events import PostmarkEvents
from shared.messaging.messages import CatchUpEvents, ProjectEvents
from shared.persistence.ids import new_id
from tests import factories
from tests.fakes.clock import MONDAY_MORNING
from tests.fakes.key_material import FakeCipher
from tests.fakes.pace import FreePace
from tests.unit.workers.breaker import Breaker, BreakingStore, Death
from tests.unit.workers.test_projection import World as Projection
from workers.projection.catch_up import SLICE, CatchUpDeps, catch_up
from workers.projection.handler import project_events
from workers.projection.policy import CatchUpPolicy

POLICY = CatchUpPolicy(lease_seconds=300.0, retry_seconds=30.0, attempts_max=3)
HOUR = timedelta(hours=1)
PERSON = "person@example.com"
AWAY = ProviderUnavailable("connect_timeout", "away")


@dataclass
class Told:
    """Implements `ports.mail.EventHistory`. `faults` are raised by the next questions, one each."""

    bounce_rows: list[str] = field(default_factory=list)
    suppression_rows: list[str] = field(default_factory=list)
    by_message: dict[str, list[str]] = field(default_factory=dict)
    faults: list[ProviderError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    def bounces(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[str]:
        self._ask("bounces")
        self.since.append(since)
        yield from self.bounce_rows

    def suppressions(self, server_token: str, *, since: datetime) -> Iterator[str]:
        self._ask("suppressions")
        yield from self.suppression_rows

    def of_message(self, server_token: str, message_id: str) -> list[str]:
        self._ask(message_id)
        return self.by_message.get(message_id, [])

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.faults:
            raise self.faults.pop(0)


class World(Projection):
    def __init__(self) -> None:
        made = factories.sendable()
        sealed = FakeCipher().encrypt("server-token", tenant_id=made.tenant_id, configuration_id=made.e_id)
        there = replace(made.provisioned, server_id=1, server_token=sealed, webhook_id=7)
        super().__init__(configuration=replace(made, provisioned=there))
        self.told = Told()
        self.pace = FreePace()

    @property
    def catching_up(self) -> CatchUpDeps:
        return CatchUpDeps(
            store=BreakingStore(self.store, self.breaker),
            history=self.told,
            reader=PostmarkEvents(),
            cipher=FakeCipher(),
            pace=self.pace,
            doorbell=self.doorbell,
            new_id=new_id,
            policy=POLICY,
        )

    def open_gap(self) -> None:
        with self.store.begin() as tx:
            assert tx.gaps.open(MONDAY_MORNING - HOUR, MONDAY_MORNING, cause="away", author="test") == 1

    def catch_up(self) -> None:
        catch_up(self.configuration.e_id, self.catching_up)

    def catch_up_whole(self) -> None:
        """And what a worker and the scheduler do after it."""
        self.catch_up()
        project_events(self.configuration.e_id, self.deps)

    @property
    def gap(self) -> Gap:
        with self.store.begin() as tx:
            [gap] = tx.gaps.latest(10)
        return gap

    def is_due(self) -> bool:
        with self.store.begin() as tx:
            return tx.gaps.due(10) == [self.configuration.e_id]

    def told_of(self, job: EmailJob) -> None:
        body = {
            "RecordType": "Delivery",
            "MessageID": job.provider_message_id,
            "Recipient": job.recipient,
            "DeliveredAt": "2026-11-02T08:30:00Z",
            "Metadata": {"job": str(job.e_id)},
        }
        self.told.by_message[str(job.provider_message_id)] = [json.dumps(body)]

    def status(self, job: EmailJob) -> JobStatus:
        with self.store.begin() as tx:
            found = tx.jobs.get(job.tenant_id, job.e_id)
        assert found is not None
        return found.status


def hard_bounce(job: EmailJob, number: int = 9007199254740993) -> str:
    return json.dumps(
        {
            "RecordType": "Bounce",
            "ID": number,
            "Type": "HardBounce",
            "Inactive": True,
            "Email": job.recipient,
            "MessageID": job.provider_message_id,
            "BouncedAt": "2026-11-02T08:31:00Z",
        }
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.open_gap()
    return world


def test_a_delivery_that_nobody_told_of_is_found(world: World) -> None:
    job = world.add_job(JobStatus.SENT, provider_message_id="m-1", accepted_at=MONDAY_MORNING - HOUR)
    world.told_of(job)
    world.catch_up_whole()
    assert world.status(job) is JobStatus.DELIVERED
    assert (world.gap.found, world.gap.finished_at) == (1, MONDAY_MORNING)


def test_a_bounce_that_nobody_told_of_suppresses_the_address(world: World) -> None:
    job = world.add_job(JobStatus.SENT, provider_message_id="m-1", recipient=PERSON)
    world.told.bounce_rows = [hard_bounce(job)]
    world.catch_up_whole()
    assert world.status(job) is JobStatus.BOUNCED
    with world.store.begin() as tx:
        held = tx.suppressions.active_among(job.tenant_id, [PERSON])
    assert held[PERSON].reason is SuppressionReason.HARD_BOUNCE


def test_a_bounce_that_came_by_callback_after_all_counts_once(world: World) -> None:
    job = world.add_job(JobStatus.SENT, provider_message_id="m-1")
    world.told.bounce_rows = [hard_bounce(job), hard_bounce(job)]
    world.catch_up_whole()
    assert world.gap.found == 1
    with world.store.begin() as tx:
        assert len(tx.events.for_job(job.tenant_id, job.e_id)) == 1


def test_a_gap_is_looked_at_from_a_little_before_it_began(world: World) -> None:
    world.catch_up()
    assert world.told.since == [MONDAY_MORNING - HOUR - timedelta(minutes=15)]


def test_only_jobs_that_are_still_sent_are_asked_about_one_by_one(world: World) -> None:
    world.add_job(JobStatus.DELIVERED, provider_message_id="m-1")
    sent = world.add_job(JobStatus.SENT, provider_message_id="m-2", accepted_at=MONDAY_MORNING - HOUR)
    world.catch_up()
    assert world.told.asked == ["bounces", "suppressions", sent.provider_message_id]
    assert world.pace.kept == 1


def test_what_was_found_is_rung_for_and_the_next_gap_too(world: World) -> None:
    world.catch_up()
    assert {type(message) for message in world.doorbell.rung} == {ProjectEvents, CatchUpEvents}


def test_a_fault_that_may_pass_is_waited_for_longer_each_time_and_in_the_end_told(world: World) -> None:
    for wait in (30, 60):
        world.told.faults = [AWAY]
        world.catch_up()
        assert world.gap.finished_at is None
        world.store.advance(seconds=wait - 1)
        assert not world.is_due()
        world.store.advance(seconds=1)
        assert world.is_due()
    world.told.faults = [AWAY]
    world.catch_up()
    assert (world.gap.finished_at is not None, world.gap.fault) == (True, "connect_timeout")


def test_a_refusal_ends_it_with_its_code(world: World) -> None:
    world.told.faults = [ProviderRefused("10", "No Account or Server API tokens were supplied")]
    world.catch_up()
    assert (world.gap.finished_at, world.gap.fault) == (MONDAY_MORNING, "10")


def test_a_turn_that_is_far_off_is_no_try(world: World) -> None:
    world.add_job(JobStatus.SENT, provider_message_id="m-1", accepted_at=MONDAY_MORNING - HOUR)
    world.told.faults = []
    world.pace.busy_for_seconds = 3.0
    world.catch_up()
    assert (world.gap.tries, world.gap.fault) == (0, OutOfTurn("x", retry_after_seconds=1).code)
    world.pace.busy_for_seconds = None
    world.store.advance(seconds=3)
    world.catch_up()
    assert world.gap.finished_at is not None


def test_a_catch_up_goes_on_behind_the_last_slice_it_finished(world: World) -> None:
    jobs = [
        world.add_job(JobStatus.SENT, provider_message_id=f"m-{number}", accepted_at=MONDAY_MORNING - HOUR)
        for number in range(SLICE + 5)
    ]
    for job in jobs:
        world.told_of(job)
    world.breaker = Breaker(dies_at=8)
    with pytest.raises(Death):
        world.catch_up()
    world.breaker = Breaker()
    world.store.advance(seconds=POLICY.lease_seconds)
    world.catch_up_whole()
    for _ in range(20):
        project_events(world.configuration.e_id, world.deps)
    assert {world.status(job) for job in jobs} == {JobStatus.DELIVERED}
    assert len(world.told.asked) < 2 * len(jobs)


@pytest.mark.parametrize("dies_at", range(12))
def test_a_catch_up_that_dies_anywhere_finds_everything_once(dies_at: int) -> None:
    world = World()
    world.open_gap()
    job = world.add_job(JobStatus.SENT, provider_message_id="m-1", accepted_at=MONDAY_MORNING - HOUR)
    bounced = world.add_job(JobStatus.SENT, provider_message_id="m-2", accepted_at=MONDAY_MORNING - HOUR)
    world.told_of(job)
    world.told.bounce_rows = [hard_bounce(bounced)]
    world.breaker = Breaker(dies_at)
    try:
        world.catch_up()
    except Death:
        world.breaker = Breaker()
        world.store.advance(seconds=POLICY.lease_seconds)
        world.catch_up()
    project_events(world.configuration.e_id, world.deps)
    assert (world.status(job), world.status(bounced)) == (JobStatus.DELIVERED, JobStatus.BOUNCED)
    assert world.gap.finished_at is not None


def test_a_configuration_whose_server_is_gone_ends_its_gap(world: World) -> None:
    with world.store.begin() as tx:
        held = tx.configurations.get(world.configuration.e_id)
        assert held is not None
        gone = replace(held, provisioned=replace(held.provisioned, server_token=None))
        tx.configurations.save(gone, factories.CREATED)
    world.catch_up()
    assert world.gap.fault == "no_server"


def test_more_bounces_than_the_provider_shows_leave_the_rest_asked_for_and_a_fault_at_the_end(
    world: World,
) -> None:
    job = world.add_job(JobStatus.SENT, provider_message_id="m-1", accepted_at=MONDAY_MORNING - HOUR)
    world.told_of(job)
    world.told.faults = [ProviderRefused("too_many", "more than 10,000 in a minute")]
    world.catch_up_whole()
    assert world.status(job) is JobStatus.DELIVERED
    assert (world.gap.finished_at, world.gap.fault) == (MONDAY_MORNING, "too_many")
