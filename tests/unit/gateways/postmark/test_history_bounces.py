"""Bounces of a span of time: what is asked of Postmark, and what is made of its rows. The rest is in the contract."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.gateways.postmark.history import PostmarkHistory
from shared.gateways.postmark.spans import MARGIN, REACH
from tests.unit.gateways.postmark.stub import StubServer

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MESSAGE_ID = "883953f4-6105-42a2-a16a-77a8eac79483"


@pytest.fixture
def history(stub: StubServer) -> PostmarkHistory:
    return PostmarkHistory(stub.wire())


def _bounce(number: int, at: datetime = NOON, **changes: object) -> dict[str, object]:
    return {
        "ID": 2**53 + number,
        "Type": "HardBounce",
        "MessageID": MESSAGE_ID,
        "Email": "person@example.com",
        "BouncedAt": at.astimezone(ZoneInfo("America/New_York")).isoformat(),
        **changes,
    }


def _page(rows: list[Any], total: int | None = None) -> dict[str, object]:
    return {"TotalCount": len(rows) if total is None else total, "Bounces": rows}


def _told(bodies: Iterator[str]) -> list[dict[str, Any]]:
    return [json.loads(body) for body in bodies]


def test_whole_days_of_new_york_are_asked_for_with_one_to_spare(
    stub: StubServer, history: PostmarkHistory
) -> None:
    stub.reply(200, _page([]))
    # The third of November has begun in London, and not yet in New York.
    since, until = datetime(2026, 11, 3, 3, 30, tzinfo=UTC), datetime(2026, 11, 3, 4, 30, tzinfo=UTC)
    assert _told(history.bounces("token", since=since, until=until)) == []
    assert stub.received[0].query == {
        "count": "500",
        "offset": "0",
        "messagestream": "outbound",
        "fromdate": "2026-11-02",
        "todate": "2026-11-03",
    }


def test_all_pages_are_read(stub: StubServer, history: PostmarkHistory) -> None:
    rows = [_bounce(number) for number in range(501)]
    stub.reply(200, _page(rows[:500], 501))
    stub.reply(200, _page(rows[500:], 501))
    told = _told(history.bounces("token", since=NOON - HOUR, until=NOON + HOUR))
    assert [event["ID"] for event in told] == [2**53 + number for number in range(501)]
    assert [received.query["offset"] for received in stub.received] == ["0", "500"]


def test_rows_outside_of_the_span_are_left_out_but_for_a_minute(
    stub: StubServer, history: PostmarkHistory
) -> None:
    since, until = NOON - HOUR, NOON + HOUR
    second = timedelta(seconds=1)
    rows = [
        _bounce(1, since - MARGIN - second),
        _bounce(2, since - MARGIN),
        _bounce(3, until + MARGIN - second),
        _bounce(4, until + MARGIN),
        _bounce(5, BouncedAt="yesterday"),
        _bounce(6, BouncedAt=None),
    ]
    stub.reply(200, _page(rows))
    told = _told(history.bounces("token", since=since, until=until))
    assert [event["ID"] - 2**53 for event in told] == [2, 3, 5, 6]


def test_a_span_with_too_many_is_cut_in_halves(stub: StubServer, history: PostmarkHistory) -> None:
    since, until = NOON + MARGIN, NOON + 4 * HOUR - MARGIN
    stub.reply(200, _page([_bounce(0)] * 500, REACH + 1))
    stub.reply(200, _page([_bounce(1, NOON), _bounce(2, NOON + 2 * HOUR)]))
    stub.reply(200, _page([_bounce(2, NOON + 2 * HOUR), _bounce(3, NOON + 3 * HOUR)]))
    told = _told(history.bounces("token", since=since, until=until))
    # Both halves are asked for wide of the mark, and the row of the middle is of one of them.
    assert [event["ID"] - 2**53 for event in told] == [1, 2, 3]
    assert [(call.query["fromdate"], call.query["todate"]) for call in stub.received[1:]] == [
        ("2026-11-02T06:59:00", "2026-11-02T09:01:00"),
        ("2026-11-02T08:59:00", "2026-11-02T11:01:00"),
    ]


def test_halves_are_cut_again(stub: StubServer, history: PostmarkHistory) -> None:
    stub.reply(200, _page([], REACH + 1))
    stub.reply(200, _page([], REACH + 1))
    for number in (1, 2):
        stub.reply(200, _page([_bounce(number, BouncedAt=None)]))
    stub.reply(200, _page([_bounce(3, BouncedAt=None)]))
    told = _told(history.bounces("token", since=NOON, until=NOON + HOUR))
    assert [event["ID"] - 2**53 for event in told] == [1, 2, 3]


def test_too_many_in_a_minute_are_told_as_far_as_they_are_shown_and_not_passed_over(
    stub: StubServer, history: PostmarkHistory
) -> None:
    def answered(call: int) -> list[Any]:
        return [_bounce(call, BouncedAt=None)] * 500

    # The span and its margins are three minutes: cut twice, and the first piece read whole.
    for call in range(3 + REACH // 500 - 1):
        stub.reply(200, _page(answered(call), REACH + 1))
    bodies = history.bounces("token", since=NOON, until=NOON + MARGIN)
    told = [next(bodies) for _ in range(REACH)]
    assert len(told) == REACH
    with pytest.raises(ProviderRefused) as refused:
        next(bodies)
    assert refused.value.code == "too_many"
    assert stub.received[-1].query["offset"] == str(REACH - 500)


@pytest.mark.parametrize(
    ("since", "until", "fromdate", "todate"),
    [
        # 01:30 comes twice in this night, an hour apart, and looks the same.
        ("05:31", "05:59", "2026-11-01T00:30:00", "2026-11-01T02:00:00"),
        ("06:31", "06:49", "2026-11-01T01:30:00", "2026-11-01T02:50:00"),
        ("04:31", "05:09", "2026-11-01T00:30:00", "2026-11-01T01:10:00"),
        ("07:31", "07:59", "2026-11-01T02:30:00", "2026-11-01T03:00:00"),
    ],
)
def test_the_hour_that_comes_twice_is_covered_whichever_is_meant(
    stub: StubServer, history: PostmarkHistory, since: str, until: str, fromdate: str, todate: str
) -> None:
    begin, end = (datetime.fromisoformat(f"2026-11-01T{text}:00+00:00") for text in (since, until))
    stub.reply(200, _page([], REACH + 1))
    stub.reply(200, _page([]))
    stub.reply(200, _page([]))
    # The margins of the call itself, taken off again.
    assert _told(history.bounces("token", since=begin + MARGIN, until=end - MARGIN)) == []
    first, second = (received.query for received in stub.received[1:])
    assert (first["fromdate"], second["todate"]) == (fromdate, todate)


def test_no_reading_of_a_repeated_hour_misses_a_moment(stub: StubServer, history: PostmarkHistory) -> None:
    eastern = ZoneInfo("America/New_York")
    begin = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
    for step in range(0, 6 * 60, 30):
        since = begin + timedelta(minutes=step)
        until = since + timedelta(minutes=20)
        stub.received.clear()
        stub.reply(200, _page([], REACH + 1))
        stub.reply(200, _page([]))
        stub.reply(200, _page([]))
        list(history.bounces("token", since=since, until=until))
        for fold in (0, 1):
            first, last = (
                datetime.fromisoformat(text).replace(tzinfo=eastern, fold=fold)
                for text in (stub.received[1].query["fromdate"], stub.received[2].query["todate"])
            )
            assert first.astimezone(UTC) <= since
            assert last.astimezone(UTC) >= until


def test_numbers_and_texts_come_through_as_they_are(stub: StubServer, history: PostmarkHistory) -> None:
    row = _bounce(1, Subject="Grüße, \u65e5\u672c, \U0001f600 \u0000 \ud800", Strange={"n": 2**70, "x": 0.1})
    stub.reply(200, json.dumps(_page([row])).encode())
    (body,) = history.bounces("token", since=NOON - HOUR, until=NOON + HOUR)
    assert json.loads(body) == {**row, "RecordType": "Bounce"}


@pytest.mark.parametrize(
    ("kind", "record_type"),
    [("HardBounce", "Bounce"), ("Transient", "Bounce"), ("SpamComplaint", "SpamComplaint"), (None, "Bounce")],
)
def test_a_row_is_told_as_its_callback_is_named(
    stub: StubServer, history: PostmarkHistory, kind: str | None, record_type: str
) -> None:
    stub.reply(200, _page([_bounce(1, Type=kind, RecordType="Other", Content="the tenant's mail")]))
    (told,) = _told(history.bounces("token", since=NOON - HOUR, until=NOON + HOUR))
    assert told["RecordType"] == record_type
    assert "Content" not in told


@pytest.mark.parametrize(
    "body", [b"<html>", [], {}, {"TotalCount": 0}, {"Bounces": []}, {"TotalCount": "1", "Bounces": []}]
)
def test_an_unreadable_list_is_never_read_as_no_bounces(
    stub: StubServer, history: PostmarkHistory, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        list(history.bounces("token", since=NOON - HOUR, until=NOON))


def test_nothing_is_asked_before_the_first_is_wanted(stub: StubServer, history: PostmarkHistory) -> None:
    history.bounces("token", since=NOON - HOUR, until=NOON)
    history.suppressions("token", since=NOON)
    assert stub.received == []
