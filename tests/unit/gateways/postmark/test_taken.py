from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.recovery import TakenMessage
from shared.gateways.postmark.spans import REACH
from shared.gateways.postmark.taken import PostmarkTaken
from shared.ports.mail import TOO_MANY
from tests.unit.gateways.postmark.stub import StubServer

# Both in winter, when Eastern time is five hours behind.
SINCE, UNTIL = datetime(2026, 11, 22, 3, 0, tzinfo=UTC), datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
JOB = UUID("019b0000-0000-7000-8000-0000000000a1")
CLAIM = UUID("019b0000-0000-7000-8000-0000000000c1")


def row(**given: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "MessageID": "message-1",
        "Recipients": ["person@example.com"],
        "Subject": "Your order",
        "Tag": "orders",
        "ReceivedAt": "2026-11-21T22:30:00.1234567-05:00",
        "Metadata": {"job": str(JOB), "claim": str(CLAIM)},
    }
    return {**fields, **given}


def page(*rows: object, total: int | None = None) -> dict[str, Any]:
    return {"TotalCount": len(rows) if total is None else total, "Messages": list(rows)}


def between(stub: StubServer) -> list[TakenMessage]:
    pages = PostmarkTaken(stub.wire()).between("server-token", since=SINCE, until=UNTIL)
    return [message for found in pages for message in found]


def test_a_message_is_read_whole(stub: StubServer) -> None:
    stub.reply(200, page(row()))
    (found,) = between(stub)
    assert found == TakenMessage(
        job_id=JOB,
        claim_id=CLAIM,
        message_id="message-1",
        recipient="person@example.com",
        subject="Your order",
        tag="orders",
        taken_at=datetime(2026, 11, 22, 3, 30, 0, 123456, tzinfo=UTC),
    )


def test_whole_days_are_asked_for_as_the_provider_counts_them(stub: StubServer) -> None:
    stub.reply(200, page())
    between(stub)
    query = stub.received[0].query
    assert (query["fromdate"], query["todate"]) == ("2026-11-21", "2026-11-22")
    assert (query["messagestream"], query["count"]) == ("outbound", "500")


@pytest.mark.parametrize("received_at", ["2026-11-21T21:59:59-05:00", "2026-11-21T23:00:00-05:00"])
def test_a_row_outside_of_the_span_is_left_out(stub: StubServer, received_at: str) -> None:
    stub.reply(200, page(row(ReceivedAt=received_at)))
    assert between(stub) == []


@pytest.mark.parametrize("received_at", [None, "yesterday"])
def test_a_row_without_a_readable_time_may_be_of_the_span(stub: StubServer, received_at: object) -> None:
    stub.reply(200, page(row(ReceivedAt=received_at)))
    assert [found.taken_at for found in between(stub)] == [SINCE]


def test_a_message_without_a_claim_is_ours_all_the_same(stub: StubServer) -> None:
    stub.reply(200, page(row(Metadata={"job": str(JOB)}, Tag=None)))
    (found,) = between(stub)
    assert (found.claim_id, found.tag) == (None, None)


@pytest.mark.parametrize("metadata", [None, {}, {"job": "17"}, {"claim": str(CLAIM)}])
def test_a_message_that_names_no_job_is_none_of_ours(stub: StubServer, metadata: object) -> None:
    stub.reply(200, page(row(Metadata=metadata), "row", row()))
    assert len(between(stub)) == 1


@pytest.mark.parametrize("broken", [{"MessageID": None}, {"Recipients": []}, {"Recipients": None}])
def test_a_message_of_ours_that_cannot_be_read_is_never_passed_over(
    stub: StubServer, broken: dict[str, object]
) -> None:
    stub.reply(200, page(row(**broken)))
    with pytest.raises(ProviderUnavailable):
        between(stub)


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"Messages": []}, {"TotalCount": 1, "Messages": None}])
def test_an_unreadable_answer_is_never_read_as_nothing_taken(stub: StubServer, body: object) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        between(stub)


def test_every_page_is_read(stub: StubServer) -> None:
    for size in (500, 500, 1):
        stub.reply(200, page(*[row()] * size, total=1001))
    assert len(between(stub)) == 1001
    assert [received.query["offset"] for received in stub.received] == ["0", "500", "1000"]


def test_a_page_that_is_not_full_is_not_taken_for_the_last(stub: StubServer) -> None:
    stub.reply(200, page(*[row()] * 499, total=501))
    stub.reply(200, page(row(), total=501))
    assert len(between(stub)) == 500


def test_a_day_with_more_than_can_be_shown_is_asked_for_by_the_minute(stub: StubServer) -> None:
    stub.reply(200, page(total=REACH + 1))
    stub.reply(200, page(row()))
    assert len(between(stub)) == 1
    query = stub.received[1].query
    assert (query["fromdate"], query["todate"]) == ("2026-11-21T21:59:00", "2026-11-21T23:01:00")


def test_more_than_can_be_shown_is_refused_before_anything_is_read(stub: StubServer) -> None:
    stub.reply(200, page(row(), total=REACH + 1))
    stub.reply(200, page(row(), total=REACH + 1))
    with pytest.raises(ProviderRefused) as refused:
        between(stub)
    assert refused.value.code == TOO_MANY


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503])
def test_a_failed_call_may_be_made_again(stub: StubServer, status: int) -> None:
    stub.reply(status, b"<html>")
    with pytest.raises(ProviderUnavailable):
        between(stub)
