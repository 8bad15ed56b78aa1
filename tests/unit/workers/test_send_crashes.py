"""A send worker that dies at each of its moments: any commit, call or ring, and every named point of the code."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from shared.domain.job import JobStatus
from shared.domain.mail import AccountFault, ConfigurationFault, Deferred, Outcome, Unknown
from shared.telemetry.fault_points import POINTS, Plan, arm
from tests.unit.workers.breaker import Breaker, Death
from tests.unit.workers.send_world import POLICY, World

SENT = JobStatus.SENT
NAMED = {point for point in POINTS if point.startswith(("send.", "doubt."))}
GRACE_SECONDS = POLICY.index_lag_grace.total_seconds()
# What the first call comes to, and whether the provider took its messages.
FIRST_CALLS: list[tuple[Outcome | None, bool]] = [
    (None, True),
    (Unknown("read_timeout", "no whole answer"), True),
    (Unknown("read_timeout", "no whole answer"), False),
    (Deferred("429", "slow down", throttled=True), False),
    (AccountFault("405", "no credits"), False),
    (ConfigurationFault("10", "no valid token"), False),
]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(Plan({}), lambda _: None)


def world_of(first: tuple[Outcome | None, bool], breaker: Breaker) -> tuple[World, list[UUID]]:
    """Three jobs, two batches; every named point is a moment as well."""
    outcome, taken = first
    world = World(breaker=breaker, policy=replace(POLICY, batch_size=2))

    def come_to(point: str) -> None:
        world.breaker.moment(point)

    arm(Plan(dict.fromkeys(POINTS, 1.0)), come_to)
    jobs = world.accept(*(f"p{number}@example.com" for number in range(3)))
    if outcome is not None:
        world.postmark.answer_next_send(outcome, taken=taken)
    return world, jobs


def live_on(world: World, *, dies_again_at: int | None = None) -> int:
    """Rings, looks and sweeps until all is settled, a new worker for each that dies. Returns how many died."""
    died = 0
    next_breakers = [Breaker(dies_again_at)]
    for _ in range(20):
        for act in (world.send_all, world.sweep, world.resolve):
            try:
                act()
            except Death:
                died += 1
                world.breaker = next_breakers.pop() if next_breakers else Breaker()
        if set(world.statuses()) == {SENT}:
            break
        world.store.advance(seconds=GRACE_SECONDS)
    return died


def test_every_named_point_of_the_pool_is_come_to() -> None:
    moments: set[str] = set()
    for first in FIRST_CALLS:
        world, _ = world_of(first, Breaker())
        live_on(world)
        moments |= set(world.breaker.moments)
    assert moments >= NAMED


@pytest.mark.parametrize("first", FIRST_CALLS, ids=str)
def test_a_death_at_any_moment_loses_nothing_and_sends_nothing_twice(
    first: tuple[Outcome | None, bool],
) -> None:
    world, _ = world_of(first, Breaker())
    live_on(world)
    moments = list(world.breaker.moments)
    assert len(moments) > 20
    for dies_at, moment in enumerate(moments):
        world, jobs = world_of(first, Breaker(dies_at))
        assert live_on(world) == 1, moment
        assert {world.job(e_id).status for e_id in jobs} == {SENT}, moment
        assert sorted(world.taken()) == sorted(jobs), moment


@pytest.mark.parametrize("later", [0, 3, 6, 9, 14])
def test_a_second_death_so_many_moments_after_the_first_changes_nothing_of_that(later: int) -> None:
    world, _ = world_of((None, True), Breaker())
    live_on(world)
    for dies_at, moment in enumerate(list(world.breaker.moments)):
        world, jobs = world_of((None, True), Breaker(dies_at))
        assert live_on(world, dies_again_at=later) >= 1, moment
        assert {world.job(e_id).status for e_id in jobs} == {SENT}, moment
        assert sorted(world.taken()) == sorted(jobs), moment
