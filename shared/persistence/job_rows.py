"""Jobs and their contents as rows."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, LargeBinary, Text, Uuid

from shared.domain.job import ClaimedJob, EmailJob, JobStatus
from shared.domain.mail import Attachment, MessageContent
from shared.persistence.sets import Kind
from shared.persistence.tables import MOMENT
from shared.ports.jobs import OfferedJob

# As array parameters; plain Text, because a cast of an array names no collation.
JOB_KINDS: dict[str, Kind] = {
    "e_id": Uuid,
    "tenant_id": Uuid,
    "configuration_id": Uuid,
    "recipient": Text,
    "idempotency_key": Text,
    "body_hash": LargeBinary,
    "status": Text,
    "tag": Text,
    "author": Text,
    "accepted_at": MOMENT,
    "updated_at": MOMENT,
    "due_at": MOMENT,
    "attempts": Integer,
    "claim_id": Uuid,
    "lease_until": MOMENT,
    "in_doubt_since": MOMENT,
    "late_looks": Integer,
    "worker_deaths": Integer,
    "replayed_at": MOMENT,
    "provider_message_id": Text,
    "error_code": Text,
    "error_text": Text,
    "trace": Text,
    "version": Integer,
}
# The JSON columns travel as text: an array of jsonb would need a wrapper around every element.
CONTENT_KINDS: dict[str, Kind] = {
    "job_id": Uuid,
    "subject": Text,
    "html_body": Text,
    "text_body": Text,
    "reply_to_email": Text,
    "metadata": Text,
    "attachments": Text,
}
_ATTACHMENT = tuple(field.name for field in fields(Attachment))


def row_of_job(job: EmailJob) -> dict[str, Any]:
    return {**{name: getattr(job, name) for name in JOB_KINDS}, "status": job.status.value}


def job_of(row: Mapping[str, Any]) -> EmailJob:
    return EmailJob(**{**row, "status": JobStatus(row["status"])})


def row_of_offer(tenant_id: UUID, offered: OfferedJob) -> dict[str, Any]:
    content = row_of_content(offered.e_id, offered.content)
    del content["job_id"]
    return {
        "tenant_id": tenant_id,
        "author": offered.author,
        "e_id": offered.e_id,
        "configuration_id": offered.configuration_id,
        "recipient": offered.recipient,
        "idempotency_key": offered.idempotency_key,
        "body_hash": offered.body_hash,
        "tag": offered.content.tag,
        "trace": offered.trace,
        **content,
    }


def row_of_content(job_id: UUID, content: MessageContent) -> dict[str, Any]:
    attachments = [{name: getattr(one, name) for name in _ATTACHMENT} for one in content.attachments]
    return {
        "job_id": job_id,
        "subject": content.subject,
        "html_body": content.html_body,
        "text_body": content.text_body,
        "reply_to_email": content.reply_to_email,
        "metadata": json.dumps(content.metadata),
        "attachments": json.dumps(attachments),
    }


def claimed_job_of(row: Mapping[str, Any]) -> ClaimedJob:
    content = MessageContent(
        subject=row["subject"],
        html_body=row["html_body"],
        text_body=row["text_body"],
        reply_to_email=row["reply_to_email"],
        tag=row["tag"],
        metadata=row["metadata"],
        attachments=tuple(Attachment(**one) for one in row["attachments"]),
    )
    return ClaimedJob(
        e_id=row["e_id"],
        recipient=row["recipient"],
        content=content,
        attempts=row["attempts"],
        accepted_at=row["accepted_at"],
        worker_deaths=row["worker_deaths"],
        trace=row["trace"],
    )
