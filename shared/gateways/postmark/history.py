"""What the callbacks of a time would have told, read from Postmark's lists and put into the words of callbacks.

Postmark reads the dates of its filters as Eastern time, and its documentation shows days only. So whole days are
asked for, wide of the mark on both sides, and each row's own time decides.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.gateways.postmark import codes
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable, found
from shared.gateways.postmark.entities import id_of, rows_of, text_of
from shared.gateways.postmark.events import time_of
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import STREAM, TOO_MANY

PAGE_SIZE: Final = 500
# `count` and `offset` together may not be more.
REACH: Final = 10_000
# Spans are not cut any smaller.
FINEST: Final = timedelta(minutes=1)

_EASTERN: Final = ZoneInfo("America/New_York")
_DAY: Final = timedelta(days=1)
MARGIN: Final = timedelta(minutes=1)
# Both ends of the hour that the clocks repeat in autumn are written alike: beyond it they are not.
_REPEATED: Final = timedelta(hours=1)

Filters = Mapping[str, str]


class PostmarkHistory:
    """Implements `ports.mail.EventHistory`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def bounces(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[str]:
        """A minute more on both sides, and rows without a readable time: told twice does no harm.

        `ProviderRefused` with code `too_many` after the first 10,000 of a single minute.
        """
        since, until = since - MARGIN, until + MARGIN
        rows = self._bounces(server_token, since, until, _days(since, until))
        return (_encoded(_bounce(row)) for row in rows)

    def suppressions(self, server_token: str, *, since: datetime) -> Iterator[str]:
        # Rows have whole seconds.
        since -= MARGIN
        # From the day before, and without an end: a filter for a single day has been seen to return nothing.
        exchange = self._wire.as_server(
            server_token,
            "GET",
            f"/message-streams/{STREAM}/suppressions/dump",
            query={"fromdate": _day(since - _DAY)},
        )
        for row in rows_of(answer_to_repeatable(exchange, account=False), "Suppressions"):
            if _is_within(row.get("CreatedAt"), since, None):
                yield _encoded(_suppression(row))

    def of_message(self, server_token: str, message_id: str) -> list[str]:
        exchange = self._wire.as_server(
            server_token, "GET", f"/messages/outbound/{quote(message_id, safe='')}/details"
        )
        message = found(exchange, codes.MESSAGE_NOT_FOUND, account=False)
        if message is None:
            return []
        events = rows_of(message, "MessageEvents")
        return [
            _encoded(_delivery(message, event, message_id))
            for event in events
            if text_of(event, "Type") == "Delivered"
        ]

    def _bounces(
        self, server_token: str, since: datetime, until: datetime, filters: Filters
    ) -> Iterator[JsonObject]:
        page = self._page(server_token, filters, 0)
        total = _total(page)
        if total > REACH and until - since > FINEST:
            middle = since + (until - since) / 2
            for begin, end in ((since, middle), (middle, until)):
                yield from self._bounces(server_token, begin, end, _moments(begin, end))
            return
        for row in self._pages(server_token, filters, page):
            if _is_within(row.get("BouncedAt"), since, until):
                yield row
        if total > REACH:
            raise ProviderRefused(TOO_MANY, f"more than {REACH} bounces between {since} and {until}")

    def _pages(self, server_token: str, filters: Filters, page: JsonObject) -> Iterator[JsonObject]:
        """`page`: the first. Newest first at Postmark, so what comes meanwhile shifts rows to where we read next."""
        rows = rows_of(page, "Bounces")
        yield from rows
        for offset in range(PAGE_SIZE, REACH, PAGE_SIZE):
            if len(rows) < PAGE_SIZE:
                return
            rows = rows_of(self._page(server_token, filters, offset), "Bounces")
            yield from rows

    def _page(self, server_token: str, filters: Filters, offset: int) -> JsonObject:
        query = {"count": PAGE_SIZE, "offset": offset, "messagestream": STREAM, **filters}
        exchange = self._wire.as_server(server_token, "GET", "/bounces", query=query)
        return answer_to_repeatable(exchange, account=False)


def _total(page: JsonObject) -> int:
    total = id_of(page, "TotalCount")
    if total is None:
        raise ProviderUnavailable("unreadable", "HTTP 200 with a body that has no TotalCount")
    return total


def _days(since: datetime, until: datetime) -> Filters:
    """Whichever way the day of `todate` counts, the day after holds it."""
    return {"fromdate": _day(since), "todate": _day(until + _DAY)}


def _day(at: datetime) -> str:
    return at.astimezone(_EASTERN).date().isoformat()


def _moments(since: datetime, until: datetime) -> Filters:
    begin, end = since - MARGIN, until + MARGIN
    if _reading(begin, fold=1) > begin:
        begin -= _REPEATED
    if _reading(end, fold=0) < end:
        end += _REPEATED
    return {"fromdate": _local(begin), "todate": _local(end)}


def _local(at: datetime) -> str:
    return at.astimezone(_EASTERN).replace(tzinfo=None).isoformat(timespec="seconds")


def _reading(at: datetime, *, fold: int) -> datetime:
    """What another takes the local time of `at` for, if it takes a repeated hour for its first or second."""
    return at.astimezone(_EASTERN).replace(fold=fold).astimezone(UTC)


def _is_within(text: object, since: datetime, until: datetime | None) -> bool:
    at = time_of(text)
    return at is None or (since <= at and (until is None or at < until))


def _bounce(row: JsonObject) -> JsonObject:
    """The callback's own keys. The content is the tenant's mail, which the callbacks are set to leave out, too."""
    complaint = text_of(row, "Type") == "SpamComplaint"
    told = {key: value for key, value in row.items() if key != "Content"}
    return {**told, "RecordType": "SpamComplaint" if complaint else "Bounce"}


def _suppression(row: JsonObject) -> JsonObject:
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": None,
        "MessageStream": STREAM,
        "ChangedAt": row.get("CreatedAt"),
        "Recipient": row.get("EmailAddress"),
        "Origin": row.get("Origin"),
        "SuppressSending": True,
        "SuppressionReason": row.get("SuppressionReason"),
        "Tag": None,
        "Metadata": {},
    }


def _delivery(message: JsonObject, event: JsonObject, message_id: str) -> JsonObject:
    details = event.get("Details")
    return {
        "RecordType": "Delivery",
        "MessageStream": text_of(message, "MessageStream") or STREAM,
        "MessageID": text_of(message, "MessageID") or message_id,
        "Recipient": event.get("Recipient"),
        "DeliveredAt": event.get("ReceivedAt"),
        "Details": text_of(details, "DeliveryMessage") if isinstance(details, dict) else "",
        "Tag": message.get("Tag"),
        "Metadata": message.get("Metadata"),
    }


def _encoded(body: JsonObject) -> str:
    """ASCII, so that halves of surrogate pairs pass as they came."""
    return json.dumps(body)
