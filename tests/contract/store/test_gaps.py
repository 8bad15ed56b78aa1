"""Gaps: opened once for whom they concern, worked on by one, resumed where they were left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from shared.domain.configuration import EmailConfiguration
from shared.domain.gap import SLOWEST_DELIVERY, Gap
from shared.domain.job import JobStatus
from shared.ports.store import Store
from tests.factories import CREATED, LONG_AGO, configuration, later, new_job, provisioned, sendable

Moment = Callable[[], object]
TimePasses = Callable[[float], object]

FROM, UNTIL = later(hours=1), later(hours=3)


def add(store: Store, *configurations: EmailConfiguration) -> None:
    with store.begin() as tx:
        for one in configurations:
            tx.configurations.add(one, CREATED)


def another(**given: Any) -> EmailConfiguration:
    return sendable(**{"tenant_id": uuid4(), **given})


def open_(
    store: Store,
    from_at: datetime = FROM,
    until_at: datetime = UNTIL,
    *,
    of: EmailConfiguration | None = None,
) -> int:
    with store.begin() as tx:
        return tx.gaps.open(
            from_at,
            until_at,
            cause="away",
            author="worker",
            configuration_id=of.e_id if of is not None else None,
        )


def due(store: Store, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return tx.gaps.due(limit)


def take(store: Store, one: EmailConfiguration, seconds: float = 60) -> Gap | None:
    with store.begin() as tx:
        return tx.gaps.take(one.e_id, lease_seconds=seconds)


def taken(store: Store, one: EmailConfiguration, seconds: float = 60) -> Gap:
    gap = take(store, one, seconds)
    assert gap is not None
    return gap


def save(store: Store, gap: Gap, seconds: float = 0.0) -> None:
    with store.begin() as tx:
        tx.gaps.save(gap, due_in_seconds=seconds)


def finish(store: Store, gap: Gap) -> Gap:
    with store.begin() as tx:
        finished = replace(gap, finished_at=tx.now())
        tx.gaps.save(finished)
    return finished


def latest(store: Store, limit: int = 10, of: EmailConfiguration | None = None) -> list[Gap]:
    with store.begin() as tx:
        return tx.gaps.latest(limit, configuration_id=of.e_id if of is not None else None)


def test_a_gap_is_opened_for_whoever_has_a_webhook(store: Store, acme: EmailConfiguration) -> None:
    retired = another(retired_at=LONG_AGO)
    gone = another(retired_at=LONG_AGO, cleaned_up_at=LONG_AGO)
    without = another(provisioned=provisioned(webhook_id=None))
    add(store, retired, gone, without, configuration())
    assert open_(store) == 2
    assert set(due(store)) == {acme.e_id, retired.e_id}
    assert {gap.configuration_id for gap in latest(store)} == {acme.e_id, retired.e_id}


def test_a_gap_is_read_as_it_was_opened(store: Store, acme: EmailConfiguration) -> None:
    with store.begin() as tx:
        tx.gaps.open(FROM, UNTIL, cause="ingress was away", author="web")
        opened_at = tx.now()
    gap = taken(store, acme)
    assert gap == Gap(
        e_id=gap.e_id,
        configuration_id=acme.e_id,
        from_at=FROM,
        until_at=UNTIL,
        cause="ingress was away",
        author="web",
        opened_at=opened_at,
    )
    assert latest(store) == [gap]


def test_a_gap_may_be_opened_for_one_alone(store: Store, acme: EmailConfiguration) -> None:
    other, without = another(), another(provisioned=provisioned(webhook_id=None))
    add(store, other, without)
    assert open_(store, of=other) == 1
    assert due(store) == [other.e_id]
    assert open_(store, of=without) == 0
    assert open_(store) == 1
    assert len(latest(store)) == 2


def test_an_open_gap_that_covers_the_times_is_enough(store: Store, acme: EmailConfiguration) -> None:
    open_(store)
    assert open_(store) == 0
    assert open_(store, later(hours=2), later(hours=2)) == 0
    taken(store, acme)
    assert open_(store) == 0


def test_times_that_no_open_gap_covers_open_another(store: Store, acme: EmailConfiguration) -> None:
    open_(store)
    assert open_(store, FROM, later(hours=4)) == 1
    assert open_(store, LONG_AGO, UNTIL) == 1
    assert len(latest(store)) == 3


def test_a_closed_gap_covers_nothing(store: Store, acme: EmailConfiguration) -> None:
    open_(store)
    finish(store, taken(store, acme))
    assert open_(store) == 1


def test_one_works_on_a_gap_until_the_lease_ends(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    open_(store)
    gap = taken(store, acme, seconds=60)
    assert take(store, acme) is None
    assert due(store) == []
    time_passes(61)
    assert due(store) == [acme.e_id]
    assert taken(store, acme).e_id == gap.e_id


def test_the_oldest_gap_comes_first(store: Store, acme: EmailConfiguration, a_moment_passes: Moment) -> None:
    open_(store, later(hours=5), later(hours=6))
    a_moment_passes()
    open_(store)
    assert due(store) == [acme.e_id]
    assert taken(store, acme).from_at == later(hours=5)
    assert taken(store, acme).from_at == FROM
    assert take(store, acme) is None


def test_nobody_takes_anothers_gap(store: Store, acme: EmailConfiguration) -> None:
    other = another()
    add(store, other)
    open_(store, of=acme)
    assert take(store, other) is None


def test_the_longest_due_is_told_first(
    store: Store, acme: EmailConfiguration, a_moment_passes: Moment
) -> None:
    other, third = another(), another()
    add(store, other, third)
    for one in (third, acme, other):
        open_(store, of=one)
        a_moment_passes()
    assert due(store) == [third.e_id, acme.e_id, other.e_id]
    assert due(store, limit=2) == [third.e_id, acme.e_id]


def test_progress_is_kept_and_lets_go_of_the_gap(store: Store, acme: EmailConfiguration) -> None:
    open_(store)
    further = replace(taken(store, acme), found=7, cursor=uuid4(), tries=2, fault="503")
    save(store, further)
    assert taken(store, acme) == further


def test_a_gap_that_was_put_off_is_due_when_its_time_has_come(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    open_(store)
    save(store, taken(store, acme), seconds=600)
    time_passes(300)
    assert due(store) == []
    time_passes(301)
    assert due(store) == [acme.e_id]


def test_a_finished_gap_is_due_no_more_and_stays_as_it_ended(
    store: Store, acme: EmailConfiguration, time_passes: TimePasses
) -> None:
    open_(store)
    gap = taken(store, acme)
    finished = finish(store, replace(gap, found=3, fault="unauthorised"))
    save(store, replace(gap, found=1), seconds=0)
    assert latest(store) == [finished]
    time_passes(1_000)
    assert due(store) == []
    assert take(store, acme) is None


def test_gaps_are_told_newest_first(store: Store, acme: EmailConfiguration, a_moment_passes: Moment) -> None:
    other = another()
    add(store, other)
    for number in range(3):
        open_(store, later(days=number), later(days=number, hours=1), of=acme)
        a_moment_passes()
    open_(store, of=other)
    assert [gap.from_at for gap in latest(store, of=acme)] == [later(days=2), later(days=1), later()]
    assert [gap.configuration_id for gap in latest(store, limit=2)] == [other.e_id, acme.e_id]
    assert latest(store, of=configuration()) == []


SENT = {"status": JobStatus.SENT, "due_at": None}


def accept(store: Store, one: EmailConfiguration, **given: Any) -> UUID:
    new = new_job(one, **{**SENT, "provider_message_id": str(uuid4()), "accepted_at": FROM, **given})
    with store.begin() as tx:
        tx.jobs.accept([new])
    return new.job.e_id


def messages(store: Store, gap: Gap, limit: int = 10) -> list[UUID]:
    with store.begin() as tx:
        return [job_id for job_id, _ in tx.gaps.messages(gap, limit=limit)]


def test_messages_whose_delivery_may_have_been_missed_are_those_still_only_sent(
    store: Store, acme: EmailConfiguration
) -> None:
    with store.begin() as tx:
        new = new_job(acme, **SENT, provider_message_id="message-1", accepted_at=FROM)
        tx.jobs.accept([new])
    for status in (JobStatus.DELIVERED, JobStatus.BOUNCED, JobStatus.FAILED):
        accept(store, acme, status=status)
    accept(store, acme, provider_message_id=None)
    open_(store)
    with store.begin() as tx:
        gap = tx.gaps.latest(1)[0]
        assert tx.gaps.messages(gap, limit=10) == [(new.job.e_id, "message-1")]


def test_messages_are_of_this_configuration_alone(store: Store, acme: EmailConfiguration) -> None:
    sibling, other = configuration(provisioned=provisioned()), another()
    add(store, sibling, other)
    accept(store, sibling)
    accept(store, other)
    mine = accept(store, acme)
    open_(store, of=acme)
    assert messages(store, taken(store, acme)) == [mine]


def test_a_message_may_have_been_under_way_for_long_and_not_accepted_after_the_gap(
    store: Store, acme: EmailConfiguration
) -> None:
    slowest = accept(store, acme, accepted_at=FROM - SLOWEST_DELIVERY)
    accept(store, acme, accepted_at=FROM - SLOWEST_DELIVERY - (UNTIL - FROM))
    last = accept(store, acme, accepted_at=UNTIL)
    accept(store, acme, accepted_at=later(hours=4))
    open_(store)
    assert messages(store, taken(store, acme)) == [slowest, last]


def test_messages_come_in_slices_from_the_cursor_on(store: Store, acme: EmailConfiguration) -> None:
    together = [accept(store, acme) for _ in range(3)]
    first, last = accept(store, acme, accepted_at=LONG_AGO), accept(store, acme, accepted_at=UNTIL)
    open_(store)
    gap, found = taken(store, acme), list[UUID]()
    while some := messages(store, gap, limit=2):
        found += some
        gap = replace(gap, cursor=some[-1])
    assert found == [first, *together, last]


def test_a_message_delivered_meanwhile_does_not_stop_the_cursor(
    store: Store, acme: EmailConfiguration
) -> None:
    first, second, third = (accept(store, acme) for _ in range(3))
    open_(store)
    gap = replace(taken(store, acme), cursor=first)
    with store.begin() as tx:
        for job in tx.jobs.for_events(acme.e_id, job_ids=[first, second], message_ids=[]):
            tx.jobs.set_status(job, JobStatus.DELIVERED, provider_message_id=None)
    assert messages(store, gap) == [third]


def test_where_the_job_of_the_cursor_is_unknown_it_begins_again(
    store: Store, acme: EmailConfiguration
) -> None:
    jobs = [accept(store, acme) for _ in range(2)]
    open_(store)
    assert messages(store, replace(taken(store, acme), cursor=uuid4())) == jobs


def test_a_gap_covers_times_only_while_it_is_open(store: Store) -> None:
    one, other = another(), another()
    add(store, one, other)
    open_(store)
    with store.begin() as tx:
        both = tx.gaps.covering(FROM, UNTIL, configuration_id=None)
        [mine] = tx.gaps.covering(FROM, UNTIL, configuration_id=one.e_id)
        assert {gap.configuration_id for gap in both} == {one.e_id, other.e_id}
        assert tx.gaps.covering(FROM, later(hours=4), configuration_id=None) == []
        assert tx.gaps.some([mine.e_id]) == [mine]
        tx.gaps.save(replace(mine, finished_at=tx.now()))
        assert tx.gaps.covering(FROM, UNTIL, configuration_id=one.e_id) == []
