"""Dead letters in bulk: looked at, planned, put back to work at a measured pace, laid to rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import pytest

from shared import replaying
from shared.domain.dead_letter import DeadLetterFilter, Rest, Subject
from shared.domain.errors import InvalidValue
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative
from shared.messaging.messages import ProjectEvents, ProvisionConfiguration, SendJobs
from shared.ports.store import Transaction
from shared.replaying import Fate, Planned, Replayed
from tests import factories
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.unit.replaying.dead_letter_world import EVERYTHING, World


@pytest.fixture
def world() -> World:
    return World()


QUEUED, FAILED = JobStatus.QUEUED, JobStatus.FAILED


def fates(replayed: Iterator[Replayed]) -> list[Fate]:
    return [each.fate for each in replayed]


# --- what a replay does --------------------------------------------------------------


def test_a_job_is_queued_now_with_nothing_counted_yet_and_rung_for(world: World) -> None:
    (e_id,) = world.fails()
    assert fates(world.replay()) == [Fate.PUT_BACK]
    job = world.store._state.jobs[e_id]
    now = world.store.clock.now()
    assert (job.status, job.due_at, job.attempts, job.replayed_at) == (QUEUED, now, 0, now)
    assert world.doorbell.rung == [SendJobs(world.configuration.e_id)]
    assert world.open() == 0


def test_an_event_is_projected_again_and_a_message_is_rung_for_again(world: World) -> None:
    event_id = world.parks_an_event()
    world.buries_a_message()
    assert fates(world.replay()) == [Fate.PUT_BACK] * 2
    with world.store.begin() as tx:
        assert [each.e_id for each in tx.events.unprojected(world.configuration.e_id, limit=10)] == [event_id]
    e_id = world.configuration.e_id
    assert sorted(world.doorbell.rung, key=str) == [ProjectEvents(e_id), ProvisionConfiguration(e_id)]


def test_a_message_of_an_actor_that_is_gone_is_only_closed(world: World) -> None:
    world.buries_a_message("ReticulateSplines")
    assert fates(world.replay()) == [Fate.PUT_BACK]
    assert not world.doorbell.rung
    assert world.open() == 0


def test_only_what_the_filter_holds_is_put_back(world: World) -> None:
    refused = world.fails(2, code="300")
    expired = world.fails(2, code="expired")
    assert len(fates(world.replay(DeadLetterFilter(error_class="expired")))) == 2
    assert world.statuses(refused) == [FAILED] * 2
    assert world.statuses(expired) == [QUEUED] * 2


def test_each_is_kept_with_author_and_reason_where_its_job_shows_it(world: World) -> None:
    jobs = world.fails(2)
    fates(world.replay(reason="  the template is mended "))
    for e_id in jobs:
        with world.store.begin() as tx:
            (action,) = tx.jobs.actions(factories.TENANT, e_id)
        assert (action.action, action.author) == ("dead_letter.replay", "olga")
        assert action.reason == "the template is mended"


def test_a_ring_comes_after_the_commit_of_what_it_is_for(world: World) -> None:
    """The doorbell itself refuses to be rung inside a transaction; here the row is there by the time it rings."""
    (e_id,) = world.fails()
    seen: list[JobStatus] = []

    class Looking(RecordingDoorbell):
        def ring(self, *messages: Any) -> bool:
            seen.extend(world.statuses([e_id]))
            return super().ring(*messages)

    world.doorbell = Looking()
    fates(world.replay())
    assert seen == [QUEUED]


def test_a_lost_ring_is_no_failure(world: World) -> None:
    (e_id,) = world.fails()
    world.doorbell.down = True
    assert fates(world.replay()) == [Fate.PUT_BACK]
    assert world.statuses([e_id]) == [QUEUED]


# --- once, whatever happens ------------------------------------------------------------


def test_run_twice_it_does_nothing_twice(world: World) -> None:
    jobs = world.fails(3)
    assert len(fates(world.replay())) == 3
    versions = [world.store._state.jobs[e_id].version for e_id in jobs]
    assert fates(world.replay()) == []
    assert [world.store._state.jobs[e_id].version for e_id in jobs] == versions


def test_two_at_the_same_time_put_each_back_once(world: World) -> None:
    world.fails(5)
    one, other = world.replay(), world.replay()
    first = next(one)
    second = list(other)
    rest = list(one)
    put_back = [each for each in (first, *second, *rest) if each.fate is Fate.PUT_BACK]
    assert len(put_back) == len({each.letter.e_id for each in put_back}) == 5
    assert {each.fate for each in rest} == {Fate.MOVED_ON}
    assert len(world.doorbell.rung) == 5


class Death(BaseException):
    """As by SIGKILL."""


class DyingStore:
    """Dies at the moment numbered `dies_at`: before or after a commit."""

    def __init__(self, store: MemoryStore, dies_at: int | None = None) -> None:
        self._store = store
        self._dies_at = dies_at
        self.moments = 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            yield tx
            self._moment()
        self._moment()

    def _moment(self) -> None:
        self.moments += 1
        if self.moments - 1 == self._dies_at:
            raise Death

    def ping(self) -> None:
        self._store.ping()


def test_killed_at_any_moment_and_begun_again_each_is_put_back_once() -> None:
    world = World()
    world.fails(4)
    counting = DyingStore(world.store)
    assert len(fates(world.replay(store=counting))) == 4
    assert counting.moments > 10
    for dies_at in range(counting.moments):
        world = World()
        jobs = world.fails(4)
        with pytest.raises(Death):
            list(world.replay(store=DyingStore(world.store, dies_at)))
        put_back = world.statuses(jobs).count(QUEUED)
        assert len(fates(world.replay())) == 4 - put_back, dies_at
        assert world.statuses(jobs) == [QUEUED] * 4, dies_at
        actions = [action.subject_id for action in world.store._state.actions.values()]
        assert sorted(actions) == sorted(jobs), dies_at


def test_what_fails_again_while_it_runs_is_not_its_own_to_put_back(world: World) -> None:
    """A full page, so that the walk looks for more when each of its jobs is a new dead letter already."""
    count = replaying._PAGE
    world.fails(count)
    replayed = 0
    for _ in world.replay():
        replayed += 1
        assert replayed <= count, "it goes round in circles"
        world.refuse()
    assert (replayed, world.open()) == (count, count)


def test_more_than_a_page_is_walked_to_its_end(world: World) -> None:
    jobs = world.fails(replaying._PAGE + 5)
    assert len(fates(world.replay())) == replaying._PAGE + 5
    assert set(world.statuses(jobs)) == {QUEUED}


def test_what_moved_on_by_itself_is_left_alone(world: World) -> None:
    (e_id,) = world.fails()
    with world.store.begin() as tx:
        (job,) = tx.jobs.for_events(world.configuration.e_id, job_ids=[e_id], message_ids=[])
        tx.jobs.set_status(job, JobStatus.INCONSISTENT, provider_message_id=None)
    assert fates(world.replay()) == [Fate.MOVED_ON]
    assert world.statuses([e_id]) == [JobStatus.INCONSISTENT]
    assert not world.doorbell.rung
    assert not world.store._state.actions


# --- pace and stopping -------------------------------------------------------------------


def test_between_two_there_is_the_pause_of_the_rate(world: World) -> None:
    world.fails(4)
    fates(world.replay(per_second=8.0))
    assert world.pauses == [0.125] * 3


def test_it_goes_no_faster_than_it_is_asked_for(world: World) -> None:
    jobs = world.fails(5)
    assert len(list(islice(world.replay(), 2))) == 2
    assert world.statuses(jobs).count(QUEUED) == 2


def test_it_stops_when_it_is_told_to_and_goes_on_later(world: World) -> None:
    jobs = world.fails(5)
    assert len(fates(world.replay(stop=lambda: world.statuses(jobs).count(QUEUED) == 2))) == 2
    assert len(fates(world.replay())) == 3


def test_told_to_stop_before_it_begins_it_does_nothing(world: World) -> None:
    jobs = world.fails(2)
    assert fates(world.replay(stop=lambda: True)) == []
    assert world.statuses(jobs) == [FAILED] * 2


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": " \t"}, "reason"),
        ({"per_second": 0.0}, "perSecond"),
        ({"per_second": -1.0}, "perSecond"),
        ({"wanted": DeadLetterFilter(rest=Rest.REPLAYED)}, "rest"),
        ({"wanted": DeadLetterFilter(rest=Rest.DISCARDED)}, "rest"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_first(
    world: World, given: dict[str, Any], at: str
) -> None:
    with pytest.raises(InvalidValue) as raised:
        world.replay(**given)
    assert raised.value.field == at


# --- locks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fate"),
    [
        ({"administrative": Administrative.LOCKED}, Fate.LOCKED),
        ({"administrative": Administrative.LOCKED, "retired_at": factories.LONG_AGO}, Fate.RETIRED),
    ],
)
def test_nothing_is_queued_behind_a_lock_and_the_letter_stays_open(
    world: World, fields: dict[str, Any], fate: Fate
) -> None:
    jobs = world.fails(2)
    world.change(**fields)
    assert fates(world.replay()) == [fate] * 2
    assert world.statuses(jobs) == [FAILED] * 2
    assert world.open() == 2
    assert not world.doorbell.rung


def test_one_tenants_lock_holds_up_nobody_else(world: World) -> None:
    other = world.tenant(factories.OTHER_TENANT)
    world.fails(2)
    theirs = world.fails(2, configuration=other)
    world.change(administrative=Administrative.LOCKED)
    assert sorted(fates(world.replay())) == [Fate.LOCKED] * 2 + [Fate.PUT_BACK] * 2
    assert world.statuses(theirs) == [QUEUED] * 2


@pytest.mark.parametrize("administrative", [Administrative.UNLOCKED, Administrative.LOCKING])
def test_what_drains_takes_more_as_long_as_it_does(world: World, administrative: Administrative) -> None:
    world.fails()
    world.change(administrative=administrative)
    assert fates(world.replay()) == [Fate.PUT_BACK]


def test_events_of_a_locked_configuration_are_projected_all_the_same(world: World) -> None:
    world.parks_an_event()
    world.change(administrative=Administrative.LOCKED)
    assert fates(world.replay()) == [Fate.PUT_BACK]


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
    found = sorted(fates(world.replay()))
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
    assert fates(world.replay()) == []
    with world.store.begin() as tx:
        (action,) = tx.jobs.actions(factories.TENANT, jobs[0])
    assert (action.action, action.reason) == ("dead_letter.discard", "nobody misses them")


def test_what_was_put_back_is_not_laid_to_rest(world: World) -> None:
    world.fails(2)
    fates(world.replay())
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
    ports, actor = world.ports(), "VerifyConfiguration"
    (found,) = replaying.find(ports, EVERYTHING, limit=10, actor=actor)
    assert found.actor == actor
    assert replaying.count(ports, EVERYTHING, actor=actor) == {("message", "KeyError"): 1}
    (planned,) = replaying.plan(ports, EVERYTHING, actor=actor)
    assert (planned.subject, planned.count) == (Subject.MESSAGE, 1)
    assert fates(world.replay(actor=actor)) == [Fate.PUT_BACK]
    assert world.open() == 3


def test_a_job_has_no_actor_whatever_is_asked_for(world: World) -> None:
    world.fails()
    of_jobs = DeadLetterFilter(subject=Subject.JOB)
    assert replaying.find(world.ports(), of_jobs, limit=10, actor="SendJobs") == []


def test_a_limit_holds_for_what_is_kept_and_not_for_what_is_looked_at(world: World) -> None:
    for _ in range(3):
        world.buries_a_message("ProvisionConfiguration")
        fates(world.replay())
    world.buries_a_message("VerifyConfiguration")
    world.buries_a_message("ProvisionConfiguration")
    found = replaying.find(world.ports(), EVERYTHING, limit=1, actor="ProvisionConfiguration")
    assert [letter.actor for letter in found] == ["ProvisionConfiguration"]


@pytest.mark.parametrize("rest", Rest)
def test_one_is_found_by_its_id_whether_it_rests_or_not(world: World, rest: Rest) -> None:
    world.fails(3)
    letters = replaying.find(world.ports(), EVERYTHING, limit=10)
    if rest is Rest.REPLAYED:
        fates(world.replay())
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
