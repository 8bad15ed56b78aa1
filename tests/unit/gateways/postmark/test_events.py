"""Payloads of every kind, age and shape."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidValue
from shared.domain.event import EventFacts, EventKind
from shared.domain.suppression import SuppressionReason
from shared.gateways.postmark.events import PostmarkEvents

JOB = UUID("019b0000-0000-7000-8000-000000000001")
IN_BRACES = {"job": f"{{{JOB}}}"}
MESSAGE_ID = "883953f4-6105-42a2-a16a-77a8eac79483"
COMMON: dict[str, object] = {
    "MessageID": MESSAGE_ID,
    "ServerID": 23,
    "MessageStream": "outbound",
    "Tag": "welcome",
    "Metadata": {"job": str(JOB), "claim": "x"},
}
DELIVERY = {
    **COMMON,
    "RecordType": "Delivery",
    "Recipient": " Person@Example.com",
    "DeliveredAt": "2026-11-02T09:00:00.1234567-05:00",
    "Details": "Test delivery webhook details",
}
BOUNCE = {
    **COMMON,
    "RecordType": "Bounce",
    "ID": 9007199254740993,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Email": "person@example.com",
    "BouncedAt": "2026-11-02T09:00:00Z",
    "Inactive": True,
}
COMPLAINT = {**BOUNCE, "RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 100001}
CHANGE = {
    **COMMON,
    "RecordType": "SubscriptionChange",
    "Recipient": "person@example.com",
    "ChangedAt": "2026-11-02T09:00:00Z",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "ManualSuppression",
}
OPEN = {
    **COMMON,
    "RecordType": "Open",
    "Recipient": "person@example.com",
    "ReceivedAt": "2026-11-02T09:00:00Z",
    "Geo": {},
}
CLICK = {**OPEN, "RecordType": "Click", "OriginalLink": "https://example.com/1"}
ALL = [DELIVERY, BOUNCE, COMPLAINT, CHANGE, OPEN, CLICK]


def _read(payload: object) -> EventFacts:
    return PostmarkEvents().read(json.dumps(payload))


def test_a_delivery_is_read_whole() -> None:
    facts = _read(DELIVERY)
    assert facts == EventFacts(
        kind=EventKind.DELIVERY,
        content_key=facts.content_key,
        occurred_at=datetime(2026, 11, 2, 14, 0, 0, 123456, tzinfo=UTC),
        message_id=MESSAGE_ID,
        job_id=JOB,
        recipient="person@example.com",
    )


@pytest.mark.parametrize("payload", ALL)
def test_every_kind_is_known_by_its_record_type(payload: dict[str, object]) -> None:
    facts = _read(payload)
    assert facts.kind == payload["RecordType"]
    assert (facts.recipient, facts.job_id) == ("person@example.com", JOB)
    assert facts.occurred_at is not None


@pytest.mark.parametrize(
    ("changes", "hard"),
    [
        ({}, True),
        ({"Inactive": False}, True),
        ({"Type": "SoftBounce"}, True),
        ({"Type": "Transient", "Inactive": False}, False),
        ({"Type": "SoftBounce", "Inactive": "true"}, False),
        ({"Type": None, "Inactive": None}, False),
    ],
)
def test_a_bounce_is_hard_when_it_says_inactive_or_hard_bounce(
    changes: dict[str, object], hard: bool
) -> None:
    assert _read({**BOUNCE, **changes}).hard_bounce is hard


def test_a_complaint_is_no_bounce() -> None:
    assert not _read(COMPLAINT).hard_bounce


def test_a_bounce_without_address_or_date_is_still_read() -> None:
    """Seen live: Type Unsubscribe with neither Email nor BouncedAt."""
    facts = _read({"RecordType": "Bounce", "Type": "Unsubscribe", "TypeCode": 16, "MessageID": MESSAGE_ID})
    assert (facts.kind, facts.message_id) == (EventKind.BOUNCE, MESSAGE_ID)
    assert (facts.recipient, facts.occurred_at, facts.hard_bounce) == (None, None, False)


@pytest.mark.parametrize(
    ("changes", "suppresses", "reason"),
    [
        ({}, True, SuppressionReason.UNSUBSCRIBED),
        ({"Origin": "Customer"}, True, SuppressionReason.MANUAL),
        ({"Origin": "Admin"}, True, SuppressionReason.MANUAL),
        ({"SuppressionReason": "HardBounce"}, True, SuppressionReason.HARD_BOUNCE),
        ({"SuppressionReason": "SpamComplaint"}, True, SuppressionReason.SPAM_COMPLAINT),
        ({"SuppressionReason": None, "Origin": None}, True, SuppressionReason.UNSUBSCRIBED),
        ({"SuppressSending": False, "SuppressionReason": None}, False, None),
        ({"SuppressSending": None}, None, None),
        ({"SuppressSending": "false"}, None, None),
    ],
)
def test_a_subscription_change_says_which_way_and_why(
    changes: dict[str, object], suppresses: bool | None, reason: SuppressionReason | None
) -> None:
    facts = _read({**CHANGE, **changes})
    assert (facts.suppresses, facts.suppression_reason) == (suppresses, reason)


@pytest.mark.parametrize("payload", ALL)
def test_test_posts_are_known_by_their_zero_message_id(payload: dict[str, object]) -> None:
    zero = "00000000-0000-0000-0000-000000000000"
    assert _read({**payload, "MessageID": zero}).kind is EventKind.TEST


@pytest.mark.parametrize(
    "record_type", ["Reply", "Test", "Other", "delivery", "", None, 17, ["Delivery"], {}]
)
def test_unknown_record_types_are_other(record_type: object) -> None:
    assert _read({**DELIVERY, "RecordType": record_type}).kind is EventKind.OTHER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-02T09:00:00Z", datetime(2026, 11, 2, 9, tzinfo=UTC)),
        ("2026-11-02T09:00:00", datetime(2026, 11, 2, 9, tzinfo=UTC)),
        ("2026-11-02T09:00:00.5Z", datetime(2026, 11, 2, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-02T09:00:00.12345+05:30", datetime(2026, 11, 2, 3, 30, 0, 123_450, tzinfo=UTC)),
        ("2026-11-02T09:00:00.1234567Z", datetime(2026, 11, 2, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00+12:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1762074000, None),
    ],
)
def test_dates_of_every_shape_become_utc_or_nothing(text: object, expected: datetime | None) -> None:
    assert _read({**DELIVERY, "DeliveredAt": text}).occurred_at == expected


@pytest.mark.parametrize(
    "metadata", [None, {}, [], "x", {"job": None}, {"job": 17}, {"job": "17"}, IN_BRACES]
)
def test_metadata_without_a_job_id_names_none(metadata: object) -> None:
    assert _read({**DELIVERY, "Metadata": metadata}).job_id is None


@pytest.mark.parametrize("text", ["a\u0000@example.com", "a\ud800@example.com"])
def test_texts_that_no_database_keeps_are_left_out(text: str) -> None:
    facts = _read({**DELIVERY, "Recipient": text, "MessageID": text})
    assert (facts.recipient, facts.message_id) == (None, None)


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "17", "null", "{", "[" * 100_000, '{"ID":' + "9" * 5000 + "}"]
)
def test_what_is_no_json_object_is_refused(body: str) -> None:
    with pytest.raises(InvalidValue):
        PostmarkEvents().read(body)


@pytest.mark.parametrize("payload", ALL)
def test_the_same_event_told_twice_has_one_key(payload: dict[str, object]) -> None:
    retold = {**dict(reversed(payload.items())), "ServerId": 23, "Tag": None, "Details": "other words"}
    assert _read(payload).content_key == _read(retold).content_key


@pytest.mark.parametrize(
    ("payload", "as_called_back", "as_listed"),
    [
        (DELIVERY, "2026-11-02T09:00:00.1234567Z", "2026-11-02T04:00:00.1234567-05:00"),
        (OPEN, "2026-11-02T09:00:00.1200000Z", "2026-11-02T04:00:00.12-05:00"),
        (CHANGE, "2026-11-02T09:00:00Z", "2026-11-02T09:00:00.0000000"),
        ({**BOUNCE, "ID": None}, "2026-07-02T03:00:00.5Z", "2026-07-01T23:00:00.5000-04:00"),
        (DELIVERY, "no date", "no date"),
    ],
)
def test_an_event_has_one_key_however_a_list_spells_its_time_and_address(
    payload: dict[str, object], as_called_back: str, as_listed: str
) -> None:
    times = {"DeliveredAt", "ReceivedAt", "ChangedAt", "BouncedAt"} & payload.keys()
    called_back = {**payload, **dict.fromkeys(times, as_called_back)}
    listed = {**payload, **dict.fromkeys(times, as_listed)}
    for name in {"Recipient", "Email"} & payload.keys():
        listed[name] = str(payload[name]).upper()
    assert _read(called_back).content_key == _read(listed).content_key


@pytest.mark.parametrize(
    ("payload", "changes"),
    [
        (DELIVERY, {"DeliveredAt": "2026-11-02T09:00:00.1234568-05:00"}),
        (DELIVERY, {"DeliveredAt": "no date"}),
        (DELIVERY, {"DeliveredAt": "2026-11-02T09:00:01Z"}),
        (DELIVERY, {"Recipient": "other@example.com"}),
        (DELIVERY, {"MessageID": "883953f4-6105-42a2-a16a-77a8eac79484"}),
        (BOUNCE, {"ID": 9007199254740992}),
        (BOUNCE, {"RecordType": "SpamComplaint"}),
        (CHANGE, {"SuppressSending": False}),
        (CHANGE, {"ChangedAt": "2026-11-02T09:00:01Z"}),
        (OPEN, {"ReceivedAt": "2026-11-02T09:00:01Z"}),
        (CLICK, {"OriginalLink": "https://example.com/2"}),
    ],
)
def test_different_events_have_different_keys(payload: dict[str, object], changes: dict[str, object]) -> None:
    assert _read(payload).content_key != _read({**payload, **changes}).content_key


@pytest.mark.parametrize("number", [None, 0, "", [1]])
def test_a_bounce_without_an_id_is_known_by_message_address_and_date(number: object) -> None:
    nameless = {**BOUNCE, "ID": number}
    assert _read(nameless).content_key == _read({**nameless, "Details": "other words"}).content_key
    assert _read(nameless).content_key != _read({**nameless, "BouncedAt": "2026-11-02T09:00:01Z"}).content_key


def test_an_event_without_its_own_fields_is_known_by_all_of_it() -> None:
    bare = {"RecordType": "Delivery", "MessageID": MESSAGE_ID}
    assert _read(bare).content_key == _read(bare).content_key
    assert _read(bare).content_key != _read({**bare, "Details": "other"}).content_key


def test_a_removal_without_message_id_is_told_apart_from_the_next() -> None:
    """SuppressSending false: the reason, the tag and the message id are null."""
    lifted = {**CHANGE, "SuppressSending": False, "MessageID": None, "SuppressionReason": None}
    assert _read(lifted).content_key != _read({**lifted, "ChangedAt": "2026-11-03T09:00:00Z"}).content_key


_ODD: list[object] = [
    None,
    True,
    0,
    -1,
    2**70,
    1.5,
    float("inf"),
    float("nan"),
    "",
    "\0",
    "\ud800",
    "x",
    [],
    {},
    [[]],
    {"job": []},
]
_FIELDS = sorted({name for payload in ALL for name in payload})


@given(st.sampled_from(ALL), st.dictionaries(st.sampled_from(_FIELDS), st.sampled_from(_ODD)))
def test_no_value_of_any_field_is_too_odd_to_read(
    payload: dict[str, object], changes: dict[str, object]
) -> None:
    facts = _read({**payload, **changes})
    assert len(facts.content_key) == 32
