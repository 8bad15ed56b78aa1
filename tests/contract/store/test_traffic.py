"""How much happened in each minute, by the store's own clock."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from shared.domain.errors import InvalidValue
from shared.domain.traffic import Counted
from shared.ports.store import Store
from shared.ports.traffic import Bar
from tests.factories import LONG_AGO

TimePasses = Callable[[float], object]
ACCEPTED, SENT, FAILED = (Counted.ACCEPTED, ""), (Counted.OUTCOME, "SENT"), (Counted.OUTCOME, "FAILED")


def add(store: Store, *counts: dict[tuple[Counted, str], int]) -> datetime:
    """The minute that they were added to."""
    with store.begin() as tx:
        for each in counts:
            tx.traffic.add(each)
        return tx.now().replace(second=0, microsecond=0)


def bars(
    store: Store, *, since: datetime = LONG_AGO - timedelta(days=999), span_minutes: int = 1
) -> list[Bar]:
    with store.begin() as tx:
        return list(tx.traffic.bars(since=since, span_minutes=span_minutes))


def forget(store: Store, until: datetime, limit: int = 100) -> int:
    with store.begin() as tx:
        return tx.traffic.forget(until=until, limit=limit)


def test_counts_of_a_minute_add_up(store: Store) -> None:
    minute = add(store, {ACCEPTED: 3, SENT: 2}, {ACCEPTED: 4, FAILED: 1})
    assert bars(store) == [
        Bar(minute, Counted.ACCEPTED, "", 7),
        Bar(minute, Counted.OUTCOME, "FAILED", 1),
        Bar(minute, Counted.OUTCOME, "SENT", 2),
    ]


def test_the_same_label_of_two_things_is_two_counts(store: Store) -> None:
    minute = add(store, {(Counted.STATUS, "DELIVERED"): 1, (Counted.OUTCOME, "DELIVERED"): 2})
    assert bars(store) == [
        Bar(minute, Counted.OUTCOME, "DELIVERED", 2),
        Bar(minute, Counted.STATUS, "DELIVERED", 1),
    ]


def test_nothing_counted_makes_no_bar(store: Store) -> None:
    add(store, {})
    assert bars(store) == []


def test_more_than_a_machine_word_of_32_bits_is_counted(store: Store) -> None:
    minute = add(store, {ACCEPTED: 2**33}, {ACCEPTED: 2**33})
    assert bars(store) == [Bar(minute, Counted.ACCEPTED, "", 2**34)]


@pytest.mark.parametrize("span_minutes", [2, 5, 7, 60, 1000, 1440])
def test_spans_begin_at_their_multiples_since_midnight(
    store: Store, time_passes: TimePasses, span_minutes: int
) -> None:
    # Over more than a day, and no two as far apart as another passes.
    for count, minutes in enumerate((1, 4, 15, 121, 710, 770), start=1):
        add(store, {ACCEPTED: count})
        time_passes(minutes * 60)
    expected: Counter[datetime] = Counter()
    for bar in bars(store, span_minutes=1):
        midnight = bar.begins_at.replace(hour=0, minute=0)
        since_midnight = int((bar.begins_at - midnight).total_seconds()) // 60
        expected[midnight + timedelta(minutes=since_midnight - since_midnight % span_minutes)] += bar.count
    assert bars(store, span_minutes=span_minutes) == [
        Bar(begins_at, Counted.ACCEPTED, "", count) for begins_at, count in sorted(expected.items())
    ]


def test_minutes_before_are_left_out_and_the_one_that_is_named_is_not(store: Store) -> None:
    minute = add(store, {ACCEPTED: 1})
    assert len(bars(store, since=minute)) == 1
    assert bars(store, since=minute + timedelta(microseconds=1)) == []


@pytest.mark.parametrize("span_minutes", [0, -5, 1441])
def test_a_span_that_is_none_of_a_day_is_refused(store: Store, span_minutes: int) -> None:
    with pytest.raises(InvalidValue) as refused:
        bars(store, span_minutes=span_minutes)
    assert refused.value.field == "spanMinutes"


def test_old_minutes_are_forgotten_in_slices_the_oldest_first(store: Store, time_passes: TimePasses) -> None:
    for passed in (3600, 1800, 600):
        add(store, {ACCEPTED: passed, SENT: passed})
        time_passes(passed)
    oldest, older, newest = sorted({bar.begins_at for bar in bars(store)})
    assert forget(store, oldest) == 0
    assert forget(store, newest, limit=3) == 3
    assert {bar.begins_at for bar in bars(store)} == {older, newest}
    assert forget(store, newest, limit=3) == 1
    assert {bar.begins_at for bar in bars(store)} == {newest}
    assert forget(store, newest, limit=3) == 0
