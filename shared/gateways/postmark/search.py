"""Which messages of a claim Postmark has: the way out of doubt."""

from collections.abc import Mapping
from uuid import UUID

from shared.domain.mail import CLAIM_KEY, JOB_KEY
from shared.gateways.postmark.calls import JsonObject, answer_to_repeatable
from shared.gateways.postmark.entities import rows_of, text_of
from shared.gateways.postmark.events import uuid_of
from shared.gateways.postmark.wire import Wire
from shared.ports.mail import STREAM

PAGE_SIZE = 500
# Postmark refuses to look further; a claim is a batch, so it never gets near.
REACH = 10_000


class PostmarkSearch:
    """Implements `ports.mail.SentMessages`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def find_by_claim(self, server_token: str, claim_id: UUID) -> Mapping[UUID, str]:
        found: dict[UUID, str] = {}
        for offset in range(0, REACH, PAGE_SIZE):
            rows = self._page(server_token, claim_id, offset)
            found.update(_of_claim(rows, claim_id))
            if len(rows) < PAGE_SIZE:
                break
        return found

    def _page(self, server_token: str, claim_id: UUID, offset: int) -> list[JsonObject]:
        query = {
            "count": PAGE_SIZE,
            "offset": offset,
            "messagestream": STREAM,
            f"metadata_{CLAIM_KEY}": str(claim_id),
        }
        exchange = self._wire.as_server(server_token, "GET", "/messages/outbound", query=query)
        return rows_of(answer_to_repeatable(exchange, account=False), "Messages")


def _of_claim(rows: list[JsonObject], claim_id: UUID) -> Mapping[UUID, str]:
    """Looks at the metadata again: whatever else the filter may let through is not this claim's."""
    found = {}
    for row in rows:
        metadata = row.get("Metadata")
        if not isinstance(metadata, dict) or uuid_of(metadata.get(CLAIM_KEY)) != claim_id:
            continue
        job_id, message_id = uuid_of(metadata.get(JOB_KEY)), text_of(row, "MessageID")
        if job_id is not None and message_id:
            found[job_id] = message_id
    return found
