"""Fault switches: what the caller sees, and what the ledger knows."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.sandbox.postmark_fixtures import Postmark, Receiver, Server, codes, message

BATCH = "/email/batch"


def accepted(postmark: Postmark) -> int:
    return int(postmark.control("GET", "/ledger/summary")["accepted"])


def send_batch(server: Server, size: int = 2) -> requests.Response:
    return server.call("POST", BATCH, [message(Metadata={"job": str(number)}) for number in range(size)])


@pytest.mark.parametrize("kind", ["reset", "hang", "accept_then_reset"])
def test_a_broken_connection_tells_nothing_of_acceptance(
    postmark: Postmark, server: Server, kind: str
) -> None:
    parameters = {"seconds": 0.05} if kind == "hang" else {}
    postmark.fault(kind, endpoint=BATCH, **parameters)
    with pytest.raises(requests.ConnectionError):
        send_batch(server)
    assert accepted(postmark) == (2 if kind == "accept_then_reset" else 0)


def test_an_answer_can_end_half_way(postmark: Postmark, server: Server) -> None:
    postmark.fault("accept_then_reset", endpoint=BATCH, partial=True)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        send_batch(server)
    assert accepted(postmark) == 2


def test_a_call_can_hang_after_acceptance(postmark: Postmark, server: Server) -> None:
    postmark.fault("hang", endpoint=BATCH, accept=True)
    headers = {"X-Postmark-Server-Token": server.token, "Accept": "application/json"}
    with pytest.raises(requests.ReadTimeout):
        postmark.session.post(postmark.url + BATCH, json=[message()], headers=headers, timeout=0.2)
    assert accepted(postmark) == 1


@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("accept_then_500", 500, "application/json"),
        ("accept_then_502_html", 502, "text/html"),
        ("accept_then_504", 504, "text/plain"),
        ("non_json_200", 200, "text/html"),
    ],
)
def test_an_accepted_batch_can_look_failed(
    postmark: Postmark, server: Server, kind: str, status: int, content_type: str
) -> None:
    postmark.fault(kind, endpoint=BATCH)
    answer = send_batch(server)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, content_type)
    entries = postmark.control("GET", "/ledger")["entries"]
    assert [entry["fault"] for entry in entries] == [kind, kind]


def test_a_rate_limit_has_no_body_and_a_retry_after_only_when_asked(
    postmark: Postmark, server: Server
) -> None:
    postmark.fault("rate_limited", count=1)
    postmark.fault("rate_limited", retry_after=7)
    bare, told = server.send(), server.send()
    assert (bare.status_code, bare.content, "Retry-After" in bare.headers) == (429, b"", False)
    assert (told.status_code, told.headers["Retry-After"]) == (429, "7")
    assert accepted(postmark) == 0


def test_maintenance_and_a_revoked_token_have_their_codes(postmark: Postmark, server: Server) -> None:
    postmark.fault("unavailable_503", count=1)
    postmark.fault("revoked_token", server_id=server.id)
    assert codes(server.send()) == (503, 100)
    assert codes(server.send()) == (401, 10)
    assert postmark.account("GET", "/servers", count=1, offset=0).status_code == 200


def test_the_delayed_answer_has_no_error_code(postmark: Postmark, server: Server) -> None:
    postmark.fault("delayed_without_error_code")
    for answer in (server.send().json(), send_batch(server).json()[1]):
        assert "ErrorCode" not in answer
        assert answer["Message"] == "Message accepted, but delivery may be delayed."
        assert answer["MessageID"]
    assert accepted(postmark) == 3


@pytest.mark.parametrize("accept", [False, True])
def test_any_answer_can_be_given_with_or_without_accepting(
    postmark: Postmark, server: Server, accept: bool
) -> None:
    body = {"ErrorCode": 999, "Message": "odd"}
    postmark.fault("respond", status=418, body=body, headers={"X-Odd": "1"}, accept=accept)
    answer = server.send()
    assert (answer.status_code, answer.json(), answer.headers["X-Odd"]) == (418, body, "1")
    assert accepted(postmark) == int(accept)


def test_items_of_a_batch_are_refused_by_position_or_chance(postmark: Postmark, server: Server) -> None:
    postmark.fault("partial_batch", positions=[1], error_code=406, message="inactive")
    assert [item["ErrorCode"] for item in send_batch(server, 3).json()] == [0, 406, 0]
    rule = {"kind": "partial_batch", "probability": 0.5}
    patterns = []
    for seed in (5, 5, 6):
        postmark.control("PUT", "/faults", {"seed": seed, "rules": [rule]})
        patterns.append([item["ErrorCode"] for item in send_batch(server, 40).json()])
    assert patterns[0] == patterns[1] != patterns[2]
    assert {0, 300} == set(patterns[0])


def test_a_message_shows_in_the_search_only_after_the_lag(postmark: Postmark, server: Server) -> None:
    postmark.fault("search_lag", seconds={"min": 20, "max": 30})
    sent = server.sent(Metadata={"job": "j1"})
    query: dict[str, Any] = {"count": 5, "offset": 0, "metadata_job": "j1"}
    assert server.call("GET", "/messages/outbound", **query).json()["TotalCount"] == 0
    postmark.advance(15)
    assert server.call("GET", "/messages/outbound", **query).json()["TotalCount"] == 0
    postmark.advance(15)
    assert server.call("GET", "/messages/outbound", **query).json()["Messages"][0]["MessageID"] == sent


def test_a_rule_stays_within_its_scope_and_count(postmark: Postmark, server: Server) -> None:
    other = postmark.new_server("other")
    postmark.fault("respond", endpoint="/email*", server_id=server.id, skip=1, count=2, status=500)
    statuses = [server.send().status_code for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    assert other.send().status_code == 200
    (rule,) = postmark.control("GET", "/faults")["rules"]
    assert rule["fired"] == 2


def test_a_rule_names_a_template_or_a_path(postmark: Postmark) -> None:
    first, second = postmark.new_domain("one.example"), postmark.new_domain("two.example")
    postmark.fault("respond", endpoint=f"/domains/{first['ID']}/verifydkim", method="put", status=500)
    statuses = [
        postmark.account("PUT", f"/domains/{row['ID']}/verifyDkim").status_code for row in (first, second)
    ]
    assert statuses == [500, 200]
    postmark.control(
        "PUT", "/faults", {"rules": [{"kind": "respond", "endpoint": "/domains/{id}*", "status": 500}]}
    )
    assert postmark.account("GET", f"/domains/{second['ID']}").status_code == 500
    assert postmark.account("GET", "/domains", count=1, offset=0).status_code == 200


def test_latency_is_added_to_each_call(postmark: Postmark, server: Server) -> None:
    postmark.fault("latency", seconds={"min": 0.05, "max": 0.06})
    started = time.monotonic()
    server.send()
    assert 0.05 <= time.monotonic() - started < 1


def test_connections_are_refused_until_the_rule_goes(postmark: Postmark, server: Server) -> None:
    postmark.fault("refuse", id="outage")
    for _ in range(2):
        with pytest.raises(requests.ConnectionError) as refused:
            requests.get(postmark.url, timeout=1)
        assert "refused" in str(refused.value)
    postmark.control("DELETE", "/faults/outage")
    assert server.send().status_code == 200


def test_an_outage_with_an_end_ends_by_itself(postmark: Postmark, server: Server) -> None:
    postmark.fault("refuse", seconds=0.1)
    deadline = time.monotonic() + 5
    statuses: list[int] = []
    while not statuses and time.monotonic() < deadline:
        try:
            statuses.append(server.send().status_code)
        except requests.ConnectionError:
            continue
    assert statuses == [200]
    assert postmark.control("GET", "/faults")["rules"] == []


def test_webhooks_can_come_twice_with_one_trace_id(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "Delivery")
    postmark.fault("duplicate_webhooks", copies=2, trigger="Delivery")
    server.sent()
    postmark.advance(60)
    assert len(receiver.received) == 3
    assert len({post.headers["x-pm-webhook-trace-id"] for post in receiver.received}) == 1


def test_webhooks_can_lose_their_order(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    postmark.control("PATCH", "/settings", {"webhook_concurrency": 1, "delivery_delay_seconds": 0})
    server.hook(receiver, "Delivery")
    postmark.fault("shuffle_webhooks", window_seconds=600)
    sent = [result["MessageID"] for result in send_batch(server, 20).json()]
    postmark.advance(1)
    postmark.advance(600)
    came = [post.body["MessageID"] for post in receiver.received]
    assert sorted(came) == sorted(sent)
    assert came != sent


def test_webhooks_can_be_late(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    server.hook(receiver, "Delivery")
    postmark.fault("delay_webhooks", seconds=300, server_id=server.id)
    server.sent()
    postmark.advance(60)
    assert receiver.received == []
    postmark.advance(300)
    assert receiver.types() == ["Delivery"]


def test_paused_webhooks_come_when_the_pause_ends(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver)
    postmark.fault("pause_webhooks", trigger="Delivery")
    server.sent()
    server.sent("bounce-soft@x.example")
    postmark.advance(60)
    assert receiver.types() == ["Bounce"]
    postmark.control("DELETE", "/faults")
    postmark.control("POST", "/settle", {})
    assert receiver.types() == ["Bounce", "Delivery"]


def test_a_webhook_can_come_before_the_answer_of_its_send(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "Delivery")
    postmark.fault("webhook_before_response")
    sent = send_batch(server).json()
    assert {post.body["MessageID"] for post in receiver.received} == {result["MessageID"] for result in sent}
    postmark.advance(600)
    assert len(receiver.received) == 2


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"rules": [{"kind": "sneeze"}]}, "sneeze"),
        ({"rules": [{"kind": "reset", "probabilty": 1}]}, "probabilty"),
        ({"rules": [{"kind": "reset", "probability": 2}]}, "probability"),
        ({"rules": [{"kind": "search_lag", "seconds": {"min": 3, "max": 2}}]}, "max is below min"),
        ({"rules": [{"kind": "reset", "id": "a"}, {"kind": "reset", "id": "a"}]}, "same id"),
        ({"faults": []}, "faults"),
    ],
)
def test_a_rule_that_is_not_understood_is_refused(
    postmark: Postmark, body: dict[str, Any], problem: str
) -> None:
    answer = postmark.session.put(f"{postmark.control_url}/faults", json=body, timeout=5)
    assert answer.status_code == 400
    assert problem in json.dumps(answer.json())
    assert postmark.control("GET", "/faults")["rules"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/settings", {"no_such_setting": 1}),
        ("POST", "/clock", {"advance": 1}),
        ("POST", "/dns", {"name": "x", "type": "MX", "value": "y"}),
        ("POST", "/events", {"message_id": "x"}),
        ("POST", "/servers/1/allow-delete?x", {"alowed": True}),
    ],
)
def test_the_control_names_what_it_does_not_know(
    postmark: Postmark, method: str, path: str, body: dict[str, Any]
) -> None:
    postmark.new_server()
    path = path.replace("/servers/1/", f"/servers/{1_000_001}/")
    answer = postmark.session.request(method, postmark.control_url + path, json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["details"]


def test_the_control_lists_its_routes_and_every_kind_of_fault(postmark: Postmark) -> None:
    shown = postmark.control("GET", "/")
    assert ("POST", "/reset") in [(route["method"], route["path"]) for route in shown["routes"]]
    assert all(route["does"] for route in shown["routes"])
    assert "accept_then_502_html" in json.dumps(shown["faults"])


def test_control_paths_are_unknown_to_the_postmark_side(postmark: Postmark) -> None:
    assert postmark.session.get(f"{postmark.url}/faults", timeout=5).status_code == 404


def test_the_documentation_names_every_route_fault_and_setting(postmark: Postmark) -> None:
    text = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
    shown = postmark.control("GET", "/")
    kinds = shown["faults"]["properties"]["rules"]["items"]["discriminator"]["mapping"]
    names = [*kinds, *shown["settings"]["properties"]]
    routes = [f"{route['method']} {route['path']}" for route in shown["routes"]]
    assert [name for name in (*names, *routes) if f"`{name}`" not in text] == []
