"""/email, /email/batch, and finding again what was sent."""

import re
import uuid

import pytest

from tests.integration.sandbox.postmark_fixtures import SENDER, Postmark, Server, codes, message


def test_an_accepted_message_is_answered_with_its_id_and_an_eastern_time(server: Server) -> None:
    answer = server.send("Person <Person@customer.example>").json()
    assert list(answer) == ["To", "SubmittedAt", "MessageID", "ErrorCode", "Message"]
    assert (answer["To"], answer["ErrorCode"], answer["Message"]) == (
        "Person <Person@customer.example>",
        0,
        "OK",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?-0[45]:00", answer["SubmittedAt"])
    assert str(uuid.UUID(answer["MessageID"])) == answer["MessageID"]


def test_a_message_for_cc_only_is_answered_without_to(server: Server) -> None:
    body = message(Cc="person@customer.example")
    del body["To"]
    assert "To" not in server.call("POST", "/email", body).json()


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"From": None}, 300, "Invalid 'From' value."),
        ({"From": "nobody"}, 300, "Invalid 'From' address: 'nobody'."),
        ({"To": ""}, 300, "Zero recipients specified"),
        ({"To": "x"}, 300, "Error parsing 'To': Illegal email address 'x'. It must contain the '@' symbol."),
        ({"Cc": "user@+"}, 300, "Error parsing 'Cc': Illegal email domain '+' in address 'user@+'."),
        ({"To": ", ".join(f"p{n}@x.example" for n in range(51))}, 300, "up to 50"),
        ({"TextBody": None}, 300, "Provide either email TextBody or HtmlBody or both."),
        ({"Subject": "x" * 2001}, 300, "2000"),
        ({"Tag": "x" * 1001}, 300, "1000"),
        ({"Metadata": {"x" * 21: "v"}}, 300, "Field names are limited to 20 characters"),
        ({"Metadata": {"k": "v" * 81}}, 300, "Invalid metadata content"),
        ({"Metadata": {str(n): "v" for n in range(11)}}, 300, "Invalid metadata content"),
        ({"Metadata": {"Key": "1", "key": "2"}}, 300, "Invalid metadata content"),
        ({"Subject": 7}, 403, "Invalid request field(s): 'Subject'"),
        ({"TrackLinks": "Some"}, 300, "TrackLinks"),
        ({"Headers": [{"Name": "Bad Name", "Value": "x"}]}, 300, "Invalid header"),
        ({"Attachments": [{"Name": "a.EXE", "Content": "", "ContentType": "a/b"}]}, 411, "a.EXE"),
        ({"Attachments": [{"Name": "a.txt", "Content": "!", "ContentType": "a/b"}]}, 300, "base64"),
        ({"MessageStream": "nowhere"}, 1235, "The stream provided: 'nowhere' does not exist on this server."),
        ({"MessageStream": "inbound"}, 1236, "not supported"),
        (
            {"From": "Me <me@stranger.example>"},
            400,
            "you supplied (Me <me@stranger.example>) is not a Sender Signature",
        ),
    ],
)
def test_a_message_that_cannot_go_is_refused(
    server: Server, fields: dict[str, object], code: int, text: str
) -> None:
    answer = server.call("POST", "/email", {**message(), **fields})
    assert codes(answer) == (422, code)
    assert text in answer.json()["Message"]


def test_a_subdomain_of_a_verified_domain_may_not_send(server: Server) -> None:
    sender = SENDER.replace("@", "@sub.")
    assert codes(server.send(From=sender)) == (422, 400)


def test_an_unconfirmed_signature_may_send_once_it_is_confirmed(postmark: Postmark) -> None:
    server = postmark.new_server()
    made = postmark.account("POST", "/senders", {"FromEmail": "me@own.example", "Name": "Me"}).json()
    assert codes(server.send(From="me@own.example")) == (422, 401)
    postmark.control("POST", f"/signatures/{made['ID']}/confirm")
    assert server.send(From="Me <me@own.example>").status_code == 200
    assert codes(server.send(From="other@own.example")) == (422, 400)


def test_stream_is_checked_before_sender_and_fields_before_both(server: Server) -> None:
    stranger = {"From": "me@stranger.example", "MessageStream": "nowhere"}
    assert codes(server.send(**stranger)) == (422, 1235)
    assert codes(server.send(**stranger, TextBody=None)) == (422, 300)


@pytest.mark.parametrize(("state", "code"), [("pending", 412), ("no_credits", 405), ("blocked", 413)])
def test_an_account_that_may_not_send_is_told_so(
    postmark: Postmark, server: Server, state: str, code: int
) -> None:
    postmark.control("PATCH", "/settings", {"account_state": state})
    assert codes(server.send()) == (422, code)


def test_a_batch_answers_each_item_in_its_place(server: Server) -> None:
    items = [message("a@x.example"), message("nonsense"), message("c@x.example")]
    answer = server.call("POST", "/email/batch", items)
    assert answer.status_code == 200
    results = answer.json()
    assert [result["ErrorCode"] for result in results] == [0, 300, 0]
    assert set(results[1]) == {"ErrorCode", "Message"}
    assert (results[0]["To"], results[2]["To"]) == ("a@x.example", "c@x.example")


def test_a_batch_over_500_is_refused_whole(postmark: Postmark, server: Server) -> None:
    answer = server.call("POST", "/email/batch", [message()] * 501)
    assert codes(answer) == (422, 410)
    assert postmark.control("GET", "/state")["accepted"] == 0


def test_an_empty_batch_is_answered_with_an_empty_list(server: Server) -> None:
    assert server.call("POST", "/email/batch", []).json() == []


