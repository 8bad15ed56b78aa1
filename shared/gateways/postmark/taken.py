"""All the messages of ours that Postmark took in a span of time."""

from collections.abc import Iterator
from datetime import datetime

from shared.domain.errors import ProviderRefused, ProviderUnavailable
from shared.domain.mail import CLAIM_KEY, JOB_KEY
from shared.domain.recovery import TakenMessage
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable
from shared.gateways.postmark.entities import rows_of, text_of
from shared.gateways.postmark.events import time_of, uuid_of
from shared.gateways.postmark.spans import PAGE_SIZE, REACH, Filters, days, is_within, moments, total_of
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import STREAM, TOO_MANY


class PostmarkTaken:
    """Implements `ports.mail.TakenMessages`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def between(self, server_token: str, *, since: datetime, until: datetime) -> Iterator[list[TakenMessage]]:
        filters = days(since, until)
        page = self._page(server_token, filters, 0)
        if total_of(page) > REACH:
            filters = moments(since, until)
            page = self._page(server_token, filters, 0)
        if total_of(page) > REACH:
            raise ProviderRefused(TOO_MANY, f"more than {REACH} messages between {since} and {until}")
        yield _ours(page, since, until)
        # Newest first at Postmark: what came meanwhile would shift rows to where is read next, and none is left out.
        for offset in range(PAGE_SIZE, min(total_of(page), REACH), PAGE_SIZE):
            yield _ours(self._page(server_token, filters, offset), since, until)

    def _page(self, server_token: str, filters: Filters, offset: int) -> JsonObject:
        query = {"count": PAGE_SIZE, "offset": offset, "messagestream": STREAM, **filters}
        exchange = self._wire.as_server(server_token, "GET", "/messages/outbound", query=query)
        return answer_to_repeatable(exchange, account=False)


def _ours(page: JsonObject, since: datetime, until: datetime) -> list[TakenMessage]:
    rows = rows_of(page, "Messages")
    read = (_message_of(row, since) for row in rows if is_within(row.get("ReceivedAt"), since, until))
    return [message for message in read if message is not None]


def _message_of(row: JsonObject, since: datetime) -> TakenMessage | None:
    """None when it is none of ours: no job is named. One without a readable time counts from `since`."""
    metadata = row.get("Metadata")
    named = metadata if isinstance(metadata, dict) else {}
    job_id = uuid_of(named.get(JOB_KEY))
    if job_id is None:
        return None
    message_id, recipients = text_of(row, "MessageID"), row.get("Recipients")
    recipient = recipients[0] if isinstance(recipients, list) and recipients else None
    if not message_id or not isinstance(recipient, str):
        raise ProviderUnavailable("unreadable", "HTTP 200 with a message that has no id or no recipient")
    return TakenMessage(
        job_id=job_id,
        claim_id=uuid_of(named.get(CLAIM_KEY)),
        message_id=message_id,
        recipient=recipient,
        subject=text_of(row, "Subject"),
        tag=text_of(row, "Tag") or None,
        taken_at=time_of(row.get("ReceivedAt")) or since,
    )
