"""What Postmark's list of suppressions and the details of a message are made into. The rest is in the contract."""

import json
from datetime import UTC, datetime

import pytest

from shared.domain.errors import ProviderUnavailable
from shared.gateways.postmark.events import PostmarkEvents
from shared.gateways.postmark.history import PostmarkHistory
from tests.unit.gateways.postmark.stub import StubServer

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MESSAGE_ID = "883953f4-6105-42a2-a16a-77a8eac79483"
JOB = "019b0000-0000-7000-8000-000000000001"


@pytest.fixture
def history(stub: StubServer) -> PostmarkHistory:
    return PostmarkHistory(stub.wire())


def test_the_dump_is_asked_for_from_the_day_before_and_filtered_by_us(
    stub: StubServer, history: PostmarkHistory
) -> None:
    rows: list[object] = [
        {"EmailAddress": "old@example.com", "CreatedAt": "2026-11-02T06:58:59-05:00"},
        {"EmailAddress": "new@example.com", "CreatedAt": "2026-11-02T07:00:00-05:00"},
        {"EmailAddress": "undated@example.com"},
        "row",
    ]
    stub.reply(200, {"Suppressions": rows})
    told = [json.loads(body) for body in history.suppressions("token", since=NOON)]
    assert [event["Recipient"] for event in told] == ["new@example.com", "undated@example.com", None]
    (received,) = stub.received
    assert received.path == "/message-streams/outbound/suppressions/dump"
    assert received.query == {"fromdate": "2026-11-01"}


def test_an_entry_of_the_dump_is_told_as_a_change_of_subscription(
    stub: StubServer, history: PostmarkHistory
) -> None:
    row = {
        "EmailAddress": "person@example.com",
        "SuppressionReason": "ManualSuppression",
        "Origin": "Recipient",
        "CreatedAt": "2026-11-02T07:00:00.1234567-05:00",
    }
    stub.reply(200, {"Suppressions": [row]})
    (body,) = history.suppressions("token", since=NOON)
    posted = {
        "RecordType": "SubscriptionChange",
        "MessageID": MESSAGE_ID,
        "ServerID": 23,
        "MessageStream": "outbound",
        "ChangedAt": "2026-11-02T12:00:00.1234567Z",
        "Recipient": "Person@Example.com",
        "Origin": "Recipient",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
        "Tag": "welcome",
        "Metadata": {"job": JOB},
    }
    told, callback = PostmarkEvents().read(body), PostmarkEvents().read(json.dumps(posted))
    assert told.content_key == callback.content_key
    assert told.suppression_reason == callback.suppression_reason
    assert json.loads(body).keys() <= posted.keys()


@pytest.mark.parametrize("body", [b"<html>", [], {}, {"Suppressions": None}])
def test_an_unreadable_dump_is_never_read_as_empty(
    stub: StubServer, history: PostmarkHistory, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        list(history.suppressions("token", since=NOON))


def _details(**changes: object) -> dict[str, object]:
    delivered = {
        "Recipient": "person@example.com",
        "Type": "Delivered",
        "ReceivedAt": "2026-11-02T07:00:00.1234567-05:00",
        "Details": {"DeliveryMessage": "smtp;250 2.0.0 OK", "DestinationIP": "192.0.2.25"},
    }
    events: list[object] = [{"Type": "Transient"}, delivered, {"Type": "Opened"}, "event"]
    message = {
        "MessageID": MESSAGE_ID,
        "MessageStream": "outbound",
        "Metadata": {"job": JOB},
        "Tag": "welcome",
    }
    return {**message, "MessageEvents": events, **changes}


def test_a_delivered_message_is_told_as_a_delivery(stub: StubServer, history: PostmarkHistory) -> None:
    stub.reply(200, _details())
    (body,) = history.of_message("token", MESSAGE_ID)
    posted: dict[str, object] = {
        "RecordType": "Delivery",
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": MESSAGE_ID,
        "Recipient": "person@example.com",
        "Tag": "welcome",
        "DeliveredAt": "2026-11-02T12:00:00.1234567Z",
        "Details": "smtp;250 2.0.0 OK",
        "Metadata": {"job": JOB},
    }
    told = json.loads(body)
    assert PostmarkEvents().read(body) == PostmarkEvents().read(json.dumps(posted))
    del posted["ServerID"]
    assert told == {**posted, "DeliveredAt": "2026-11-02T07:00:00.1234567-05:00"}
    assert stub.received[0].path == f"/messages/outbound/{MESSAGE_ID}/details"


@pytest.mark.parametrize("details", [None, [], {}, {"DeliveryMessage": 250}])
def test_a_delivery_without_a_remote_answer_is_still_one(
    stub: StubServer, history: PostmarkHistory, details: object
) -> None:
    event = {"Recipient": "person@example.com", "Type": "Delivered", "Details": details}
    message = {"MessageEvents": [event]}
    stub.reply(200, message)
    (body,) = history.of_message("token", MESSAGE_ID)
    assert PostmarkEvents().read(body).message_id == MESSAGE_ID


@pytest.mark.parametrize(("status", "body"), [(422, {"ErrorCode": 701, "Message": "not found"}), (404, b"")])
def test_nothing_is_told_of_a_message_that_is_kept_no_longer(
    stub: StubServer, history: PostmarkHistory, status: int, body: object
) -> None:
    stub.reply(status, body)
    assert history.of_message("token", MESSAGE_ID) == []


@pytest.mark.parametrize("body", [b"<html>", [], {}, _details(MessageEvents=None)])
def test_unreadable_details_are_never_read_as_no_delivery(
    stub: StubServer, history: PostmarkHistory, body: object
) -> None:
    stub.reply(200, body)
    with pytest.raises(ProviderUnavailable):
        history.of_message("token", MESSAGE_ID)


def test_a_message_id_cannot_lead_to_another_path(stub: StubServer, history: PostmarkHistory) -> None:
    stub.reply(404)
    history.of_message("token", "../bounces?x=")
    assert stub.received[0].path == "/messages/outbound/..%2Fbounces%3Fx%3D/details"
