"""Whatever the provider may post is stored and answered 200; whatever is no event of its is not, and costs little."""

import codecs
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.config.settings import Settings
from shared.domain.errors import StoreUnavailable
from shared.domain.event import EventKind
from shared.gateways.postmark.events import PostmarkEvents
from shared.persistence.faults import DatabaseFault
from shared.ports.events import EventHeaders
from shared.ports.store import Transaction
from tests.fakes.doorbell import RecordingDoorbell
from tests.fakes.store import MemoryStore
from tests.fakes.store.state import KeptEvent
from tests.unit.web.api import CONFIGURATION, Api, a_configuration, a_job, code, container_of
from tests.unit.web.conftest import Current
from tests.unit.web.test_postmark_events import rejected

BOUNCE = {
    "RecordType": "Bounce",
    "ID": 9_223_372_036_854_775_807,
    "Type": "HardBounce",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Email": "person@example.com",
    "BouncedAt": "2026-11-02T04:00:00.1234567-05:00",
    "Inactive": True,
}
ZERO = "00000000-0000-0000-0000-000000000000"


def kept(store: MemoryStore) -> list[KeptEvent]:
    return list(store._state.events.values())


def one(store: MemoryStore) -> KeptEvent:
    (event,) = kept(store)
    return event


SHAPES: dict[str, dict[str, Any]] = {
    "ServerId as of old": {**BOUNCE, "ServerId": 23},
    "ServerID as of now": {**BOUNCE, "ServerID": 23},
    "an unknown type": {"RecordType": "InboxPlacement", "Score": 0.97},
    "no type at all": {"MessageID": BOUNCE["MessageID"]},
    "nothing": {},
    "the bounce without an address": {"RecordType": "Bounce", "Type": "Unsubscribe", "TypeCode": 16},
    "a code as text": {"RecordType": "Bounce", "ErrorCode": "0", "ID": "77"},
    "an id beyond 64 bits": {**BOUNCE, "ID": 2**70},
    "no Metadata": {**BOUNCE, "Metadata": None},
    "Metadata as a list": {**BOUNCE, "Metadata": []},
    "a Tag that is null": {**BOUNCE, "Tag": None},
    "an empty date": {**BOUNCE, "BouncedAt": ""},
    "NUL and half a pair, escaped": {**BOUNCE, "Details": "\0 \ud83d", "Email": "p\0@example.com"},
    "a number that no float holds": json.loads('{"Spam": 1e999}'),
}


@pytest.mark.parametrize("event", SHAPES.values(), ids=SHAPES)
def test_an_odd_event_is_stored(api: Api, store: MemoryStore, event: dict[str, Any]) -> None:
    a_configuration(store)
    raw = json.dumps(event).replace("Infinity", "1e999")
    assert api.receive(raw).status_code == 200
    assert one(store).event.raw == raw


@pytest.mark.parametrize("digits", range(8))
@pytest.mark.parametrize("zone", ["Z", "-05:00", "+13:45", ""])
def test_a_date_of_any_precision_and_offset_is_read(
    api: Api, store: MemoryStore, digits: int, zone: str
) -> None:
    a_configuration(store)
    fraction = f".{'1234567'[:digits]}" if digits else ""
    api.receive(json.dumps({**BOUNCE, "BouncedAt": f"2026-11-02T04:00:00{fraction}{zone}"}))
    at = one(store).event.facts.occurred_at
    assert at is not None
    assert at.microsecond == int("123456"[:digits].ljust(6, "0"))


