"""What the callbacks of a time would have told, read from Postmark's lists and put into the words of callbacks."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from shared.domain.errors import ProviderRefused
from shared.gateways.postmark import codes
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable, found
from shared.gateways.postmark.entities import rows_of, text_of
from shared.gateways.postmark.spans import (
    DAY,
    MARGIN,
    PAGE_SIZE,
    REACH,
    Filters,
    day,
    days,
    is_within,
    moments,
    total_of,
)
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import STREAM, TOO_MANY

# Spans are not cut any smaller.
FINEST: Final = timedelta(minutes=1)


class PostmarkHistory:
    """Implements `ports.mail.EventHistory`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def bounces(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[str]:
        """A minute more on both sides, and rows without a readable time: told twice does no harm.

        `ProviderRefused` with code `too_many` after the first 10,000 of a single minute.
        """
        since, until = since - MARGIN, until + MARGIN
        rows = self._bounces(server_token, since, until, days(since, until))
        return (_encoded(_bounce(row)) for row in rows)

    def suppressions(self, server_token: str, *, since: datetime) -> Iterator[str]:
        # Rows have whole seconds.
        since -= MARGIN
        # From the day before, and without an end: a filter for a single day has been seen to return nothing.
        exchange = self._wire.as_server(
            server_token,
            "GET",
            f"/message-streams/{STREAM}/suppressions/dump",
            query={"fromdate": day(since - DAY)},
        )
        for row in rows_of(answer_to_repeatable(exchange, account=False), "Suppressions"):
            if is_within(row.get("CreatedAt"), since, None):
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
        total = total_of(page)
        if total > REACH and until - since > FINEST:
            middle = since + (until - since) / 2
            for begin, end in ((since, middle), (middle, until)):
                yield from self._bounces(server_token, begin, end, moments(begin, end))
            return
        for row in self._pages(server_token, filters, page):
            if is_within(row.get("BouncedAt"), since, until):
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
