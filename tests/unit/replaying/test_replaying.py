"""Dead letters in bulk: looked at, planned, asked to be put back, laid to rest. Carrying out: the worker's tests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import replaying
from shared.domain.dead_letter import DeadLetterFilter, Rest, Subject
from shared.domain.errors import InvalidValue
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.domain.replay import Fate, Replay, ReplayState
from shared.messaging.messages import RunReplay
from shared.replaying import Planned
from tests import factories
from tests.unit.replaying.dead_letter_world import EVERYTHING, World


@pytest.fixture
def world() -> World:
    return World()


FAILED = JobStatus.FAILED


# --- asking ------------------------------------------------------------------------------


def test_who_asks_has_a_row_that_says_all_and_may_leave(world: World) -> None:
    world.fails(3, code="expired")
    world.fails(2, code="300")
    wanted, now = DeadLetterFilter(error_class="expired"), world.store.clock.now()
    replay = world.ask(wanted, reason="  the template is mended ", per_second=5.0)
    assert replay == Replay(
        e_id=replay.e_id,
        wanted=replace(wanted, raised_until=now),
        per_second=5.0,
        author="olga",
        reason="the template is mended",
        created_at=now,
        begins_at=now,
        found=3,
    )
    assert world.held(replay) == replay
    assert replay.asked_for == wanted
    assert world.doorbell.rung == [RunReplay(replay.e_id)]


def test_what_is_for_later_is_not_rung_for_yet(world: World) -> None:
    world.fails()
    replay = world.ask(begins_in_seconds=60.0)
    assert replay.begins_at - replay.created_at == timedelta(seconds=60)
    assert not world.doorbell.rung


def test_an_end_that_was_asked_for_stays_if_it_has_passed(world: World) -> None:
    world.fails()
    before, after = factories.LONG_AGO, world.store.clock.now() + timedelta(hours=1)
    replay = world.ask(DeadLetterFilter(raised_until=before))
    assert (replay.wanted.raised_until, replay.found) == (before, 0)
    assert replay.asked_for.raised_until == before
    assert world.ask(DeadLetterFilter(raised_until=after)).wanted.raised_until == world.store.clock.now()


def test_a_lost_ring_is_no_failure(world: World) -> None:
    world.fails()
    world.doorbell.down = True
    assert world.held(world.ask()).found == 1


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": " \t"}, "reason"),
        ({"per_second": 0.0}, "perSecond"),
        ({"per_second": -1.0}, "perSecond"),
        ({"per_second": 1001.0}, "perSecond"),
        ({"per_second": float("nan")}, "perSecond"),
        ({"begins_in_seconds": -1.0}, "beginsInSeconds"),
        ({"begins_in_seconds": float("inf")}, "beginsInSeconds"),
        ({"wanted": DeadLetterFilter(rest=Rest.REPLAYED)}, "rest"),
        ({"wanted": DeadLetterFilter(rest=Rest.DISCARDED)}, "rest"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_row(
    world: World, given: dict[str, Any], at: str
) -> None:
    with pytest.raises(InvalidValue) as raised:
        world.ask(**given)
    assert raised.value.field == at
    assert not world.store._state.replays
    assert not world.doorbell.rung


def test_what_was_asked_for_in_the_same_words_is_under_way_until_its_end(world: World) -> None:
    world.fails(2)
    expired = DeadLetterFilter(error_class="expired")
    first, second = world.ask(), world.ask()
    world.ask(expired)
    assert replaying.under_way(world.ports(), EVERYTHING) == second
    assert replaying.under_way(world.ports(), DeadLetterFilter(subject=Subject.JOB)) is None
    world.work(second, replay_slice=50)
    assert replaying.under_way(world.ports(), EVERYTHING) == first
    replaying.stop(world.ports(), first.e_id, author="piet", reason="one was enough")
    assert replaying.under_way(world.ports(), EVERYTHING) is None


# --- stopping ----------------------------------------------------------------------------


def test_who_stopped_it_and_why_is_kept_beside_who_asked_for_it(world: World) -> None:
    replay = world.ask(DeadLetterFilter(tenant_id=factories.TENANT))
    stopped = replaying.stop(world.ports(), replay.e_id, author="piet", reason=" it is not mended ")
    assert stopped is not None
    assert (stopped.state, stopped.stopped_by) == (ReplayState.STOPPED, "piet")
    with world.store.begin() as tx:
        asked, ended = tx.audit.of(replay.e_id)
    assert (asked.action, asked.author, asked.reason) == ("replay.ask", "olga", "the template is mended")
    assert (ended.action, ended.author, ended.reason) == ("replay.stop", "piet", "it is not mended")
    assert {asked.tenant_id, ended.tenant_id} == {factories.TENANT}


def test_what_is_at_its_end_is_not_stopped_and_nobody_is_said_to_have(world: World) -> None:
    replay = world.ask()
    world.work(replay)
    assert replaying.stop(world.ports(), replay.e_id, author="piet", reason="late") is None
    with world.store.begin() as tx:
        assert [one.action for one in tx.audit.of(replay.e_id)] == ["replay.ask"]


def test_stopping_needs_a_reason(world: World) -> None:
    replay = world.ask()
    with pytest.raises(InvalidValue, match="reason"):
        replaying.stop(world.ports(), replay.e_id, author="piet", reason=" ")
    assert world.held(replay).state is ReplayState.WAITING


# --- looking and planning ----------------------------------------------------------------------


def test_they_are_found_by_what_they_are_and_page_by_page(world: World) -> None:
    jobs = world.fails(3)
    world.parks_an_event()
    of_jobs = DeadLetterFilter(subject=Subject.JOB)
    first = replaying.find(world.ports(), of_jobs, limit=2)
    rest = replaying.find(world.ports(), of_jobs, limit=2, after=first[-1].e_id)
    assert sorted(letter.subject_id for letter in (*first, *rest)) == sorted(jobs)
    assert [letter.attempts for letter in first] == [1, 1]


def test_they_are_counted_by_class(world: World) -> None:
    world.fails(3, code="300")
    world.fails(2, code="expired")
    world.parks_an_event()
    counts = replaying.count(world.ports(), EVERYTHING)
    assert counts == {("job", "300"): 3, ("job", "expired"): 2, ("event", "unjoined"): 1}


def test_a_plan_says_what_a_replay_would_do_and_does_nothing(world: World) -> None:
    other = world.tenant(factories.OTHER_TENANT)
    world.fails(3, code="300")
    world.fails(1, code="300", configuration=other)
    world.fails(2, code="expired", configuration=other)
    world.parks_an_event()
    world.buries_a_message()
    world.change(administrative=Administrative.LOCKED)
    before = world.store._state.copy()
    planned = replaying.plan(world.ports(), EVERYTHING)
    assert planned == [
        Planned(Subject.EVENT, "unjoined", Fate.PUT_BACK, 1),
        Planned(Subject.JOB, "300", Fate.LOCKED, 3),
        Planned(Subject.JOB, "300", Fate.PUT_BACK, 1),
        Planned(Subject.JOB, "expired", Fate.PUT_BACK, 2),
        Planned(Subject.MESSAGE, "KeyError", Fate.PUT_BACK, 1),
    ]
    assert world.store._state == before
    assert not world.doorbell.rung
    found = sorted(world.replay())
    assert found == sorted(each.fate for each in planned for _ in range(each.count))


def test_a_plan_of_more_than_a_page_counts_all(world: World) -> None:
    world.fails(2 * replaying._PAGE + 1)
    (planned,) = replaying.plan(world.ports(), EVERYTHING)
    assert planned.count == 2 * replaying._PAGE + 1


def test_a_plan_of_what_is_at_rest_is_refused_as_its_replay_would_be(world: World) -> None:
    with pytest.raises(InvalidValue, match="rest"):
        replaying.plan(world.ports(), DeadLetterFilter(rest=Rest.REPLAYED))


def test_a_plan_holds_to_the_end_of_its_filter(world: World) -> None:
    world.fails()
    until = world.store.clock.now()
    world.store.advance(timedelta(hours=1))
    world.fails(2)
    (planned,) = replaying.plan(world.ports(), DeadLetterFilter(raised_until=until))
    assert planned.count == 1


# --- laying to rest ------------------------------------------------------------------------------


def test_what_is_laid_to_rest_stays_as_it_is_and_is_not_put_back(world: World) -> None:
    jobs = world.fails(3)
    assert sorted(world.discard()) == sorted(jobs)
    assert world.statuses(jobs) == [FAILED] * 3
    assert world.replay() == []
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(factories.TENANT, jobs[0])
    assert (action.action, action.reason) == ("dead_letter.discard", "nobody misses them")


def test_what_was_put_back_is_not_laid_to_rest(world: World) -> None:
    world.fails(2)
    world.replay()
    assert world.discard() == []


def test_only_what_the_filter_holds_is_laid_to_rest(world: World) -> None:
    world.fails(2, code="300")
    expired = world.fails(2, code="expired")
    assert sorted(world.discard(DeadLetterFilter(error_class="expired"))) == sorted(expired)
    assert world.open() == 2


# --- one message type, one letter ------------------------------------------------------------------


def test_messages_of_one_actor_are_found_counted_planned_and_put_back_alone(world: World) -> None:
    world.fails(2)
    world.buries_a_message("ProvisionConfiguration")
    world.buries_a_message("VerifyConfiguration")
    ports, wanted = world.ports(), DeadLetterFilter(actor="VerifyConfiguration")
    (found,) = replaying.find(ports, wanted, limit=10)
    assert found.actor == "VerifyConfiguration"
    assert replaying.count(ports, wanted) == {("message", "KeyError"): 1}
    (planned,) = replaying.plan(ports, wanted)
    assert (planned.subject, planned.count) == (Subject.MESSAGE, 1)
    assert world.replay(wanted) == [Fate.PUT_BACK]
    assert world.open() == 3


def test_a_job_has_no_actor_whatever_is_asked_for(world: World) -> None:
    world.fails()
    of_jobs = DeadLetterFilter(subject=Subject.JOB, actor="SendJobs")
    assert replaying.find(world.ports(), of_jobs, limit=10) == []


@pytest.mark.parametrize("rest", Rest)
def test_one_is_found_by_its_id_whether_it_rests_or_not(world: World, rest: Rest) -> None:
    world.fails(3)
    letters = replaying.find(world.ports(), EVERYTHING, limit=10)
    if rest is Rest.REPLAYED:
        world.replay()
    elif rest is Rest.DISCARDED:
        world.discard()
    for letter in letters:
        found = replaying.get(world.ports(), letter.e_id)
        assert found is not None
        assert (found.e_id, found.rest) == (letter.e_id, rest)


def test_an_id_between_two_letters_is_nobody_s(world: World) -> None:
    world.fails(2)
    first, _ = replaying.find(world.ports(), EVERYTHING, limit=10)
    assert replaying.get(world.ports(), UUID(int=first.e_id.int - 1)) is None
    assert replaying.get(world.ports(), UUID(int=0)) is None
    assert replaying.get(world.ports(), UUID(int=2**128 - 1)) is None
