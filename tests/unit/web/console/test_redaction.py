"""Callbacks as people read them: no address, no word of a sender or a recipient."""

import json
import time
from typing import Any

import pytest

from web.console.redaction import SHOWN_MAX_CHARACTERS, redacted, without_addresses

BOUNCE: dict[str, Any] = {
    "RecordType": "Bounce",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "Tag": "order",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {"job": "019b", "claim": "019c", "customer": "Jane Roe"},
    "Description": "The server was unable to deliver your message (ex: unknown user).",
    "Details": "smtp;550 5.1.1 <Jane.Roe@example.com>:user unknown; jane.roe@example.com",
    "Email": "jane.roe@example.com",
    "From": "noreply@acme.dev.ardamails.com",
    "BouncedAt": "2026-11-02T08:59:00Z",
    "Inactive": True,
    "Subject": "Your order of roses",
    "Content": "Dear Jane, thank you.",
}
OPEN: dict[str, Any] = {
    "RecordType": "Open",
    "Recipient": "jane.roe@example.com",
    "UserAgent": "Mozilla/5.0 (Jane's phone)",
    "Geo": {"City": "Springfield", "IP": "203.0.113.7", "Coords": "1,2"},
    "Client": {"Name": "Jane's client"},
    "OS": {},
    "OriginalLink": "https://shop.example/?who=jane.roe%40example.com",
    "ReadSeconds": 5,
}
PERSONAL = ("jane", "roe@", "roses", "Springfield", "203.0.113.7", "Mozilla", "shop.example")


@pytest.mark.parametrize("payload", [BOUNCE, OPEN])
def test_nothing_of_a_person_is_left(payload: dict[str, Any]) -> None:
    shown = redacted(json.dumps(payload)).lower()
    for word in PERSONAL:
        assert word.lower() not in shown, word


def test_what_helps_to_find_the_cause_is_left() -> None:
    shown = json.loads(redacted(json.dumps(BOUNCE)))
    for name in ("RecordType", "ID", "Type", "Tag", "MessageID", "Description", "BouncedAt", "Inactive"):
        assert shown[name] == BOUNCE[name]
    assert shown["Details"] == "smtp;550 5.1.1 <•••@example.com>:user unknown; •••@example.com"
    assert shown["Metadata"] == {"job": "019b", "claim": "019c", "customer": "masked, 8 characters"}
    assert shown["Subject"] == "masked, 19 characters"
    assert list(shown) == list(BOUNCE)


def test_a_field_that_nobody_knows_is_masked_with_all_that_is_in_it() -> None:
    payload = {"Tomorrow": {"Note": "Jane", "Deep": [{"Who": "jane@example.com"}, "Jane", 7, None, ""]}}
    assert json.loads(redacted(json.dumps(payload))) == {
        "Tomorrow": {
            "Note": "masked, 4 characters",
            "Deep": [{"Who": "masked, 16 characters"}, "masked, 4 characters", 7, None, ""],
        }
    }


def test_a_known_name_deeper_down_is_still_looked_through() -> None:
    payload = {"Metadata": {"job": {"Details": "jane@example.com"}}, "jane@example.com": 1, "Tag": ["a@b"]}
    shown = redacted(json.dumps(payload))
    assert "jane" not in shown
    assert json.loads(shown)["Tag"] == ["•••@b"]


@pytest.mark.parametrize("raw", ['"jane@example.com"', "[]", "null", '{"Metadata": "jane@example.com"}'])
def test_what_is_no_object_or_has_other_shapes_is_masked_too(raw: str) -> None:
    assert "jane" not in redacted(raw)


def test_what_is_no_json_is_not_shown() -> None:
    assert redacted("Dear Jane") == "no JSON, 9 characters"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to jane@example.com now", "to •••@example.com now"),
        ("jane=example.com@bounces.example.net", "•••@bounces.example.net"),
        ("o'neil+x@example.com, b@c", "•••@example.com, •••@c"),
        ("who=jane%40example.com&x=1", "•••@example.com&x=1"),
        ("a@b@c", "•••@•••@c"),
        ("nobody at all", "nobody at all"),
        ("@", "•••@"),
    ],
)
def test_of_addresses_the_domain_is_left(text: str, shown: str) -> None:
    assert without_addresses(text) == shown


def test_half_a_surrogate_pair_and_control_characters_can_be_shown() -> None:
    shown = redacted('{"Tag": "\\ud800 \\u0000 \\u001b"}')
    assert shown.encode()
    assert json.loads(shown.replace("\\ud800", "")) == {"Tag": " \x00 \x1b"}


def test_a_long_callback_is_cut_and_says_so() -> None:
    shown = redacted(json.dumps({"Tag": "x" * (SHOWN_MAX_CHARACTERS + 100)}))
    assert len(shown) < SHOWN_MAX_CHARACTERS + 100
    assert shown.endswith("characters more")


def test_a_long_text_without_an_address_takes_no_time_to_look_through() -> None:
    began = time.process_time()
    without_addresses("x" * 2_000_000)
    without_addresses("x%4" * 700_000)
    assert time.process_time() - began < 2
