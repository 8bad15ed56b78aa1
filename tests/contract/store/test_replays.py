"""Replays: one holder at a time, nothing of a slice without its hold, and each dead letter once."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.dead_letter import DeadLetter, DeadLetterFilter, Rest, Subject
from shared.domain.errors import Conflict
from shared.domain.job import JobStatus, Settlement
from shared.domain.replay import Fate, Replay, ReplayState
from shared.persistence.ids import new_id
from shared.ports.replays import ReplayResult, ReplayWork
from shared.ports.store import Store, Transaction
from tests.factories import LONG_AGO, OTHER_TENANT, TENANT, action, later, new_job

TimePasses = Callable[[float], object]


def asked(store: Store, *, in_seconds: float = 0.0, **given: Any) -> Replay:
    """For everything that is open by now."""
    with store.begin() as tx:
        now = tx.now()
        fields: dict[str, Any] = {
            "e_id": new_id(),
            "wanted": DeadLetterFilter(raised_until=now),
            "per_second": 10.0,
            "author": "olga",
            "reason": "the provider is back",
            "created_at": now,
            "begins_at": now + timedelta(seconds=in_seconds),
            "found": 3,
        }
        replay = Replay(**{**fields, **given})
        tx.replays.add(replay)
    return replay


def held(store: Store, replay: Replay) -> Replay:
    with store.begin() as tx:
        found = tx.replays.get(replay.e_id)
    assert found is not None
    return found


def due(store: Store, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.replays.due(limit)


def take(store: Store, replay: Replay, lease_seconds: float = 60) -> ReplayWork | None:
    with store.begin() as tx:
        return tx.replays.take(replay.e_id, lease_seconds=lease_seconds)


def taken(store: Store, replay: Replay, lease_seconds: float = 60) -> ReplayWork:
    work = take(store, replay, lease_seconds)
    assert work is not None
    return work


def note(
    store: Store,
    work: ReplayWork,
    fates: Sequence[tuple[UUID, Fate]],
    *,
    next_in_seconds: float = 0.0,
    lease_seconds: float = 60,
) -> ReplayWork:
    with store.begin() as tx:
        return tx.replays.note(work, fates, next_in_seconds=next_in_seconds, lease_seconds=lease_seconds)


def finish(store: Store, work: ReplayWork) -> None:
    with store.begin() as tx:
        tx.replays.finish(work)


def release(store: Store, work: ReplayWork) -> None:
    with store.begin() as tx:
        tx.replays.release(work)


def stop(store: Store, replay: Replay, author: str = "piet") -> Replay | None:
    with store.begin() as tx:
        return tx.replays.stop(replay.e_id, author=author)


def results(store: Store, replay: Replay, *, limit: int = 100, **wanted: Any) -> list[ReplayResult]:
    with store.begin() as tx:
        return tx.replays.results(replay.e_id, **{"after": None, **wanted}, limit=limit)


def buried(store: Store, one: EmailConfiguration, count: int) -> list[DeadLetter]:
    """Of jobs that failed, in the order of their ids."""
    jobs = [new_job(one) for _ in range(count)]
    with store.begin() as tx:
        tx.jobs.accept(jobs)
        claim = tx.jobs.claim(one.e_id, claim_id=uuid4(), limit=count, lease_seconds=60)
        failed = [Settlement(new.job.e_id, JobStatus.FAILED, error_code="300") for new in jobs]
        tx.jobs.record(claim.claim_id, failed)
    with store.begin() as tx:
        return tx.dead_letters.find(DeadLetterFilter(), limit=count)


def put_back(tx: Transaction, letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        assert tx.dead_letters.replay(letter, action(letter.subject_id))


def status(store: Store, letter: DeadLetter) -> JobStatus:
    with store.begin() as tx:
        job = tx.jobs.get(TENANT, letter.subject_id)
    assert job is not None
    return job.status


def all_put_back(letters: Sequence[DeadLetter]) -> list[tuple[UUID, Fate]]:
    return [(letter.e_id, Fate.PUT_BACK) for letter in letters]


# --- asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        DeadLetterFilter(raised_until=later(hours=9)),
        DeadLetterFilter(
            subject=Subject.MESSAGE,
            error_class="KeyError",
            tenant_id=OTHER_TENANT,
            configuration_id=UUID(int=7),
            actor="SendJobs",
            raised_from=LONG_AGO,
            raised_until=later(hours=9),
        ),
    ],
    ids=["everything", "all of the filter"],
)
def test_what_was_asked_for_is_read_as_it_was_asked_for(store: Store, wanted: DeadLetterFilter) -> None:
    replay = asked(store, wanted=wanted, per_second=0.5, found=17)
    assert held(store, replay) == replay
    assert (replay.state, replay.done) == (ReplayState.WAITING, 0)


def test_what_nobody_asked_for_is_not_there(store: Store) -> None:
    with store.begin() as tx:
        assert tx.replays.get(uuid4()) is None
        assert tx.replays.take(uuid4(), lease_seconds=60) is None
        assert tx.replays.stop(uuid4(), author="piet") is None
        assert tx.replays.results(uuid4(), after=None, limit=10) == []


def test_the_newest_come_first_and_the_next_page_goes_on_before_the_last(store: Store) -> None:
    replays = [asked(store) for _ in range(5)]
    with store.begin() as tx:
        first = tx.replays.newest(before=None, limit=2)
        second = tx.replays.newest(before=first[-1].e_id, limit=2)
        third = tx.replays.newest(before=second[-1].e_id, limit=2)
    assert [*first, *second, *third] == replays[::-1]


# --- due, and taken ----------------------------------------------------------------------


def test_it_is_due_when_its_time_has_come_and_not_before(store: Store, time_passes: TimePasses) -> None:
    replay = asked(store, in_seconds=30)
    assert due(store) == []
    assert take(store, replay) is None
    assert held(store, replay).state is ReplayState.WAITING
    time_passes(31)
    assert due(store) == [replay.e_id]
    assert take(store, replay) is not None


def test_the_longest_due_are_told_first_and_no_more_than_asked_for(
    store: Store, time_passes: TimePasses
) -> None:
    late, early, middle = (asked(store, in_seconds=seconds) for seconds in (30, 10, 20))
    time_passes(40)
    assert due(store) == [early.e_id, middle.e_id, late.e_id]
    assert due(store, limit=2) == [early.e_id, middle.e_id]


def test_who_takes_it_begins_where_nobody_has_been(store: Store) -> None:
    replay = asked(store)
    work = taken(store, replay)
    assert work.replay == replace(replay, state=ReplayState.RUNNING)
    assert work.cursor is None
    assert held(store, replay) == work.replay


def test_what_somebody_has_is_nobody_elses(store: Store) -> None:
    replay = asked(store)
    taken(store, replay)
    assert due(store) == []
    assert take(store, replay) is None


def test_a_hold_that_ran_out_is_the_next_ones_who_goes_on_where_it_stopped(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    letters = buried(store, acme, 2)
    replay = asked(store)
    first = note(store, taken(store, replay), all_put_back(letters))
    time_passes(61)
    assert due(store) == [replay.e_id]
    second = taken(store, replay)
    assert second.cursor == letters[-1].e_id
    assert second.replay.fates == first.replay.fates == {Fate.PUT_BACK: 2}
    assert second.token != first.token


def test_what_was_let_go_is_the_next_ones_at_once(store: Store) -> None:
    replay = asked(store)
    release(store, taken(store, replay))
    assert due(store) == [replay.e_id]
    assert held(store, replay).state is ReplayState.RUNNING
    assert take(store, replay) is not None


def test_who_lost_the_hold_lets_go_of_nothing(store: Store, time_passes: TimePasses) -> None:
    replay = asked(store)
    slow = taken(store, replay)
    time_passes(61)
    taken(store, replay)
    release(store, slow)
    assert due(store) == []


# --- slices --------------------------------------------------------------------------------


def test_a_slice_adds_to_what_was_done_and_moves_on(store: Store, acme: EmailConfiguration) -> None:
    a, b, c, d, e = buried(store, acme, 5)
    work = taken(store, asked(store))
    work = note(store, work, [(a.e_id, Fate.PUT_BACK), (b.e_id, Fate.LOCKED), (c.e_id, Fate.PUT_BACK)])
    assert work.cursor == c.e_id
    work = note(store, work, [(d.e_id, Fate.MOVED_ON), (e.e_id, Fate.PUT_BACK)])
    assert work.cursor == e.e_id
    assert work.replay.fates == {Fate.PUT_BACK: 3, Fate.LOCKED: 1, Fate.MOVED_ON: 1}
    assert work.replay.done == 5
    assert held(store, work.replay) == work.replay


def test_until_the_next_slice_is_due_nobody_may_take_it(store: Store, time_passes: TimePasses) -> None:
    replay = asked(store)
    work = note(store, taken(store, replay), [], next_in_seconds=30)
    release(store, work)
    assert due(store) == []
    assert take(store, replay) is None
    time_passes(31)
    assert take(store, replay) is not None


def test_each_slice_renews_the_hold(store: Store, time_passes: TimePasses) -> None:
    replay = asked(store)
    work = taken(store, replay, lease_seconds=60)
    time_passes(50)
    note(store, work, [], lease_seconds=60)
    time_passes(50)
    assert due(store) == []


def test_who_is_late_and_alone_goes_on(store: Store, time_passes: TimePasses) -> None:
    work = taken(store, asked(store))
    time_passes(61)
    finish(store, note(store, work, []))
    assert held(store, work.replay).state is ReplayState.DONE


def test_nothing_of_a_slice_stays_when_the_hold_is_anothers(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    letters = buried(store, acme, 2)
    replay = asked(store)
    slow = taken(store, replay)
    time_passes(61)
    quick = taken(store, replay)

    def carry_out(work: ReplayWork) -> None:
        with store.begin() as tx:
            put_back(tx, letters)
            tx.replays.note(work, all_put_back(letters), next_in_seconds=0, lease_seconds=60)

    with pytest.raises(Conflict):
        carry_out(slow)
    assert [status(store, letter) for letter in letters] == [JobStatus.FAILED] * 2
    assert results(store, replay) == []
    carry_out(quick)
    assert [status(store, letter) for letter in letters] == [JobStatus.QUEUED] * 2
    with pytest.raises(Conflict):
        finish(store, slow)
    assert held(store, replay).fates == {Fate.PUT_BACK: 2}


def test_a_slice_is_noted_once_whatever_its_holder_believes(store: Store, acme: EmailConfiguration) -> None:
    (letter,) = buried(store, acme, 1)
    replay = asked(store)
    before = taken(store, replay)
    note(store, before, all_put_back([letter]))
    with pytest.raises(Conflict):
        note(store, before, all_put_back([letter]))
    assert held(store, replay).fates == {Fate.PUT_BACK: 1}
    assert len(results(store, replay)) == 1


def test_two_replays_may_speak_of_the_same_letter(store: Store, acme: EmailConfiguration) -> None:
    (letter,) = buried(store, acme, 1)
    one, other = asked(store), asked(store)
    note(store, taken(store, one), [(letter.e_id, Fate.LOCKED)])
    note(store, taken(store, other), [(letter.e_id, Fate.PUT_BACK)])
    assert [found.fate for found in results(store, one)] == [Fate.LOCKED]
    assert [found.fate for found in results(store, other)] == [Fate.PUT_BACK]


# --- its end -----------------------------------------------------------------------------------


def test_what_is_done_is_nobodys_any_more(store: Store) -> None:
    replay = asked(store)
    work = taken(store, replay)
    with store.begin() as tx:
        tx.replays.finish(work)
        finished_at = tx.now()
    assert held(store, replay) == replace(replay, state=ReplayState.DONE, finished_at=finished_at)
    assert due(store) == []
    assert take(store, replay) is None
    assert stop(store, replay) is None
    with pytest.raises(Conflict):
        note(store, work, [])
    with pytest.raises(Conflict):
        finish(store, work)
    release(store, work)
    assert held(store, replay).state is ReplayState.DONE


def test_what_waits_is_undone_as_if_it_had_never_been(store: Store, time_passes: TimePasses) -> None:
    replay = asked(store, in_seconds=30)
    with store.begin() as tx:
        stopped = tx.replays.stop(replay.e_id, author="piet")
        now = tx.now()
    assert stopped == replace(replay, state=ReplayState.STOPPED, stopped_by="piet", finished_at=now)
    assert held(store, replay) == stopped
    time_passes(60)
    assert due(store) == []
    assert take(store, replay) is None


def test_stopped_while_a_slice_runs_nothing_of_that_slice_stays_and_what_was_before_does(
    store: Store, acme: EmailConfiguration
) -> None:
    a, b = buried(store, acme, 2)
    replay = asked(store)
    with store.begin() as tx:
        work = tx.replays.take(replay.e_id, lease_seconds=60)
        assert work is not None
        put_back(tx, [a])
        work = tx.replays.note(work, all_put_back([a]), next_in_seconds=0, lease_seconds=60)
    stopped = stop(store, replay)
    assert stopped is not None
    assert (stopped.state, stopped.fates) == (ReplayState.STOPPED, {Fate.PUT_BACK: 1})

    def go_on(work: ReplayWork) -> None:
        with store.begin() as tx:
            put_back(tx, [b])
            tx.replays.note(work, all_put_back([b]), next_in_seconds=0, lease_seconds=60)

    with pytest.raises(Conflict):
        go_on(work)
    with pytest.raises(Conflict):
        finish(store, work)
    release(store, work)
    assert [status(store, letter) for letter in (a, b)] == [JobStatus.QUEUED, JobStatus.FAILED]
    assert held(store, replay) == stopped
    assert [found.letter.e_id for found in results(store, replay)] == [a.e_id]


def test_it_is_stopped_once_and_whoever_was_first_stands(store: Store) -> None:
    replay = asked(store)
    assert stop(store, replay, author="piet") is not None
    assert stop(store, replay, author="quentin") is None
    assert held(store, replay).stopped_by == "piet"


# --- results -------------------------------------------------------------------------------------


def test_results_are_the_letters_as_they_are_now_and_what_became_of_each(
    store: Store, acme: EmailConfiguration
) -> None:
    a, b = buried(store, acme, 2)
    replay = asked(store)
    work = taken(store, replay)
    with store.begin() as tx:
        put_back(tx, [a])
        told = [(a.e_id, Fate.PUT_BACK), (b.e_id, Fate.LOCKED)]
        tx.replays.note(work, told, next_in_seconds=0, lease_seconds=60)
        now = tx.now()
    rested = replace(a, rest=Rest.REPLAYED, rested_at=now)
    assert results(store, replay) == [
        ReplayResult(rested, Fate.PUT_BACK, now),
        ReplayResult(b, Fate.LOCKED, now),
    ]


def test_results_are_paged_and_may_be_of_one_fate_alone(store: Store, acme: EmailConfiguration) -> None:
    letters = buried(store, acme, 6)
    fates = [Fate.PUT_BACK, Fate.LOCKED] * 3
    replay = asked(store)
    note(store, taken(store, replay), [(one.e_id, fate) for one, fate in zip(letters, fates, strict=True)])

    def ids(**wanted: Any) -> list[UUID]:
        return [found.letter.e_id for found in results(store, replay, **wanted)]

    everything = [letter.e_id for letter in letters]
    assert ids() == everything
    assert ids(limit=4) == everything[:4]
    assert ids(after=everything[3], limit=4) == everything[4:]
    assert ids(fate=Fate.LOCKED) == everything[1::2]
    assert ids(fate=Fate.LOCKED, limit=2) == everything[1:5:2]
    assert ids(fate=Fate.LOCKED, after=everything[3], limit=2) == everything[5:]
    assert ids(fate=Fate.RETIRED) == []
