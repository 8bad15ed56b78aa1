"""Webhooks: test posts, delivery, the retry ladder on a clock that is pushed forward, giving up."""

import base64
import time
from typing import Any

import pytest

from tests.integration.sandbox.postmark_fixtures import Json, Postmark, Receiver, Server, codes

ZERO_ID = "00000000-0000-0000-0000-000000000000"
MINUTE = 60


def attempts(postmark: Postmark, **query: Any) -> list[Json]:
    return list(postmark.control("GET", "/webhook-attempts", **query)["attempts"])


def test_each_enabled_trigger_gets_one_test_post_before_the_webhook_is_saved(
    server: Server, receiver: Receiver
) -> None:
    triggers = {"Bounce": {"Enabled": True}, "Delivery": {"enabled": True}, "Open": {"Enabled": False}}
    made = server.call("POST", "/webhooks", {"Url": receiver.url, "Triggers": triggers}).json()
    assert (made["Status"], made["MessageStream"]) == ("verified", "outbound")
    assert sorted(receiver.types()) == ["Bounce", "Delivery"]
    assert {post.body["MessageID"] for post in receiver.received} == {ZERO_ID}
    assert receiver.of("Bounce")[0].body["ID"] == 42
    assert receiver.of("Delivery")[0].body["Recipient"] == "john@example.com"


@pytest.mark.parametrize("status", [201, 204, 401, 500])
def test_a_test_post_not_answered_200_refuses_the_webhook(
    server: Server, receiver: Receiver, status: int
) -> None:
    receiver.answer = lambda post: status if post.body["RecordType"] == "Bounce" else 200
    triggers = {"Bounce": {"Enabled": True}, "Delivery": {"Enabled": True}}
    answer = server.call("POST", "/webhooks", {"Url": receiver.url, "Triggers": triggers})
    assert (answer.status_code, answer.headers["X-PM-ApiErrorCode"]) == (422, "1364")
    report = answer.json()
    assert "ErrorCode" not in report
    assert (report["Success"], report["Message"]) == (False, "1/2 triggers verified successfully")
    failed = next(row for row in report["Results"] if not row["Success"])
    assert (failed["TriggerType"], failed["StatusCode"]) == ("Bounce", status)
    assert server.call("GET", "/webhooks").json() == {"Webhooks": []}


def test_nobody_listening_refuses_the_webhook(server: Server) -> None:
    wanted = {"Url": "http://127.0.0.1:9/events", "Triggers": {"Bounce": {"Enabled": True}}}
    answer = server.call("POST", "/webhooks", wanted)
    assert answer.headers["X-PM-ApiErrorCode"] == "1364"
    assert answer.json()["Results"][0]["StatusCode"] is None


def test_a_failed_edit_leaves_the_webhook_as_it_was(server: Server, receiver: Receiver) -> None:
    hook = server.hook(receiver, "Bounce")
    receiver.answer = lambda _: 500
    answer = server.call("PUT", f"/webhooks/{hook['ID']}", {"Url": receiver.url + "/new"})
    assert answer.headers["X-PM-ApiErrorCode"] == "1364"
    assert server.call("GET", f"/webhooks/{hook['ID']}").json() == hook


def test_an_edit_changes_only_the_triggers_it_names(server: Server, receiver: Receiver) -> None:
    hook = server.hook(receiver, "Bounce")
    edited = server.call(
        "PUT", f"/webhooks/{hook['ID']}", {"Triggers": {"Delivery": {"Enabled": True}}}
    ).json()
    enabled = {trigger for trigger, options in edited["Triggers"].items() if options["Enabled"]}
    assert enabled == {"Bounce", "Delivery"}