def test_a_batch_that_is_an_object_is_refused(server: Server) -> None:
    assert codes(server.call("POST", "/email/batch", message())) == (422, 403)


def test_a_body_that_is_not_json_is_refused(postmark: Postmark, server: Server) -> None:
    headers = {"X-Postmark-Server-Token": server.token, "Content-Type": "application/json", "Accept": "*/*"}
    answer = postmark.session.post(f"{postmark.url}/email", data="{", headers=headers, timeout=10)
    assert codes(answer) == (422, 402)


def test_a_message_over_10_mb_is_refused_in_html(server: Server) -> None:
    answer = server.send(TextBody="x" * (10 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.headers["Content-Type"].startswith("text/html")


def test_the_test_token_checks_the_form_and_keeps_nothing(postmark: Postmark) -> None:
    tester = Server(postmark, 0, "POSTMARK_API_TEST")
    assert tester.send().json()["Message"] == "Test job accepted"
    assert codes(tester.send("nonsense")) == (422, 300)
    assert codes(tester.call("GET", "/server")) == (401, 10)
    assert postmark.control("GET", "/state")["accepted"] == 0


def test_sending_by_template_names_the_missing_template(server: Server) -> None:
    answer = server.call("POST", "/email/withTemplate/", {**message(), "TemplateId": 1})
    assert codes(answer) == (422, 1101)


def test_a_repeated_send_is_a_second_message(postmark: Postmark, server: Server) -> None:
    assert server.sent(Metadata={"job": "j1"}) != server.sent(Metadata={"job": "j1"})
    summary = postmark.control("GET", "/ledger/summary")
    assert (summary["accepted"], summary["distinct"], summary["duplicates"]) == (2, 1, {"j1": 2})


def test_the_ledger_names_every_accepted_message_and_no_refused_one(
    postmark: Postmark, server: Server
) -> None:
    server.call(
        "POST",
        "/email/batch",
        [message(Metadata={"job": "a"}), message("bad"), message(Metadata={"job": "b"})],
    )
    entries = postmark.control("GET", "/ledger")["entries"]
    assert [(entry["seq"], entry["metadata"]["job"]) for entry in entries] == [(1, "a"), (2, "b")]
    assert entries[0]["to"] == ["person@customer.example"]
    assert "Your order" not in str(entries)
    assert [entry["seq"] for entry in postmark.control("GET", "/ledger", since=1)["entries"]] == [2]
    assert [entry["seq"] for entry in postmark.control("GET", "/ledger", job="a")["entries"]] == [1]


def test_a_message_is_found_by_one_metadata_value_on_its_stream(server: Server) -> None:
    wanted = server.sent(Metadata={"job": "j1"})
    server.sent(Metadata={"job": "j2"})
    server.sent(Metadata={"job": "j1"}, MessageStream="broadcast")
    found = server.call("GET", "/messages/outbound", count=10, offset=0, metadata_job="j1").json()
    assert found["TotalCount"] == 1
    assert found["Messages"][0]["MessageID"] == wanted
    assert found["Messages"][0]["Metadata"] == {"job": "j1"}
    two = {"metadata_job": "j1", "metadata_claim": "c"}
    assert codes(server.call("GET", "/messages/outbound", count=10, offset=0, **two)) == (422, 700)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"recipient": "A@x.example"}, 1),
        ({"recipient": "x.example"}, 0),
        ({"fromemail": SENDER}, 2),
        ({"tag": "welcome"}, 1),
        ({"subject": "order"}, 2),
        ({"status": "queued"}, 2),
        ({"status": "sent"}, 0),
        ({"fromdate": "2020-01-01", "todate": "2020-01-02"}, 0),
        ({"MessageStream": "broadcast"}, 0),
    ],
)
def test_search_filters(server: Server, query: dict[str, str], found: int) -> None:
    server.sent("a@x.example", Tag="welcome")
    server.sent("b@x.example")
    assert server.call("GET", "/messages/outbound", count=10, offset=0, **query).json()["TotalCount"] == found


@pytest.mark.parametrize(
    "query", [{}, {"count": 501, "offset": 0}, {"count": 500, "offset": 9501}, {"count": "x", "offset": 0}]
)
def test_search_refuses_a_page_out_of_reach(server: Server, query: dict[str, object]) -> None:
    assert codes(server.call("GET", "/messages/outbound", **query)) == (422, 700)


def test_details_show_bodies_and_events(postmark: Postmark, server: Server) -> None:
    sent = server.sent(HtmlBody="<b>hi</b>", Headers=[{"Name": "X-Own", "Value": "1"}])
    postmark.advance(60)
    details = server.call("GET", f"/messages/outbound/{sent}/details").json()
    assert (details["TextBody"], details["HtmlBody"]) == ("It is on its way.", "<b>hi</b>")
    assert [event["Type"] for event in details["MessageEvents"]] == ["Delivered"]
    raw = server.call("GET", f"/messages/outbound/{sent}/dump").json()["Body"]
    assert "X-Own: 1" in raw


def test_a_message_of_another_server_is_not_found(postmark: Postmark, server: Server) -> None:
    sent = server.sent()
    other = postmark.new_server("other")
    answer = other.call("GET", f"/messages/outbound/{sent}/details")
    assert codes(answer) == (422, 701)
    assert answer.json()["Message"] == "This message was not found."


def test_a_server_that_tracks_opens_overrides_the_message(postmark: Postmark, server: Server) -> None:
    server.call("PUT", "/server", {"TrackOpens": True})
    sent = server.sent(TrackOpens=False)
    assert server.call("GET", f"/messages/outbound/{sent}/details").json()["TrackOpens"] is True
