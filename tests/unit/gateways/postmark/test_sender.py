"""What goes out in a batch call."""

import json
import math
from uuid import UUID

import pytest

from shared.domain.mail import Accepted, Attachment, Deferred, MessageContent, OutboundMessage, Outcome
from shared.gateways.postmark.payload import batch_of, payload_of
from shared.gateways.postmark.sender import PostmarkSender
from tests.unit.gateways.postmark.stub import StubServer

JOB = UUID("019b0000-0000-7000-8000-000000000001")
CLAIM = UUID("019b0000-0000-7000-8000-000000000002")


def _message(content: MessageContent, recipient: str = "person@example.com") -> OutboundMessage:
    return OutboundMessage(
        job_id=JOB,
        claim_id=CLAIM,
        sender="Acme <noreply@acme.dev.ardamails.com>",
        recipient=recipient,
        content=content,
    )


def _send(stub: StubServer, messages: list[OutboundMessage]) -> list[Outcome]:
    return PostmarkSender(stub.wire()).send("server-token", messages, not_after_monotonic=math.inf)


PLAIN = _message(MessageContent(subject="Hello", text_body="Text"))


def test_every_field_is_passed_on() -> None:
    content = MessageContent(
        subject="Hello",
        html_body="<p>Hi</p>",
        text_body="Hi",
        reply_to_email="help@acme.com",
        tag="welcome",
        metadata={"order": "17"},
        attachments=(Attachment("a.pdf", "application/pdf", "QUJD"),),
    )
    assert payload_of(_message(content)) == {
        "From": "Acme <noreply@acme.dev.ardamails.com>",
        "To": "person@example.com",
        "Subject": "Hello",
        "HtmlBody": "<p>Hi</p>",
        "TextBody": "Hi",
        "ReplyTo": "help@acme.com",
        "Tag": "welcome",
        "Metadata": {"order": "17", "job": str(JOB), "claim": str(CLAIM)},
        "MessageStream": "outbound",
        "Attachments": [{"Name": "a.pdf", "Content": "QUJD", "ContentType": "application/pdf"}],
    }


def test_fields_that_were_not_given_are_left_out() -> None:
    assert set(payload_of(PLAIN)) == {"From", "To", "Subject", "TextBody", "Metadata", "MessageStream"}


def test_nobody_takes_the_places_of_job_and_claim() -> None:
    content = MessageContent(subject="Hello", text_body="Text", metadata={"job": "mine", "claim": "mine"})
    assert payload_of(_message(content))["Metadata"] == {"job": str(JOB), "claim": str(CLAIM)}


def test_half_a_character_spoils_its_own_message_only() -> None:
    spoilt = _message(MessageContent(subject="half \ud83d", text_body="Grüße 🎉"))
    batch = batch_of([spoilt, PLAIN])
    decoded = json.loads(batch.body.decode("utf-8"))
    assert [item["Subject"] for item in decoded] == ["half ?", "Hello"]
    assert decoded[0]["TextBody"] == "Grüße 🎉"


def test_a_batch_holds_as_many_as_fit_and_at_least_one() -> None:
    size = len(batch_of([PLAIN]).body)
    assert batch_of([PLAIN] * 3, max_bytes=2 * size + 1).count == 2
    assert batch_of([PLAIN] * 3, max_bytes=1).count == 1
    assert batch_of([PLAIN] * 501).count == 500
    for limit in range(size, 3 * size):
        batch = batch_of([PLAIN] * 3, max_bytes=limit)
        assert batch.count == 1 or len(batch.body) <= limit
        assert len(json.loads(batch.body)) == batch.count


def test_what_does_not_fit_is_left_for_the_next_call(stub: StubServer) -> None:
    stub.reply(200, [{"ErrorCode": 0, "MessageID": "id-1"}])
    sender = PostmarkSender(stub.wire(), batch_max_bytes=1)
    outcomes = sender.send("server-token", [PLAIN, PLAIN], not_after_monotonic=math.inf)
    assert outcomes == [Accepted("id-1"), Deferred("batch_full", "left for the next call", 0.0)]
    assert len(stub.received) == 1


def test_a_send_is_one_post_with_the_servers_token(stub: StubServer) -> None:
    stub.reply(200, [{"ErrorCode": 0, "MessageID": "id-1"}, {"ErrorCode": 0, "MessageID": "id-2"}])
    assert _send(stub, [PLAIN, PLAIN]) == [
        Accepted("id-1"),
        Accepted("id-2"),
    ]
    (received,) = stub.received
    assert (received.method, received.path) == ("POST", "/email/batch")
    assert received.headers["x-postmark-server-token"] == "server-token"
    assert received.json() == [payload_of(PLAIN)] * 2


def test_nothing_to_send_is_no_call(stub: StubServer) -> None:
    assert _send(stub, []) == []
    assert stub.received == []


@pytest.mark.parametrize("size", [1, 500])
def test_a_broken_connection_has_an_outcome_for_each_message(stub: StubServer, size: int) -> None:
    stub.hang_up()
    assert len(_send(stub, [PLAIN] * size)) == size
    assert len(stub.received) == 1