def test_an_unverified_webhook_gets_events_only_after_it_passed(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    wanted = {"Url": receiver.url, "Triggers": {"Delivery": {"Enabled": True}}, "Verify": False}
    hook = server.call("POST", "/webhooks", wanted).json()
    assert hook["Status"] == "unverified"
    server.sent()
    postmark.advance(MINUTE)
    assert receiver.received == []
    report = server.call("POST", f"/webhooks/{hook['ID']}/verify").json()
    assert (report["Success"], report["Id"]) == (True, hook["ID"])
    server.sent()
    postmark.advance(MINUTE)
    assert receiver.types() == ["Delivery", "Delivery"]


def test_credentials_and_headers_go_with_test_posts_and_events(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    wanted = {
        "Url": receiver.url,
        "Triggers": {"Delivery": {"Enabled": True}},
        "HttpAuth": {"Username": "user", "Password": "secret"},
        "HttpHeaders": [{"Name": "X-Own", "Value": "1"}, {"Name": "X-Other", "Value": "2"}],
    }
    hook = server.call("POST", "/webhooks", wanted).json()
    assert (hook["HttpAuth"], hook["HttpHeaders"]) == (wanted["HttpAuth"], wanted["HttpHeaders"])
    server.sent()
    postmark.advance(MINUTE)
    basic = "Basic " + base64.b64encode(b"user:secret").decode()
    seen = [
        (post.headers["authorization"], post.headers["x-own"], post.headers["x-other"])
        for post in receiver.received
    ]
    assert seen == [(basic, "1", "2")] * 2


def test_a_bearer_header_is_sent_as_it_is(server: Server, receiver: Receiver) -> None:
    headers = [{"Name": "Authorization", "Value": "Bearer key"}]
    server.call(
        "POST",
        "/webhooks",
        {"Url": receiver.url, "Triggers": {"Bounce": {"Enabled": True}}, "HttpHeaders": headers},
    )
    assert receiver.received[0].headers["authorization"] == "Bearer key"


def test_userinfo_in_the_url_becomes_basic_auth(server: Server, receiver: Receiver) -> None:
    server.hook(receiver, "Bounce", Url=receiver.url.replace("//", "//user:secret@"))
    hook = server.call("GET", "/webhooks").json()["Webhooks"][0]
    server.call("POST", f"/webhooks/{hook['ID']}/verify")
    assert receiver.received[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Url": "nonsense"}, 1354),
        ({"Url": "ftp://x.example"}, 1354),
        ({"ID": 5}, 1356),
        ({"Status": "verified"}, 1363),
        ({"MessageStream": "inbound"}, 1351),
        ({"MessageStream": "nowhere"}, 1226),
        ({"HttpHeaders": [{"Name": "Bad Name", "Value": "x"}]}, 1358),
        ({"Triggers": {"Sneeze": {"Enabled": True}}}, 1353),
    ],
)
def test_a_bad_webhook_is_refused(
    server: Server, receiver: Receiver, fields: dict[str, object], code: int
) -> None:
    assert codes(server.call("POST", "/webhooks", {"Url": receiver.url, **fields})) == (422, code)


def test_a_webhook_keeps_its_id_and_stream(server: Server, receiver: Receiver) -> None:
    hook = server.hook(receiver, "Bounce")
    path = f"/webhooks/{hook['ID']}"
    assert codes(server.call("PUT", path, {"MessageStream": "broadcast"})) == (422, 1357)
    assert codes(server.call("PUT", path, {})) == (422, 1355)
    assert server.call("DELETE", path).json()["Message"] == f"Webhook {hook['ID']} removed."
    assert codes(server.call("GET", path)) == (422, 1352)


def test_two_webhooks_of_one_url_both_get_the_event_until_the_limit(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    postmark.control("PATCH", "/settings", {"max_webhooks_per_stream": 2})
    server.hook(receiver, "Delivery")
    server.hook(receiver, "Delivery")
    assert codes(server.call("POST", "/webhooks", {"Url": receiver.url})) == (422, 1359)
    server.sent()
    postmark.advance(MINUTE)
    assert receiver.types() == ["Delivery", "Delivery"]
    assert len({post.headers["x-pm-webhook-trace-id"] for post in receiver.received}) == 2


def test_a_webhook_hears_of_its_own_stream_only(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "Delivery", MessageStream="broadcast")
    server.sent()
    wanted = server.sent(MessageStream="broadcast")
    postmark.advance(MINUTE)
    assert [post.body["MessageID"] for post in receiver.received] == [wanted]


def test_a_503_is_retried_down_the_whole_ladder(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    hook = server.hook(receiver, "Delivery")
    receiver.answer = lambda _: 503
    server.sent()
    postmark.advance(MINUTE)
    for minutes in (1, 5, 15, 1, 5, 10, 10, 10, 15):
        before = len(receiver.received)
        postmark.advance(minutes * MINUTE - 5)
        assert len(receiver.received) == before, f"the retry after {minutes} minutes came early"
        postmark.advance(10)
        assert len(receiver.received) == before + 1
    postmark.advance(24 * 60 * MINUTE)
    assert [post.headers["x-pm-retries-remaining"] for post in receiver.received] == [
        str(n) for n in range(9, -1, -1)
    ]
    assert len({post.headers["x-pm-webhook-trace-id"] for post in receiver.received}) == 1
    assert [row["outcome"] for row in attempts(postmark, webhook_id=hook["ID"])] == ["retry"] * 9 + [
        "exhausted"
    ]


@pytest.mark.parametrize("status", [500, 502, 408, 429])
def test_a_retried_answer_arrives_in_the_end(
    postmark: Postmark, server: Server, receiver: Receiver, status: int
) -> None:
    server.hook(receiver, "Delivery")
    answers = iter([status, 200])
    receiver.answer = lambda _: next(answers)
    server.sent()
    postmark.advance(MINUTE)
    postmark.advance(MINUTE)
    assert [(row["status"], row["outcome"]) for row in attempts(postmark)] == [
        (status, "retry"),
        (200, "delivered"),
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 422])
def test_any_other_4xx_loses_the_event_for_good(
    postmark: Postmark, server: Server, receiver: Receiver, status: int
) -> None:
    server.hook(receiver, "Delivery")
    receiver.answer = lambda _: status
    server.sent()
    postmark.advance(MINUTE)
    postmark.advance(24 * 60 * MINUTE)
    assert [(row["status"], row["outcome"]) for row in attempts(postmark)] == [(status, "dropped")]


def test_a_receiver_that_is_away_gets_the_event_later(postmark: Postmark, server: Server) -> None:
    first = Receiver()
    server.hook(first, "Delivery")
    first.close()
    server.sent()
    postmark.advance(MINUTE)
    (attempt,) = attempts(postmark)
    assert (attempt["status"], attempt["outcome"]) == (None, "retry")
    second = Receiver(first.port)
    postmark.advance(MINUTE)
    second.close()
    assert second.types() == ["Delivery"]


def test_the_older_rules_retry_a_404_three_times_and_stop_at_403(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    postmark.control("PATCH", "/settings", {"retry_rules": "legacy"})
    server.hook(receiver, "Delivery", "Bounce")
    receiver.answer = lambda post: 404 if post.body["RecordType"] == "Delivery" else 403
    server.sent()
    server.sent("bounce-soft@x.example")
    postmark.advance(MINUTE)
    for minutes in (1, 5, 15, 60):
        postmark.advance(minutes * MINUTE + 5)
    assert sorted(receiver.types()) == ["Bounce"] + ["Delivery"] * 4


def test_a_faster_clock_brings_the_retries_by_itself(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "Delivery")
    answers = iter([500, 500, 200])
    receiver.answer = lambda _: next(answers)
    server.sent()
    postmark.control("POST", "/clock", {"time_scale": 20_000})  # 7 simulated minutes in 21 real milliseconds
    deadline = time.monotonic() + 5
    while len(attempts(postmark)) < 3 and time.monotonic() < deadline:
        postmark.control("POST", "/settle", {})
    assert [row["outcome"] for row in attempts(postmark)] == ["retry", "retry", "delivered"]


def test_statistics_count_attempts_by_trigger(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    hook = server.hook(receiver, "Delivery", "Bounce")
    receiver.answer = lambda post: 500 if post.body["RecordType"] == "Bounce" else 200
    server.sent()
    server.sent("bounce-soft@x.example")
    postmark.advance(MINUTE)
    postmark.advance(MINUTE + 5)
    shown = server.call("GET", f"/webhooks/{hook['ID']}/statistics").json()
    assert shown["Statuses"] == {"Delivery": "verified", "Bounce": "verified"}
    assert shown["MetricsByTrigger"]["Delivery"]["SuccessCount"] == 1
    bounce = shown["MetricsByTrigger"]["Bounce"]
    assert (bounce["TotalRequests"], bounce["FailureCount"], bounce["RetryCount"]) == (2, 2, 1)
    assert shown["Metrics"]["SuccessRate"] == pytest.approx(33.33)
    assert shown["TimeRange"]["Hours"] == 24


def test_lasting_failure_pauses_only_its_trigger_type_until_verified_again(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    postmark.control("PATCH", "/settings", {"unverify_after_failures": 2})
    hook = server.hook(receiver, "Delivery", "Bounce")
    receiver.answer = lambda post: 404 if post.body["RecordType"] == "Bounce" else 200
    for _ in range(3):
        server.sent("bounce-soft@x.example")
        postmark.advance(MINUTE)
    server.sent()
    postmark.advance(MINUTE)
    assert receiver.types() == ["Bounce", "Bounce", "Delivery"]
    path = f"/webhooks/{hook['ID']}"
    assert server.call("GET", f"{path}/statistics").json()["Statuses"]["Bounce"] == "unverified"
    assert server.call("GET", path).json()["Status"] == "unverified"
    receiver.answer = lambda _: 200
    assert server.call("POST", f"{path}/verify").json()["Success"] is True
    server.sent("bounce-soft@x.example")
    postmark.advance(MINUTE)
    assert receiver.types()[-1] == "Bounce"


def test_content_comes_only_with_include_content(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "Bounce")
    with_content = {"Bounce": {"Enabled": True, "IncludeContent": True}}
    server.call("POST", "/webhooks", {"Url": receiver.url + "/content", "Triggers": with_content})
    receiver.received.clear()
    server.sent("bounce-soft@x.example")
    postmark.advance(MINUTE)
    assert {post.path: "Content" in post.body for post in receiver.received} == {
        "/events": False,
        "/events/content": True,
    }


def test_any_body_can_be_posted_to_a_webhook(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    hook = server.hook(receiver, "Delivery")
    payload = {"RecordType": "NeverSeen", "Strange": [1, 2]}
    postmark.control("POST", "/events", {"webhook_id": hook["ID"], "payload": payload})
    postmark.advance(0)
    assert [post.body for post in receiver.received] == [payload]
