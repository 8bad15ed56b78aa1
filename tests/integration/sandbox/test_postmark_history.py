"""What the simulator tells afterwards: bounces, dumps and message events, by New York's days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.integration.sandbox.postmark_fixtures import Json, Postmark, Server, codes

EASTERN = ZoneInfo("America/New_York")
DUMP = "/message-streams/outbound/suppressions/dump"


def bounces(server: Server, **query: object) -> list[str]:
    answer = server.call("GET", "/bounces", **{"count": 500, "offset": 0, **query})
    assert answer.status_code == 200, answer.text
    return [row["Email"] for row in answer.json()["Bounces"]]


def suppressed(server: Server, **query: str) -> list[str]:
    answer = server.call("GET", DUMP, **query)
    assert answer.status_code == 200, answer.text
    return [row["EmailAddress"] for row in answer.json()["Suppressions"]]


def now(postmark: Postmark) -> datetime:
    return datetime.fromtimestamp(postmark.control("GET", "/clock")["now_seconds"], UTC)


def bounced(postmark: Postmark, server: Server, address: str, kind: str = "HardBounce") -> str:
    sent = server.sent(address)
    postmark.control("POST", "/events", {"message_id": sent, "type": "Bounce", "bounce_type": kind})
    return sent


@pytest.fixture
def days(postmark: Postmark, server: Server) -> list[str]:
    """Bounces half a minute before and after midnight in New York; the two days."""
    today = now(postmark).astimezone(EASTERN).date()
    before, after = today + timedelta(days=1), today + timedelta(days=2)
    midnight = datetime.combine(after, datetime.min.time(), EASTERN)
    postmark.control("PATCH", "/settings", {"delivery_delay_seconds": 90 * 24 * 3600})
    postmark.advance((midnight.astimezone(UTC) - now(postmark)).total_seconds() - 30)
    bounced(postmark, server, "before@x.example")
    postmark.advance(60)
    bounced(postmark, server, "after@x.example")
    return [before.isoformat(), after.isoformat()]


def test_a_day_of_bounces_is_a_day_in_new_york(server: Server, days: list[str]) -> None:
    assert bounces(server, fromdate=days[1]) == ["after@x.example"]
    assert bounces(server, todate=days[0]) == ["before@x.example"]
    assert bounces(server, fromdate=days[0], todate=days[1]) == ["after@x.example", "before@x.example"]


def test_a_moment_of_bounces_is_a_moment_in_new_york(server: Server, days: list[str]) -> None:
    midnight = f"{days[1]}T00:00:00"
    assert bounces(server, fromdate=midnight) == ["after@x.example"]
    assert bounces(server, todate=midnight) == ["before@x.example"]
    assert codes(server.call("GET", "/bounces", count=1, offset=0, fromdate="tomorrow")) == (422, 1000)


def test_a_dump_from_the_day_before_has_all_since(server: Server, days: list[str]) -> None:
    assert set(suppressed(server, fromdate=days[0])) == {"before@x.example", "after@x.example"}
    assert suppressed(server, todate=days[0]) == ["before@x.example"]


def test_a_dump_of_a_single_day_is_empty_unless_told_otherwise(
    postmark: Postmark, server: Server, days: list[str]
) -> None:
    assert suppressed(server, fromdate=days[1]) == []
    assert suppressed(server, fromdate=days[0], todate=days[0]) == []
    postmark.control("PATCH", "/settings", {"same_day_dump": "filled"})
    assert suppressed(server, fromdate=days[1]) == ["after@x.example"]
    assert suppressed(server, fromdate=days[0], todate=days[0]) == ["before@x.example"]


def test_a_dump_is_filtered_by_reason_origin_and_address(postmark: Postmark, server: Server) -> None:
    bounced(postmark, server, "hard@x.example")
    manual = {"Suppressions": [{"EmailAddress": "manual@x.example"}]}
    server.call("POST", "/message-streams/outbound/suppressions", manual)
    assert suppressed(server, SuppressionReason="hardbounce") == ["hard@x.example"]
    assert suppressed(server, Origin="Customer") == ["manual@x.example"]
    assert suppressed(server, EmailAddress="Hard@x.example") == ["hard@x.example"]


def test_a_bad_filter_is_refused_by_an_empty_dump_too(server: Server) -> None:
    assert codes(server.call("GET", DUMP, SuppressionReason="Whim")) == (422, 1404)
    assert codes(server.call("GET", DUMP, Origin="Nobody")) == (422, 1405)
    assert codes(server.call("GET", DUMP, fromdate="yesterday")) == (422, 1401)


def test_a_dump_has_whole_seconds_and_new_yorks_offset(postmark: Postmark, server: Server) -> None:
    bounced(postmark, server, "hard@x.example")
    (row,) = server.call("GET", DUMP).json()["Suppressions"]
    created_at = datetime.fromisoformat(row["CreatedAt"])
    assert "." not in row["CreatedAt"]
    assert created_at.utcoffset() == created_at.astimezone(EASTERN).utcoffset()


def test_bounces_are_paged_newest_first_and_no_further_than_ten_thousand(
    postmark: Postmark, server: Server
) -> None:
    for number in range(5):
        bounced(postmark, server, f"p{number}@x.example", "SoftBounce")
    pages = [bounces(server, count=2, offset=offset) for offset in (0, 2, 4, 6)]
    newest_first = [f"p{number}@x.example" for number in (4, 3, 2, 1, 0)]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:], []]
    assert server.call("GET", "/bounces", count=1, offset=0).json()["TotalCount"] == 5
    assert server.call("GET", "/bounces", count=500, offset=9500).status_code == 200
    assert codes(server.call("GET", "/bounces", count=500, offset=9501)) == (422, 1000)


def test_sparse_rows_of_bounces_keep_what_every_row_has(postmark: Postmark, server: Server) -> None:
    bounced(postmark, server, "hard@x.example")
    whole = server.call("GET", "/bounces", count=1, offset=0).json()["Bounces"][0]
    postmark.control("PATCH", "/settings", {"bounce_rows": "sparse"})
    sparse = server.call("GET", "/bounces", count=1, offset=0).json()["Bounces"][0]
    assert whole.keys() - sparse.keys() == {"ServerID", "Tag", "From", "MessageStream", "Metadata"}
    assert sparse.items() <= whole.items()
    assert "RecordType" not in whole


def test_the_details_of_a_message_have_what_happened_to_it(postmark: Postmark, server: Server) -> None:
    sent = server.sent("person@x.example", Metadata={"job": "j1"})
    for event in (
        {"type": "Bounce", "bounce_type": "Transient"},
        {"type": "Delivery"},
        {"type": "Open"},
        {"type": "Click", "link": "https://x.example/a"},
        {"type": "Bounce", "bounce_type": "HardBounce"},
    ):
        postmark.control("POST", "/events", {"message_id": sent, **event})
    details = server.call("GET", f"/messages/outbound/{sent}/details").json()
    events: dict[str, Json] = {event["Type"]: event for event in details["MessageEvents"]}
    assert list(events) == [
        "Transient",
        "Delivered",
        "Opened",
        "LinkClicked",
        "Bounced",
        "SubscriptionChanged",
    ]
    assert {event["Recipient"] for event in events.values()} == {"person@x.example"}
    assert set(events["Delivered"]["Details"]) == {"DeliveryMessage", "DestinationServer", "DestinationIP"}
    rows = server.call("GET", "/bounces", count=5, offset=0, messageID=sent).json()["Bounces"]
    assert {events[kind]["Details"]["BounceID"] for kind in ("Transient", "Bounced")} == {
        str(row["ID"]) for row in rows
    }
    assert details["Metadata"] == {"job": "j1"}
    assert codes(server.call("GET", "/messages/outbound/no-such-id/details")) == (422, 701)


def test_deleting_a_hard_bounces_entry_reactivates_the_bounce(postmark: Postmark, server: Server) -> None:
    bounced(postmark, server, "hard@x.example")
    entry = {"Suppressions": [{"EmailAddress": "Hard@x.example"}]}
    server.call("POST", "/message-streams/outbound/suppressions/delete", entry)
    (row,) = server.call("GET", "/bounces", count=1, offset=0).json()["Bounces"]
    assert (row["Type"], row["Inactive"]) == ("HardBounce", False)
    assert server.send("hard@x.example").status_code == 200
