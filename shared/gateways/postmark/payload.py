"""Our messages in Postmark's words, as the bytes of a batch call."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.mail import CLAIM_KEY, JOB_KEY, OutboundMessage
from shared.ports.mail import STREAM

BATCH_MAX_MESSAGES = 500
# "50 MB"; the smaller of the two readings.
BATCH_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """The first `count` of the messages given: as many as one call may hold, at least one."""

    body: bytes = field(repr=False)
    count: int


def batch_of(messages: Sequence[OutboundMessage], max_bytes: int = BATCH_MAX_BYTES) -> Batch:
    encoded: list[bytes] = []
    size = len("[]")
    for item in _encoded(messages[:BATCH_MAX_MESSAGES]):
        size += len(item) + len(",")
        if encoded and size > max_bytes:
            break
        encoded.append(item)
    return Batch(b"[" + b",".join(encoded) + b"]", len(encoded))


def _encoded(messages: Iterable[OutboundMessage]) -> Iterable[bytes]:
    for message in messages:
        text = json.dumps(payload_of(message), ensure_ascii=False, separators=(",", ":"))
        # Half a surrogate pair is no character: as such it would make the whole batch invalid JSON.
        yield text.encode("utf-8", "replace")


def payload_of(message: OutboundMessage) -> dict[str, object]:
    """Fields that were not given are left out, so that Postmark's own defaults hold."""
    content = message.content
    payload: dict[str, object] = {
        "From": message.sender,
        "To": message.recipient,
        "Subject": content.subject,
        "HtmlBody": content.html_body,
        "TextBody": content.text_body,
        "ReplyTo": content.reply_to_email,
        "Tag": content.tag,
        "Metadata": {**content.metadata, JOB_KEY: str(message.job_id), CLAIM_KEY: str(message.claim_id)},
        "MessageStream": STREAM,
    }
    if content.attachments:
        payload["Attachments"] = [
            {"Name": file.filename, "Content": file.content_base64, "ContentType": file.content_type}
            for file in content.attachments
        ]
    return {key: value for key, value in payload.items() if value is not None}
