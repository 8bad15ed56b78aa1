"""The outcome table, row by row."""

import json

import pytest

from shared.domain.mail import (
    Accepted,
    AccountFault,
    ConfigurationFault,
    Deferred,
    Outcome,
    Refused,
    Unknown,
)
from shared.gateways.postmark.answers import Answer, NoAnswer
from shared.gateways.postmark.classify import outcomes_of

MESSAGE_ID = "b7bc2f4a-e38e-4336-af7d-e6c392c2f817"
ACCEPTED = {"To": "a@example.com", "MessageID": MESSAGE_ID, "ErrorCode": 0, "Message": "OK"}
RECIPIENTS = ["a@example.com", "b@example.com"]


def _answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, content)


def _one(answer: Answer | NoAnswer) -> Outcome:
    (outcome,) = outcomes_of(answer, ["a@example.com"], "server-token")
    return outcome


def _item(item: object) -> Outcome:
    return _one(_answer(200, [item]))


def test_what_was_never_written_is_deferred() -> None:
    outcomes = outcomes_of(NoAnswer("connect_failed", written=False), RECIPIENTS, "server-token")
    assert outcomes == [Deferred("connect_failed", "no connection to the provider")] * 2


def test_what_was_written_without_an_answer_is_unknown() -> None:
    outcomes = outcomes_of(NoAnswer("timeout", written=True), RECIPIENTS, "server-token")
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]


def test_items_are_matched_by_position() -> None:
    refused = {"ErrorCode": 300, "Message": "Invalid 'To' address: 'b'."}
    outcomes = outcomes_of(_answer(200, [ACCEPTED, refused]), RECIPIENTS, "server-token")
    assert outcomes == [Accepted(MESSAGE_ID), Refused("300", "Invalid 'To' address: '<address>'.")]


@pytest.mark.parametrize(
    "item",
    [
        ACCEPTED,
        {**ACCEPTED, "ErrorCode": "0"},
        {**ACCEPTED, "ErrorCode": None},
        {"MessageID": MESSAGE_ID, "Message": "Message accepted, but delivery may be delayed."},
    ],
)
def test_zero_or_no_error_code_is_acceptance(item: dict[str, object]) -> None:
    assert _item(item) == Accepted(MESSAGE_ID)


@pytest.mark.parametrize("code", [300, 402, 403, 409, 410, 411, 1235, 1236, 4711])
def test_faults_of_the_message_and_unknown_codes_are_refusals(code: int) -> None:
    assert _item({"ErrorCode": code, "Message": "text"}) == Refused(str(code), "text")


def test_an_inactive_recipient_is_a_refusal_that_says_so() -> None:
    assert _item({"ErrorCode": 406, "Message": "text"}) == Refused("406", "text", inactive_recipient=True)


def test_acceptance_for_nobody_is_an_inactive_recipient() -> None:
    text = (
        "Message OK, but will not deliver to these inactive addresses: a@example.com. Inactive recipients are"
    )
    outcome = _item({**ACCEPTED, "Message": text})
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.inactive_recipient) == ("406", True)


@pytest.mark.parametrize("code", [10, 400, 401])
def test_faults_of_token_and_sender_are_the_configurations(code: int) -> None:
    assert _item({"ErrorCode": code, "Message": "text"}) == ConfigurationFault(str(code), "text")


@pytest.mark.parametrize("code", [405, 412, 413, 614, 1480])
def test_faults_of_the_account_are_the_accounts(code: int) -> None:
    assert _item({"ErrorCode": code, "Message": "text"}) == AccountFault(str(code), "text")


@pytest.mark.parametrize("code", [100, 429])
def test_codes_that_ask_to_come_back_defer(code: int) -> None:
    assert _item({"ErrorCode": code, "Message": "text"}) == Deferred(str(code), "text", throttled=code == 429)


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        "OK",
        {"ErrorCode": "none", "MessageID": MESSAGE_ID},
        {"ErrorCode": False, "MessageID": MESSAGE_ID},
        {"ErrorCode": 0},
        {"ErrorCode": 0, "MessageID": 17},
        {"ErrorCode": 101, "Message": "an error id"},
    ],
)
def test_items_that_cannot_be_read_are_unknown(item: object) -> None:
    assert isinstance(_item(item), Unknown)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", {}, {"ErrorCode": 0}, [], [ACCEPTED] * 3, b"[" * 100_000]
)
def test_a_200_without_a_list_of_the_right_length_is_unknown(body: object) -> None:
    outcomes = outcomes_of(_answer(200, body), RECIPIENTS, "server-token")
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]


