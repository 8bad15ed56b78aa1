"""Histories of events as the provider would tell them, in its words; made up, so that their order is ours to choose."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from sandbox.client import Json

# The past, for nothing occurs after it was heard of; few moments, so that things happen at the same one.
BEGINNING = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
MINUTES = 5
UNITS_MAX = 4
REPEATS_MAX = 3
ZERO_MESSAGE = "00000000-0000-0000-0000-000000000000"

# What one thing that happens makes the provider tell: a hard bounce and a complaint are told twice, in two ways.
_UNITS: dict[str, tuple[str, ...]] = {
    "delivery": ("delivery",),
    "hard bounce": ("hard", "listed hard"),
    "complaint": ("complaint", "listed complaint"),
    "soft bounce": ("soft",),
    "unsubscribe": ("listed",),
    "taken off": ("unlisted",),
    "put on by hand": ("listed manual",),
    "open": ("open",),
    "click": ("click",),
    "test": ("test",),
    "news": ("other",),
}
# Each job's history has one of these, or nobody would ever hear of it.
_TELLING = ("delivery", "hard bounce", "complaint")
_bounce_ids = count(2**53 + 10**9)


@dataclass(frozen=True)
class Happened:
    """`what` in the words of the oracles of `tests.unit.domain.event_oracle`."""

    what: str
    at: datetime

    @property
    def joins(self) -> bool:
        """Whether it names a message, so that it belongs to a job."""
        return self.what not in ("unlisted", "listed manual", "test")

    @property
    def of_address(self) -> bool:
        return self.what != "test"


@dataclass(frozen=True)
class Subject:
    """Whose history it is."""

    job_id: str
    message_id: str
    recipient: str


def draw(dice: random.Random) -> list[Happened]:
    units = [dice.choice(_TELLING), *dice.choices(list(_UNITS), k=dice.randint(0, UNITS_MAX))]
    history = []
    for unit in units:
        at = BEGINNING + timedelta(minutes=dice.randint(0, MINUTES))
        history += [Happened(what, at) for what in _UNITS[unit]]
    return _distinct(history)


def _distinct(history: Sequence[Happened]) -> list[Happened]:
    """Two of a kind at one moment are one event; and a list has one entry for an address, with one reason."""
    return list({(one.what.partition(" ")[0], one.at): one for one in history}.values())


def order(history: Sequence[Happened], dice: random.Random) -> list[Happened]:
    """Some order, with repeats."""
    told = [*history, *dice.choices(history, k=dice.randint(0, REPEATS_MAX))]
    dice.shuffle(told)
    return told


def first_times(told: Sequence[Happened]) -> list[Happened]:
    return list(dict.fromkeys(told))


class Words:
    """The bodies of one subject's events: a repeat is the same bytes."""

    def __init__(self, subject: Subject, dice: random.Random) -> None:
        self._subject, self._dice = subject, dice
        self._said: dict[Happened, bytes] = {}

    def of(self, happened: Happened) -> bytes:
        if happened not in self._said:
            self._said[happened] = json.dumps(self._body(happened)).encode()
        return self._said[happened]

    def _body(self, happened: Happened) -> Json:
        subject, at = self._subject, _spelt(happened.at, self._dice)
        of_message = {
            "MessageID": subject.message_id,
            "MessageStream": "outbound",
            "Tag": None,
            "Metadata": {"job": subject.job_id},
        }
        return _BODIES[happened.what](of_message, subject.recipient, at)


Body = Callable[[Json, str, str], Json]


def _bounce(kind: str, *, inactive: bool) -> Body:
    def body(of_message: Json, recipient: str, at: str) -> Json:
        record = "SpamComplaint" if kind == "SpamComplaint" else "Bounce"
        told = {"RecordType": record, "ID": next(_bounce_ids), "Type": kind, "Inactive": inactive}
        return {**told, **of_message, "Email": recipient, "BouncedAt": at, "Details": "smtp;550"}

    return body


def _change(reason: str | None, origin: str, *, by_message: bool) -> Body:
    def body(of_message: Json, recipient: str, at: str) -> Json:
        whose = of_message if by_message else {"MessageID": None, "MessageStream": "outbound", "Metadata": {}}
        return {
            "RecordType": "SubscriptionChange",
            **whose,
            "Recipient": recipient,
            "ChangedAt": at,
            "Origin": origin,
            "SuppressSending": reason is not None,
            "SuppressionReason": reason,
        }

    return body


def _visit(record: str) -> Body:
    def body(of_message: Json, recipient: str, at: str) -> Json:
        told = {"RecordType": record, **of_message, "Recipient": recipient, "ReceivedAt": at}
        return {**told, "OriginalLink": "https://example.com/"} if record == "Click" else told

    return body


def _delivery(of_message: Json, recipient: str, at: str) -> Json:
    return {"RecordType": "Delivery", **of_message, "Recipient": recipient, "DeliveredAt": at}


def _test(of_message: Json, _: str, at: str) -> Json:
    # In words of its own, so that those of two jobs of one tenant are two.
    dummy = {**of_message, "MessageID": ZERO_MESSAGE, "Metadata": {"example": str(uuid4())}}
    return {**_BODIES["hard"](dummy, "john@example.com", at), "ID": 42}


def _news(of_message: Json, recipient: str, at: str) -> Json:
    return {"RecordType": "Postponement", **of_message, "Recipient": recipient, "PostponedAt": at}


_BODIES: dict[str, Body] = {
    "delivery": _delivery,
    "hard": _bounce("HardBounce", inactive=True),
    "complaint": _bounce("SpamComplaint", inactive=True),
    "soft": _bounce("SoftBounce", inactive=False),
    "listed hard": _change("HardBounce", "Recipient", by_message=True),
    "listed complaint": _change("SpamComplaint", "Recipient", by_message=True),
    "listed": _change("ManualSuppression", "Recipient", by_message=True),
    "listed manual": _change("ManualSuppression", "Customer", by_message=False),
    "unlisted": _change(None, "Recipient", by_message=False),
    "open": _visit("Open"),
    "click": _visit("Click"),
    "test": _test,
    "other": _news,
}


def _spelt(at: datetime, dice: random.Random) -> str:
    """With 0 to 7 fractional digits, in UTC or New York's winter time: one moment, as the provider may write it."""
    digits = dice.randint(0, 7)
    fraction = f".{'0' * digits}" if digits else ""
    if dice.random() < 0.5:
        return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"
    return f"{at - timedelta(hours=5):%Y-%m-%dT%H:%M:%S}{fraction}-05:00"
