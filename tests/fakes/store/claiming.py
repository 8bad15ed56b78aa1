"""Which of the due jobs a claim takes: not with a killer, and no more than its bytes, as PostgreSQL counts them."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from shared.domain.job import EmailJob
from shared.domain.mail import MessageContent
from shared.persistence.job_rows import row_of_content


def alone_or_without(due: list[EmailJob]) -> list[EmailJob]:
    """A job that workers died with goes alone when it is its turn; until then it is left out."""
    if due and due[0].worker_deaths > 0:
        return due[:1]
    return [job for job in due if job.worker_deaths == 0]


def within(
    due: Iterable[EmailJob], contents: Mapping[UUID, MessageContent], suppressed: set[UUID], bytes_max: int
) -> Iterator[EmailJob]:
    """The suppressed, and of the others those up to the bytes, or the first."""
    so_far = 0
    for job in due:
        size = _stored_bytes(job.e_id, contents) if job.e_id not in suppressed else 0
        so_far += size
        if job.e_id in suppressed or so_far <= bytes_max or so_far == size:
            yield job


def _stored_bytes(e_id: UUID, contents: Mapping[UUID, MessageContent]) -> int:
    """Bodies as they are, JSON compressed, nothing for a content that is gone."""
    if e_id not in contents:
        return 0
    row = row_of_content(e_id, contents[e_id])
    bodies = sum(len(value.encode()) for name, value in row.items() if name in _BODIES and value)
    return bodies + sum(len(zlib.compress(json.dumps(row[name]).encode(), level=1)) for name in _JSON)


_BODIES = ("subject", "html_body", "text_body", "reply_to_email")
_JSON = ("metadata", "attachments")