@pytest.mark.parametrize("status", [201, 204, 302, 408, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"<html>", {"ErrorCode": 101, "Message": "text"}, {"ErrorCode": 300}])
def test_statuses_that_leave_it_open_are_unknown(status: int, body: object) -> None:
    assert isinstance(_one(_answer(status, body)), Unknown)


def test_documented_maintenance_defers() -> None:
    assert _one(_answer(503, {"ErrorCode": 100, "Message": "text"}, retry_after="30")) == Deferred(
        "100", "text", 30.0
    )


@pytest.mark.parametrize(
    "body", [b"", b"slow down", {"ErrorCode": 429, "Message": "text"}, {"ErrorCode": 300}]
)
def test_a_rate_limit_defers_whatever_its_body(body: object) -> None:
    outcome = _one(_answer(429, body, retry_after="7"))
    assert isinstance(outcome, Deferred)
    assert outcome.retry_after_seconds == 7.0


@pytest.mark.parametrize(
    "body", [b"", {"ErrorCode": 10, "Message": "text"}, {"ErrorCode": 300, "Message": "text"}]
)
def test_http_401_is_the_configurations_fault(body: object) -> None:
    assert isinstance(_one(_answer(401, body)), ConfigurationFault)


def test_http_401_from_an_ip_that_is_not_allowed_is_the_accounts_fault() -> None:
    assert isinstance(_one(_answer(401, {"ErrorCode": 1480, "Message": "text"})), AccountFault)


def test_a_refused_call_is_refused_for_each_message() -> None:
    answer = _answer(422, {"ErrorCode": 402, "Message": "text"})
    assert outcomes_of(answer, RECIPIENTS, "server-token") == [Refused("402", "text")] * 2


def test_a_code_that_only_a_header_has_counts() -> None:
    assert _one(_answer(422, b"", x_pm_apierrorcode="405")) == AccountFault("405", "HTTP 422 without a text")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 415, 422])
def test_a_refusal_without_a_code_came_from_something_in_front_and_defers(status: int) -> None:
    assert _one(_answer(status, b"<html>")) == Deferred(f"http_{status}", f"HTTP {status} without a text")


def test_a_message_that_is_too_large_alone_is_refused() -> None:
    assert isinstance(_one(_answer(413, b"<html>")), Refused)


def test_messages_that_are_too_large_together_are_deferred() -> None:
    outcomes = outcomes_of(_answer(413, {"ErrorCode": 413, "Message": "text"}), RECIPIENTS, "server-token")
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["batch_too_large"] * 2
    assert [type(outcome) for outcome in outcomes] == [Deferred, Deferred]


def test_no_text_repeats_the_recipient_or_the_token() -> None:
    text = "Found inactive addresses: A@example.com, b@example.com. Token server-token. From 'Acme <x@acme.com>'."
    for answer in (
        _answer(200, [{"ErrorCode": 406, "Message": text}]),
        _answer(422, {"ErrorCode": 300, "Message": text}),
    ):
        outcome = _one(answer)
        assert isinstance(outcome, Refused)
        for private in ("a@example", "b@example", "x@acme", "server-token"):
            assert private not in outcome.text.lower()


def test_a_batch_of_refusals_is_read_in_time_that_grows_with_its_length_only() -> None:
    recipients = [f"person{number}@example.com" for number in range(500)]
    items = [{"ErrorCode": 300, "Message": f"Invalid 'To' address: '{address}'."} for address in recipients]
    outcomes = outcomes_of(_answer(200, items), recipients, "server-token")
    assert outcomes == [Refused("300", "Invalid 'To' address: '<address>'.")] * 500
