"""What happens to accepted messages: deliveries, bounces, complaints, suppressions, streams."""

import pytest

from tests.integration.sandbox.postmark_fixtures import Json, Postmark, Receiver, Server, codes


def bounces(server: Server, **query: object) -> list[Json]:
    return list(server.call("GET", "/bounces", count=50, offset=0, **query).json()["Bounces"])


def suppressed(server: Server, stream: str = "outbound", **query: str) -> list[Json]:
    return list(
        server.call("GET", f"/message-streams/{stream}/suppressions/dump", **query).json()["Suppressions"]
    )


def test_a_message_is_delivered_after_the_delay_and_told_once(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver)
    sent = server.sent("P@x.example", Tag="welcome", Metadata={"job": "j1"})
    postmark.advance(30)
    assert receiver.received == []
    postmark.advance(31)
    (event,) = receiver.received
    assert event.body["RecordType"] == "Delivery"
    assert (event.body["MessageID"], event.body["ServerID"]) == (sent, server.id)
    assert (event.body["Recipient"], event.body["Tag"]) == ("P@x.example", "welcome")
    assert event.body["Metadata"] == {"job": "j1"}
    assert event.body["DeliveredAt"].endswith("Z")


@pytest.mark.parametrize(
    ("local", "kind", "inactive"),
    [
        ("HardBounce", "HardBounce", True),
        ("soft_bounce", "SoftBounce", False),
        ("TRANSIENT", "Transient", False),
        ("ManuallyDeactivated", "ManuallyDeactivated", True),
        ("NoSuchType", "HardBounce", True),
        ("SpamComplaint", "HardBounce", True),
    ],
)
def test_an_address_of_bounce_testing_bounces_by_its_name(
    postmark: Postmark, server: Server, local: str, kind: str, inactive: bool
) -> None:
    sent = server.sent(f"{local}@bounce-testing.postmarkapp.com")
    postmark.advance(120)
    (bounce,) = bounces(server)
    assert (bounce["Type"], bounce["Inactive"], bounce["MessageID"]) == (kind, inactive, sent)
    assert bounce["ID"] > 2**53
    assert bool(suppressed(server)) is inactive


def test_the_bounce_type_header_forces_a_bounce(postmark: Postmark, server: Server) -> None:
    server.sent(Headers=[{"Name": "x-pm-bounce-type", "Value": "Blocked"}])
    postmark.advance(60)
    assert [bounce["Type"] for bounce in bounces(server)] == ["Blocked"]


