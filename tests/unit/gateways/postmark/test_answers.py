import pytest

from shared.gateways.postmark.answers import Answer, code_of, readable

NOW = "Mon, 02 Nov 2026 09:00:00 GMT"


def _retry_after(text: str, date: str = "") -> float | None:
    return Answer(429, {"retry-after": text, "date": date}, b"").retry_after_seconds()


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), (" 1.5 ", 1.5), ("0", 0.0), ("-3", 0.0), ("99999999", 3600.0)]
)
def test_a_wait_in_seconds_is_bounded(text: str, seconds: float) -> None:
    assert _retry_after(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "nan", "inf", "Mon, 99 Nov 2026 09:00:00 GMT"])
def test_a_wait_that_says_nothing_is_none(text: str) -> None:
    assert _retry_after(text, NOW) is None


def test_a_date_is_counted_from_the_answers_own_date() -> None:
    assert _retry_after("Mon, 02 Nov 2026 09:01:30 GMT", NOW) == 90.0
    assert _retry_after("Mon, 02 Nov 2026 08:00:00 GMT", NOW) == 0.0
    assert _retry_after("Mon, 02 Nov 2026 09:01:30 GMT") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Found inactive addresses: a@x.com, b@y.org. Inactive",
            "Found inactive addresses: <address>, <address>. Inactive",
        ),
        ("Illegal email domain '+' in address 'user@+'.", "Illegal email domain '+' in address '<address>'."),
        (
            "Illegal email address 'jo e'. It must contain",
            "Illegal email address '<address>'. It must contain",
        ),
        (
            "The 'From' address you supplied (Acme <n@acme.com>) is",
            "The 'From' address you supplied (Acme <<address>>) is",
        ),
        ("It must contain the '@' symbol.", "It must contain the '@' symbol."),
        ("Zero recipients\n specified", "Zero recipients specified"),
    ],
)
def test_texts_lose_their_addresses_and_keep_their_meaning(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_what_is_private_is_taken_out_in_any_letter_case() -> None:
    assert readable("token ABC-123 is bad", "abc-123", "") == "token <redacted> is bad"


@pytest.mark.parametrize("message", [None, 17, [], {}])
def test_a_message_that_is_no_text_is_empty(message: object) -> None:
    assert readable(message) == ""


def test_long_texts_are_cut() -> None:
    assert len(readable("word " * 1000)) == 500


def test_a_cut_leaves_no_half_of_an_address() -> None:
    addresses = " ".join(f"person{number:02}.{'x' * 80}@example.com" for number in range(50))
    assert set(readable(addresses).split()) <= {"<address>", "<addr", "<ad", "<addre", "<address", "<"}


def test_a_text_without_end_or_blank_is_nothing_to_read() -> None:
    assert readable("x" * 10_000_000) == ""


@pytest.mark.parametrize(
    ("value", "code"),
    [(406, 406), ("0", 0), ("406", 406), (True, None), ("x", None), (1.5, None), ("9" * 30, None)],
)
def test_codes_are_numbers_or_texts_of_digits(value: object, code: int | None) -> None:
    assert code_of(value) == code