def test_ids_that_differ_beyond_what_a_float_holds_are_two_events(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    for number in (2**53, 2**53 + 1):
        api.receive(json.dumps({**BOUNCE, "ID": number}))
    assert len(kept(store)) == 2


def test_the_providers_marks_are_kept_with_the_event(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    marks = {
        "X-PM-Webhook-Trace-Id": "trace-1",
        "X-PM-Webhook-Event-Id": "event-1",
        "X-PM-Retries-Remaining": "9",
    }
    api.receive(json.dumps(BOUNCE), marks)
    assert one(store).headers == EventHeaders("trace-1", "event-1", "9")


def test_marks_that_nobody_can_keep_do_not_keep_the_event_away(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    marks = {"X-PM-Webhook-Trace-Id": "\x7f", "X-PM-Webhook-Event-Id": "e" * 9000}
    assert api.receive(json.dumps(BOUNCE), marks).status_code == 200
    assert one(store).headers == EventHeaders(None, "e" * 255, None)


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"],
)
def test_an_event_is_taken_whatever_it_is_called(
    api: Api, store: MemoryStore, content_type: str | None
) -> None:
    a_configuration(store)
    headers = {"X-Email-Routing-Token": "a-routing-token-of-256-random-bits"}
    answer = api.post(
        "/job/postmark-events", data=json.dumps(BOUNCE), content_type=content_type, headers=headers
    )
    assert answer.status_code == 200
    assert one(store).event.facts.kind is EventKind.BOUNCE


def chunked(body: io.BytesIO) -> dict[str, Any]:
    """As the server hands over a body whose length nobody has announced."""
    environment = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return {"input_stream": body, "environ_overrides": environment}


def receive_chunked(api: Api, body: io.BytesIO) -> Any:
    headers = {"X-Email-Routing-Token": "a-routing-token-of-256-random-bits"}
    return api.post("/job/postmark-events", headers=headers, **chunked(body))


def test_an_event_that_comes_in_chunks_is_taken_whole(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    raw = json.dumps({**BOUNCE, "Content": "x" * 500_000})
    assert receive_chunked(api, io.BytesIO(raw.encode())).status_code == 200
    assert one(store).event.raw == raw


CUT = [
    "",
    "[1, ",
    '{"RecordType": ',
    '{"RecordType": "Deliv',
    '{"RecordType": "Delivery"',
    '{"a": tru',
    '{"a": -',
]


@pytest.mark.parametrize("body", CUT)
def test_chunks_that_end_before_their_event_does_are_sent_again(
    api: Api, store: MemoryStore, body: str
) -> None:
    a_configuration(store)
    assert code(receive_chunked(api, io.BytesIO(body.encode()))) == (408, "body_cut")
    assert rejected("body_cut") > 0


def test_chunks_that_end_within_a_character_are_sent_again(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    assert code(receive_chunked(api, io.BytesIO('{"a": "é'.encode()[:-1]))) == (408, "body_cut")


@pytest.mark.parametrize("terminated", [True, False])
def test_an_event_of_which_less_came_than_was_announced_is_sent_again(
    api: Api, store: MemoryStore, terminated: bool
) -> None:
    a_configuration(store)
    raw = json.dumps(BOUNCE).encode()
    environment = {"wsgi.input_terminated": terminated, "CONTENT_LENGTH": str(len(raw) + 1)}
    headers = {"X-Email-Routing-Token": "a-routing-token-of-256-random-bits"}
    answer = api.post(
        "/job/postmark-events", headers=headers, input_stream=io.BytesIO(raw), environ_overrides=environment
    )
    assert code(answer) == (408, "body_cut")
    assert kept(store) == []


def test_of_a_body_that_does_not_end_no_more_is_read_than_is_allowed(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    endless = io.BytesIO(b" " * 50_000_000)
    assert code(receive_chunked(api, endless)) == (413, "body_too_large")
    assert endless.tell() <= 2_100_000


def test_the_largest_body_that_is_allowed_is_taken(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    empty = len(json.dumps({"Details": ""}))
    raw = json.dumps({"Details": "x" * (2_000_000 - empty)})
    assert api.receive(raw).status_code == 200
    assert code(api.receive(raw + " ")) == (413, "body_too_large")


def test_a_byte_order_mark_is_no_reason_to_lose_an_event(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    raw = json.dumps(BOUNCE)
    assert api.receive(codecs.BOM_UTF8 + raw.encode()).status_code == 200
    assert one(store).event.raw == raw
    assert api.receive(raw).status_code == 200
    assert len(kept(store)) == 1


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


BOMBS: dict[str, bytes] = {
    "one too deep": nested(33),
    "arrays without end": b"[" * 1_900_000,
    "objects without end": b'{"a":' * 300_000,
    "closed arrays": b"[" * 900_000 + b"]" * 900_000,
    "deep in a corner": b'{"a":1,"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of a million digits": b'{"a":' + b"7" * 1_000_000 + b"}",
    "half a pair, as bytes": b'{"a":"\xed\xa0\xbd"}',
    "UTF-16": json.dumps(BOUNCE).encode("utf-16"),
    "NaN": b'{"a":NaN}',
    "two objects": b"{}{}",
    "a bare NUL": b"{}\0",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_400_and_leaves_nothing_behind(api: Api, store: MemoryStore, bomb: bytes) -> None:
    a_configuration(store)
    assert code(api.receive(bomb)) == (400, "invalid_json")
    assert kept(store) == []


def test_the_deepest_event_that_is_allowed_is_taken(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    assert api.receive(nested(32)).status_code == 200


def test_of_a_key_given_twice_reader_and_caller_see_the_same_one(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    metadata = f'"Metadata": {{"job": "{job_id}"}}'
    api.receive(f'{{"RecordType": "Delivery", {metadata}, "RecordType": "Bounce"}}')
    assert one(store).event.facts.kind is EventKind.BOUNCE
    with store.begin() as tx:
        tx.events.mark_projected({one(store).event.e_id: one(store).event.facts.job_id})
    (told,) = api.get(f"/job/{job_id}/events").get_json()["events"]
    assert (told["kind"], told["payload"]["RecordType"]) == ("Bounce", "Bounce")


def test_a_number_that_json_has_no_word_for_is_told_as_it_was_written(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    api.receive(f'{{"RecordType": "Open", "Seconds": 1e999, "Metadata": {{"job": "{job_id}"}}}}')
    with store.begin() as tx:
        tx.events.mark_projected({one(store).event.e_id: one(store).event.facts.job_id})
    answer = api.get(f"/job/{job_id}/events").get_data(as_text=True)
    (told,) = json.loads(answer, parse_constant=pytest.fail)["events"]
    assert told["payload"]["Seconds"] == "1e999"


def test_a_name_that_is_half_a_pair_is_told_too(api: Api, store: MemoryStore) -> None:
    a_configuration(store)
    job_id = api.send(a_job()).get_json()["payload"]["eId"]
    api.receive(json.dumps({"RecordType": "Open", "\ud83d": ["\ud83d"], "Metadata": {"job": job_id}}))
    with store.begin() as tx:
        tx.events.mark_projected({one(store).event.e_id: one(store).event.facts.job_id})
    (told,) = api.get(f"/job/{job_id}/events").get_json()["events"]
    assert told["payload"]["\ud83d"] == ["\ud83d"]


def test_a_name_that_is_too_long_for_an_index_joins_nothing_and_is_kept_raw(
    api: Api, store: MemoryStore
) -> None:
    a_configuration(store)
    raw = json.dumps({**BOUNCE, "Email": "x" * 3000, "MessageID": "y" * 3000})
    assert api.receive(raw).status_code == 200
    facts = one(store).event.facts
    assert (facts.recipient, facts.message_id, one(store).event.raw) == (None, None, raw)


# The ways in which it cannot be stored.


class Failing:
    """A store whose `where` raises, in the middle of a transaction that is on a good way."""

    def __init__(self, store: MemoryStore, where: str, error: Exception) -> None:
        self._store = store
        self._where = where
        self._error = error

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            failing: Any = tx
            place, _, method = self._where.partition(".")
            setattr(failing if not method else getattr(failing, place), method or place, self._fail)
            yield tx
            if self._where == "commit":
                self._fail()

    def ping(self) -> None:
        self._store.ping()

    def _fail(self, *_args: Any, **_options: Any) -> Any:
        raise self._error


@pytest.mark.parametrize("where", ["configurations.id_by_routing_hash", "events.add", "now", "commit"])
@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("connection lost"),
        DatabaseFault("ReadOnlySqlTransaction"),
        RuntimeError("a defect of ours"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_keeps_an_event_from_being_stored_it_is_sent_again(
    settings: Settings, store: MemoryStore, where: str, error: Exception
) -> None:
    a_configuration(store)
    doorbell = RecordingDoorbell()
    broken = Api(container_of(settings, Failing(store, where, error), doorbell))
    answer = broken.receive(json.dumps(BOUNCE))
    assert code(answer) == (503, "store_unavailable")
    assert "Retry-After" in answer.headers
    assert (kept(store), doorbell.rung) == ([], [])
    mended = Api(container_of(settings, store, doorbell))
    assert mended.receive(json.dumps(BOUNCE)).status_code == 200
    assert len(kept(store)) == 1


def test_an_event_whose_ring_is_lost_is_stored_and_answered_200(
    settings: Settings, store: MemoryStore
) -> None:
    a_configuration(store)
    doorbell = RecordingDoorbell()
    doorbell.down = True
    assert Api(container_of(settings, store, doorbell)).receive(json.dumps(BOUNCE)).status_code == 200
    assert len(kept(store)) == 1


# Anything.

KEYS = st.sampled_from(
    [
        "RecordType", "MessageID", "ID", "Type", "TypeCode", "Email", "Recipient", "BouncedAt", "DeliveredAt",
        "ReceivedAt", "ChangedAt", "Inactive", "Metadata", "SuppressSending", "SuppressionReason", "Origin",
        "MessageStream", "OriginalLink", "ServerID", "ServerId", "Tag", "ErrorCode", "job", "",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "Delivery", "Bounce", "SpamComplaint", "SubscriptionChange", "Open", "Click", "HardBounce", ZERO,
        "person@example.com", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9999999-12:00",
        "2026-02-30T00:00:00Z", "2026-11-02T04:00:00.1234567-05:00", str(CONFIGURATION), "{}",
    ]
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**53, max_value=2**80)
    | st.floats(allow_nan=False)
    | WORDS
    # Surrogates too: they travel escaped.
    | st.text(st.characters(), max_size=300)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
EVENTS = st.dictionaries(KEYS | st.text(st.characters(), max_size=20), VALUES, max_size=14)


@hypothesis_settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(event=EVENTS)
@example(event={"RecordType": "Bounce", "ID": True, "Inactive": "yes", "Metadata": {"job": 7}})
@example(event={"RecordType": ["Bounce"], "MessageID": {"a": 1}, "Recipient": 5, "Email": False})
@example(event={"RecordType": "SubscriptionChange", "SuppressSending": "true", "ChangedAt": 12})
@example(event={"RecordType": "Open", "ReceivedAt": "0001-01-01T00:00:00+23:59"})
def test_any_object_is_read_stored_as_it_came_and_answered_200(
    application: tuple[Current, Api], doorbell: RecordingDoorbell, event: dict[str, Any]
) -> None:
    current, api = application
    store = current.store = MemoryStore()
    current.doorbell = doorbell
    a_configuration(store)
    raw = json.dumps(event).replace("-Infinity", "-1e999").replace("Infinity", "1e999")
    facts = PostmarkEvents().read(raw)
    assert PostmarkEvents().read(raw) == facts
    answer = api.receive(raw)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    stored = one(store).event
    assert (stored.raw, stored.facts.kind, stored.facts.content_key) == (raw, facts.kind, facts.content_key)
    assert api.receive(raw).status_code == 200
    assert len(kept(store)) == 1
