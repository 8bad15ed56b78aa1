"""What came back over the wire, before anyone has said what it means."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

# The request was not begun: its time was over before a connection stood.
LATE = "late"
# More than this is not a request to come back but a fault of the other side.
RETRY_AFTER_MAX_SECONDS = 3600.0
# Texts are kept in rows and shown to people; a page of HTML is neither.
TEXT_MAX_CHARACTERS = 500
# Bounds the search for addresses, whose time grows with the square of the text.
_READ_MAX_CHARACTERS = 2000

_DIGITS = re.compile(r"[0-9]{1,9}")
_ADDRESS = re.compile(r"[^\s'\"<>(),;:]+@[^\s'\"<>(),;:]*")
# "Illegal email address 'x'. It must contain the '@' symbol.": not every address looks like one.
_QUOTED_ADDRESS = re.compile(r"(address:?\s*)'[^']*'", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` has its names in lower case. `private`: what the request showed, and no text may say back."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    private: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> object:
        """The body as JSON. Raises `ValueError` when it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def retry_after_seconds(self) -> float | None:
        """In seconds, or a date: then the answer's own `Date` is the present, so no clock has to agree."""
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text)
        except ValueError:
            seconds = _seconds_between(self.headers.get("date", ""), text)
        return min(max(seconds, 0.0), RETRY_AFTER_MAX_SECONDS) if math.isfinite(seconds) else None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """`reason` is a short word of ours. `written` once any byte of the request may have left this machine."""

    reason: str
    written: bool


Exchange = Answer | NoAnswer


@dataclass(frozen=True, slots=True)
class Complaint:
    """Postmark's envelope `{ErrorCode, Message}`. `code` is None when there is no readable one."""

    code: int | None
    text: str


def complaint_of(answer: Answer, *private: str) -> Complaint:
    """The webhook verification failure has its code in a header only, so the header fills in for the body."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    envelope = body if isinstance(body, dict) else {}
    code = code_of(envelope.get("ErrorCode"))
    if code is None:
        code = code_of(answer.headers.get("x-pm-apierrorcode"))
    text = readable(envelope.get("Message"), *answer.private, *private)
    return Complaint(code, text or f"HTTP {answer.status} without a text")


def code_of(value: object) -> int | None:
    """A number; one recorded answer has it as text (`"0"`). Anything else is unreadable."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def readable(message: object, *private: str) -> str:
    """A provider's text without addresses and without any of `private`, cut to a length that fits a row."""
    text = " ".join(message.split()) if isinstance(message, str) else ""
    if len(text) > _READ_MAX_CHARACTERS:
        # Ends at a word, so that no half of an address escapes recognition.
        text = text[:_READ_MAX_CHARACTERS].rpartition(" ")[0]
    for secret in private:
        if secret and secret.lower() in text.lower():
            text = re.sub(re.escape(secret), "<redacted>", text, flags=re.IGNORECASE)
    # Most texts are "OK", and have nothing to look for.
    if "'" in text:
        text = _QUOTED_ADDRESS.sub(r"\1'<address>'", text)
    if "@" in text:
        text = _ADDRESS.sub(lambda found: "<address>" + ("." if found[0].endswith(".") else ""), text)
    return text[:TEXT_MAX_CHARACTERS]


def _seconds_between(earlier: str, later: str) -> float:
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
    except (ValueError, TypeError):
        # TypeError: one of the two has no time zone.
        return math.nan