def test_the_black_hole_takes_mail(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    server.hook(receiver)
    server.sent("test@blackhole.postmarkapp.com")
    postmark.advance(60)
    assert receiver.types() == ["Delivery"]


@pytest.mark.parametrize(
    ("local", "types"),
    [
        ("bounce-hard+1", ["Bounce", "SubscriptionChange"]),
        ("bounce-soft", ["Bounce"]),
        ("transient", ["Bounce", "Delivery"]),
        ("complaint.7", ["Delivery", "SpamComplaint", "SubscriptionChange"]),
        ("unsubscribe", ["Delivery", "SubscriptionChange"]),
    ],
)
def test_the_beginning_of_the_local_part_decides_on_any_domain(
    postmark: Postmark, server: Server, receiver: Receiver, local: str, types: list[str]
) -> None:
    server.hook(receiver)
    server.sent(f"{local}@anywhere.example")
    postmark.advance(120)
    assert sorted(receiver.types()) == sorted(types)


def test_a_hard_bounce_tells_twice_and_refuses_the_next_message(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver)
    sent = server.sent("Bounce-Hard@x.example")
    postmark.advance(60)
    (bounce,), (change,) = receiver.of("Bounce"), receiver.of("SubscriptionChange")
    assert bounce.body["MessageID"] == change.body["MessageID"] == sent
    assert (bounce.body["Type"], bounce.body["TypeCode"], bounce.body["Inactive"]) == ("HardBounce", 1, True)
    assert (change.body["SuppressSending"], change.body["SuppressionReason"]) == (True, "HardBounce")
    refused = server.send("bounce-HARD@x.example")
    assert codes(refused) == (422, 406)
    assert "Found inactive addresses: bounce-hard@x.example." in refused.json()["Message"]
    assert server.send("bounce-hard@x.example", MessageStream="broadcast").status_code == 200


def test_a_complaint_comes_after_the_delivery_and_cannot_be_lifted(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver)
    server.sent("complaint@x.example")
    postmark.advance(60)
    assert receiver.types() == ["Delivery"]
    postmark.advance(60)
    (complaint,) = receiver.of("SpamComplaint")
    assert (complaint.body["TypeCode"], complaint.body["CanActivate"]) == (100001, False)
    answer = server.call("PUT", f"/bounces/{complaint.body['ID']}/activate")
    assert codes(answer) == (422, 1003)
    delete = {"Suppressions": [{"EmailAddress": "Complaint@x.example"}]}
    (item,) = server.call("POST", "/message-streams/outbound/suppressions/delete", delete).json()[
        "Suppressions"
    ]
    assert item["Status"] == "Failed"
    assert "authority" in item["Message"]


def test_activating_a_bounce_lets_mail_through_and_tells(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver, "SubscriptionChange")
    server.sent("bounce-hard@x.example")
    postmark.advance(60)
    (bounce,) = bounces(server)
    answer = server.call("PUT", f"/bounces/{bounce['ID']}/activate").json()
    assert (answer["Message"], answer["Bounce"]["Inactive"]) == ("OK", False)
    postmark.advance(0)
    lifted = receiver.received[-1].body
    assert (lifted["SuppressSending"], lifted["SuppressionReason"], lifted["MessageID"]) == (
        False,
        None,
        None,
    )
    assert server.send("bounce-hard@x.example").status_code == 200


def test_some_inactive_recipients_are_named_in_an_accepted_answer(postmark: Postmark, server: Server) -> None:
    entry = {"Suppressions": [{"EmailAddress": "off@x.example"}]}
    server.call("POST", "/message-streams/outbound/suppressions", entry)
    answer = server.send("On@x.example, Off@x.example")
    assert answer.json()["ErrorCode"] == 0
    assert "will not deliver to these inactive addresses: off@x.example." in answer.json()["Message"]
    postmark.fault("partial_inactive", form="406")
    assert codes(server.send("on@x.example, off@x.example")) == (422, 406)
    assert postmark.control("GET", "/state")["accepted"] == 2


def test_a_suppression_takes_effect_after_its_delay(postmark: Postmark, server: Server) -> None:
    postmark.control("PATCH", "/settings", {"suppression_delay_seconds": 60})
    entry = {"Suppressions": [{"EmailAddress": "p@x.example"}]}
    server.call("POST", "/message-streams/outbound/suppressions", entry)
    assert server.send("p@x.example").status_code == 200
    postmark.advance(61)
    assert codes(server.send("p@x.example")) == (422, 406)


def test_suppressions_are_made_listed_and_deleted_item_by_item(server: Server) -> None:
    path = "/message-streams/outbound/suppressions"
    items = {"suppressions": [{"emailAddress": "A@x.example"}, {"emailAddress": "nonsense"}]}
    made = server.call("POST", path, items).json()["Suppressions"]
    assert [item["Status"] for item in made] == ["Suppressed", "Failed"]
    assert made[1]["Message"] == "An invalid email address was provided."
    (row,) = suppressed(server)
    assert (row["EmailAddress"], row["SuppressionReason"], row["Origin"]) == (
        "a@x.example",
        "ManualSuppression",
        "Customer",
    )
    assert suppressed(server, SuppressionReason="HardBounce") == []
    assert suppressed(server, "broadcast") == []
    gone = {"Suppressions": [{"EmailAddress": "a@x.example"}, {"EmailAddress": "never@x.example"}]}
    deleted = server.call("POST", f"{path}/delete", gone).json()["Suppressions"]
    assert [item["Status"] for item in deleted] == ["Deleted", "Deleted"]
    assert suppressed(server) == []


def test_suppressions_refuse_bad_requests(server: Server) -> None:
    path = "/message-streams/outbound/suppressions"
    assert codes(server.call("POST", path, {})) == (422, 1409)
    too_many = {"Suppressions": [{"EmailAddress": f"p{n}@x.example"} for n in range(51)]}
    assert codes(server.call("POST", path, too_many)) == (422, 1410)
    assert codes(server.call("GET", "/message-streams/nowhere/suppressions/dump")) == (422, 1226)
    entry = {"Suppressions": [{"EmailAddress": "a@x.example"}]}
    server.call("POST", path, entry)
    assert codes(server.call("GET", f"{path}/dump", Origin="Nobody")) == (422, 1405)


def test_bounces_are_filtered_and_counted(postmark: Postmark, server: Server) -> None:
    server.sent("bounce-hard@x.example", Tag="one")
    server.sent("bounce-soft@x.example")
    postmark.advance(60)
    assert [row["Type"] for row in bounces(server, inactive="true")] == ["HardBounce"]
    assert [row["Type"] for row in bounces(server, type="softbounce")] == ["SoftBounce"]
    assert [row["Email"] for row in bounces(server, emailFilter="HARD")] == ["bounce-hard@x.example"]
    assert [row["Tag"] for row in bounces(server, tag="one")] == ["one"]
    assert bounces(server, messagestream="broadcast") == []
    stats = server.call("GET", "/deliverystats").json()
    assert stats["InactiveMails"] == 1
    assert stats["Bounces"][0] == {"Name": "All", "Count": 2}
    assert codes(server.call("GET", "/bounces/1")) == (422, 1001)
    assert codes(server.call("GET", "/bounces", count=501, offset=0)) == (422, 1000)


def test_opens_come_only_for_tracked_messages(postmark: Postmark, server: Server, receiver: Receiver) -> None:
    postmark.control("PATCH", "/settings", {"open_delay_seconds": 1})
    server.hook(receiver, "Open")
    server.sent("a@x.example")
    tracked = server.sent("b@x.example", TrackOpens=True)
    postmark.advance(300)
    (event,) = receiver.received
    assert (event.body["MessageID"], event.body["FirstOpen"]) == (tracked, True)
    assert "ServerID" not in event.body
    assert server.call("GET", "/messages/outbound/opens", count=5, offset=0).json()["TotalCount"] == 1


def test_the_control_makes_any_event_happen_to_a_message(
    postmark: Postmark, server: Server, receiver: Receiver
) -> None:
    server.hook(receiver)
    sent = server.sent()
    postmark.control("POST", "/events", {"message_id": sent, "type": "Bounce", "bounce_type": "Blocked"})
    postmark.control("POST", "/events", {"message_id": sent, "type": "Click", "link": "https://x.example/a"})
    postmark.control("POST", "/settle", {})
    assert receiver.of("Bounce")[0].body["Type"] == "Blocked"
    assert receiver.of("Click")[0].body["OriginalLink"] == "https://x.example/a"


def test_streams_are_made_edited_archived_and_brought_back(postmark: Postmark, server: Server) -> None:
    wanted = {"ID": "alerts", "Name": "Alerts", "MessageStreamType": "Transactional"}
    made = server.call("POST", "/message-streams", wanted).json()
    assert made["SubscriptionManagementConfiguration"] == {"UnsubscribeHandlingType": "None"}
    edited = server.call("PATCH", "/message-streams/alerts", {"Description": "urgent"}).json()
    assert (edited["Name"], edited["Description"]) == ("Alerts", "urgent")
    assert server.send(MessageStream="alerts").status_code == 200
    archived = server.call("POST", "/message-streams/alerts/archive").json()
    assert set(archived) == {"ID", "ServerID", "ExpectedPurgeDate"}
    assert codes(server.send(MessageStream="alerts")) == (422, 1235)
    assert server.call("GET", "/message-streams").json()["TotalCount"] == 3
    assert server.call("GET", "/message-streams", IncludeArchivedStreams="true").json()["TotalCount"] == 4
    server.call("POST", "/message-streams/alerts/unarchive")
    assert server.send(MessageStream="alerts").status_code == 200


def test_a_stream_cannot_be_brought_back_after_its_purge_date(postmark: Postmark, server: Server) -> None:
    server.call("POST", "/message-streams/broadcast/archive")
    postmark.advance(46 * 24 * 3600)
    assert codes(server.call("POST", "/message-streams/broadcast/unarchive")) == (422, 1232)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Name": "x"}, 1222),
        ({"ID": "Upper"}, 1227),
        ({"ID": "pm-own"}, 1233),
        ({"ID": "outbound"}, 1230),
        ({"MessageStreamType": "Sideways"}, 1221),
        ({"MessageStreamType": "Inbound"}, 1228),
        ({"Name": ""}, 1223),
        ({"Name": "x" * 101}, 1224),
        ({"Description": "<b>x</b>"}, 1234),
    ],
)
def test_a_bad_stream_is_refused(server: Server, fields: dict[str, str], code: int) -> None:
    wanted = {"ID": "fresh", "Name": "Fresh", "MessageStreamType": "Transactional", **fields}
    if code == 1222:
        del wanted["ID"]
    assert codes(server.call("POST", "/message-streams", wanted)) == (422, code)


def test_default_streams_stay_and_a_server_has_ten_at_most(server: Server) -> None:
    assert codes(server.call("POST", "/message-streams/outbound/archive")) == (422, 1229)
    for number in range(7):
        wanted = {"ID": f"s{number}", "Name": "S", "MessageStreamType": "Broadcasts"}
        assert server.call("POST", "/message-streams", wanted).status_code == 200
    eleventh = {"ID": "s8", "Name": "S", "MessageStreamType": "Broadcasts"}
    assert codes(server.call("POST", "/message-streams", eleventh)) == (422, 1225)
