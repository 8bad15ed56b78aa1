"""Passes: due, taken by one, gone on with behind the last slice, and never past what the settings say now."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.configuration import EmailConfiguration
from shared.domain.errors import Conflict
from shared.domain.job import JobStatus
from shared.domain.retention import Kind, Pass
from shared.domain.traffic import Counted
from shared.ports.retention import RetentionReport
from shared.ports.store import Store
from tests.contract.store.retention_rows import (
    begin,
    going_on,
    old_job,
    remove_slice,
    removed,
)
from tests.factories import LONG_AGO

TimePasses = Callable[[float], object]
HOUR = 3600.0


def arm(store: Store, kind: Kind = Kind.CONTENTS) -> None:
    with store.begin() as tx:
        tx.retention.arm(kind, every_seconds=HOUR)


def due(store: Store) -> set[Kind]:
    with store.begin() as tx:
        found = set(tx.retention.due())
    return {kind for kind in Kind if kind.e_id in found}


def report(store: Store, kind: Kind = Kind.CONTENTS) -> RetentionReport:
    with store.begin() as tx:
        reports = tx.retention.reports()
    assert [one.kind for one in reports] == list(Kind)
    return next(one for one in reports if one.kind is kind)


def sent(store: Store, acme: EmailConfiguration, jobs: int) -> None:
    for _ in range(jobs):
        old_job(store, acme, JobStatus.SENT)


def test_nothing_is_due_that_was_not_armed(store: Store) -> None:
    assert due(store) == set()
    with store.begin() as tx:
        assert tx.retention.begin(Kind.JOBS, keep_days=1, lease_seconds=60) is None
    assert report(store) == RetentionReport(kind=Kind.CONTENTS)


def test_what_is_armed_is_due_at_once_and_then_an_interval_after_its_pass_began(
    store: Store, time_passes: TimePasses
) -> None:
    arm(store)
    arm(store, Kind.AUDIT)
    assert due(store) == {Kind.CONTENTS, Kind.AUDIT}
    with store.begin() as tx:
        pass_ = tx.retention.begin(Kind.CONTENTS, keep_days=1, lease_seconds=60)
    assert pass_ is not None
    assert remove_slice(store, pass_).done
    arm(store)
    assert due(store) == {Kind.AUDIT}
    time_passes(HOUR + 1)
    arm(store)
    assert due(store) == {Kind.CONTENTS, Kind.AUDIT}


def test_a_kind_that_is_kept_for_ever_by_now_is_not_due_any_more(store: Store) -> None:
    arm(store)
    with store.begin() as tx:
        tx.retention.disarm(Kind.CONTENTS)
        tx.retention.disarm(Kind.AUDIT)
    assert due(store) == set()
    assert report(store).due_at is None


def test_a_pass_that_runs_is_not_taken_from_under_its_worker(store: Store, acme: EmailConfiguration) -> None:
    sent(store, acme, jobs=3)
    pass_ = begin(store, Kind.CONTENTS)
    with store.begin() as tx:
        tx.retention.disarm(Kind.CONTENTS)
        assert tx.retention.begin(Kind.CONTENTS, keep_days=0, lease_seconds=60) is None
    assert due(store) == set()
    assert report(store).running
    assert remove_slice(store, pass_).removed == 3


def test_asked_for_while_a_pass_runs_is_asked_for_another_one(
    store: Store, a_moment_passes: Callable[[], object]
) -> None:
    pass_ = begin(store, Kind.CONTENTS)
    a_moment_passes()
    with store.begin() as tx:
        tx.retention.ask(Kind.CONTENTS)
    assert remove_slice(store, pass_).done
    assert due(store) == {Kind.CONTENTS}
    assert removed(store, Kind.CONTENTS) == 0
    assert due(store) == set()


def test_a_pass_that_was_left_is_gone_on_with_behind_its_last_slice(
    store: Store, acme: EmailConfiguration
) -> None:
    old_job(store, acme, JobStatus.INCONSISTENT)
    sent(store, acme, jobs=4)
    pass_ = begin(store, Kind.CONTENTS)
    first = remove_slice(store, pass_, rows=3)
    assert (first.looked, first.removed, first.done) == (3, 2, False)
    with store.begin() as tx:
        tx.retention.release(pass_)
    assert due(store) == {Kind.CONTENTS}
    again = begin(store, Kind.CONTENTS)
    assert (again.cursor, again.until) == (first.cursor, pass_.until)
    assert again.token != pass_.token
    second = remove_slice(store, again, rows=3)
    assert (second.looked, second.removed, second.done) == (2, 2, True)
    told = report(store)
    assert (told.looked, told.removed, told.removed_in_all) == (5, 4, 4)
    assert (told.running, told.reached_at) == (False, pass_.until)


def test_a_worker_that_was_silent_for_too_long_removes_nothing(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    sent(store, acme, jobs=2)
    mine = begin(store, Kind.CONTENTS, lease_seconds=60)
    time_passes(61)
    assert due(store) == {Kind.CONTENTS}
    yours = begin(store, Kind.CONTENTS)
    with pytest.raises(Conflict):
        remove_slice(store, mine)
    with store.begin() as tx:
        tx.retention.release(mine)
        assert tx.retention.begin(Kind.CONTENTS, keep_days=0, lease_seconds=60) is None
    assert remove_slice(store, yours).removed == 2


def test_each_slice_holds_the_lease_anew(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    sent(store, acme, jobs=3)
    pass_ = begin(store, Kind.CONTENTS)
    for _ in range(3):
        time_passes(50)
        pass_ = going_on(pass_, remove_slice(store, pass_, rows=1))
        assert report(store).running


def test_who_keeps_rows_for_longer_by_now_loses_no_more_of_them(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        now = tx.now()
    ages = [40, 35, 20]
    for days in ages:
        old_job(store, acme, JobStatus.SENT, updated_at=now - timedelta(days=days))
    pass_ = begin(store, Kind.CONTENTS, keep_days=10)
    assert remove_slice(store, pass_, rows=1).removed == 1
    with store.begin() as tx:
        tx.retention.release(pass_)
    again = begin(store, Kind.CONTENTS, keep_days=30)
    assert again.until < now - timedelta(days=29)
    assert remove_slice(store, again).removed == 1


def test_what_would_go_is_counted_and_stays(store: Store, acme: EmailConfiguration) -> None:
    sent(store, acme, jobs=3)
    old_job(store, acme, JobStatus.IN_DOUBT)
    pass_ = begin(store, Kind.JOBS)
    with store.begin() as tx:
        slice_ = tx.retention.would_remove(pass_, rows=3)
        rest = tx.retention.would_remove(going_on(pass_, slice_), rows=3)
    assert (slice_.looked, slice_.removed, slice_.done) == (3, 3, False)
    assert (rest.looked, rest.removed, rest.done) == (1, 0, True)
    assert remove_slice(store, pass_).removed == 3


def test_how_far_behind_it_is_is_told(store: Store, acme: EmailConfiguration) -> None:
    assert report(store).behind_seconds(LONG_AGO, keep_days=30) == 0
    with store.begin() as tx:
        now = tx.now()
    old_job(store, acme, JobStatus.SENT, updated_at=now - timedelta(days=31))
    removed(store, Kind.CONTENTS, keep_days=30)
    told = report(store)
    assert told.behind_seconds(now, keep_days=30) < 60
    assert told.behind_seconds(now + timedelta(days=2), keep_days=30) == pytest.approx(2 * 86_400, abs=60)
    assert told.behind_seconds(now, keep_days=90) == 0


def test_nothing_is_said_of_how_far_it_came_before_it_got_anywhere(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    for _ in range(3):
        with store.begin() as tx:
            tx.traffic.add({(Counted.ACCEPTED, ""): 1})
        time_passes(60)
    minutes, jobs = begin(store, Kind.TRAFFIC), begin(store, Kind.JOBS)
    assert not remove_slice(store, minutes, rows=2).done
    assert report(store, Kind.TRAFFIC).reached_at is None
    assert remove_slice(store, minutes, rows=2).done
    assert report(store, Kind.TRAFFIC).reached_at == minutes.until
    sent(store, acme, jobs=2)
    remove_slice(store, jobs, rows=1)
    reached_at = report(store, Kind.JOBS).reached_at
    assert reached_at is not None
    assert abs(reached_at - LONG_AGO) < timedelta(seconds=1)


@pytest.mark.parametrize("kind", Kind)
def test_a_pass_over_nothing_is_finished_by_one_slice(store: Store, kind: Kind) -> None:
    assert removed(store, kind) == 0
    assert report(store, kind).finished_at is not None
    with store.begin() as tx:
        assert tx.retention.would_remove(Pass(kind, kind.e_id, LONG_AGO), rows=5).done
