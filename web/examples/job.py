"""`/job`."""

from typing import Any
from uuid import UUID, uuid5

from web import BASE
from web.examples.common import CONFIGURATION, JOB, NEW, NOW, SUPPRESSION, Json, page, problem, record
from web.operation import Example

AT = {"eId": JOB}
MESSAGE: Json = {
    "configurationEId": CONFIGURATION,
    "recipient": "person@example.com",
    "subject": "Your order",
    "textBody": "It is on its way.",
    "tag": "order-confirmation",
}
TO_SUPPRESSED: Json = {**MESSAGE, "recipient": "gone@example.com"}
SUPPRESSED = problem(
    "suppressed",
    "the recipient is on the tenant's suppression list: see reason, since and sourceEventId",
    reason="MANUAL",
    since=NOW,
    sourceEventId=None,
    suppressionEId=SUPPRESSION,
)
_KEY = {"Idempotency-Key": "order-4711-confirmation"}
_SAMPLE_FILE = {"filename": "bill.pdf", "contentType": "application/pdf", "contentBase64": "JVBERi0="}


def job_record(e_id: str = JOB, *, version: int = 0, at: int = NOW, **changes: Any) -> Json:
    """QUEUED, unless `changes` says otherwise. Each version of a job has a record id of its own."""
    payload = {
        "eId": e_id,
        "configurationEId": CONFIGURATION,
        "recipient": "person@example.com",
        "status": "QUEUED",
        "tag": "order-confirmation",
        "idempotencyKey": "order-4711-confirmation",
        "acceptedAt": NOW,
        "updatedAt": at,
        "dueAt": NOW,
        "attempts": 0,
        "workerDeaths": 0,
        "inDoubtSince": None,
        "awaitsDecision": False,
        "providerMessageId": None,
        "error": None,
        **changes,
    }
    return record(
        payload,
        rId=str(uuid5(UUID(e_id), str(version))),
        previous=str(uuid5(UUID(e_id), str(version - 1))) if version else None,
        asOf={"effective": at, "recorded": at},
    )


SUBMIT = {
    "accepted": Example(
        title="A message in plain text",
        given="a configuration that may send",
        headers=_KEY,
        body=MESSAGE,
        status=202,
        answer=job_record(NEW),
        answer_headers={"Location": f"{BASE}/job/{NEW}"},
    ),
    "with all fields": Example(
        title="A message with everything",
        given="a configuration that may send",
        headers={"Idempotency-Key": "bill-4711"},
        body={
            **MESSAGE,
            "replyToEmail": "orders@acme.example",
            "htmlBody": "<p>It is on its way.</p>",
            "attachments": [_SAMPLE_FILE],
            "metadata": {"order": "4711"},
        },
        status=202,
        answer=job_record(NEW, idempotencyKey="bill-4711"),
        answer_headers={"Location": f"{BASE}/job/{NEW}"},
    ),
    "replayed": Example(
        title="The same key and body once more",
        given="an accepted job",
        headers=_KEY,
        body=MESSAGE,
        status=200,
        answer=job_record(),
        answer_headers={"Idempotent-Replayed": "true"},
    ),
    "unknown field": Example(
        title="A field that is not known",
        given="a configuration that may send",
        headers=_KEY,
        body={**MESSAGE, "fromLocalPart": "sales"},
        status=400,
        answer={
            **problem("invalid_fields", "see errors for the fields to mend"),
            "errors": [
                {"field": "fromLocalPart", "advice": "leave this field out: it is not known here"},
            ],
        },
    ),
    "suppressed": Example(
        title="The recipient is on the tenant's list",
        given="a configuration that may send, and a suppressed address",
        headers=_KEY,
        body=TO_SUPPRESSED,
        status=403,
        answer=SUPPRESSED,
    ),
    "not verified yet": Example(
        title="The domain is being verified: a check is due in ten seconds",
        given="a configuration that waits for its verification",
        headers=_KEY,
        body=MESSAGE,
        status=409,
        answer=problem("not_verified", "the configuration does not send at present", retryAfterSeconds=10),
        answer_headers={"Retry-After": "10"},
    ),
    "key of another body": Example(
        title="The key was sent with another body before",
        given="an accepted job",
        headers=_KEY,
        body={**MESSAGE, "subject": "Your order has changed"},
        status=422,
        answer=problem("key_reused", "this Idempotency-Key was sent with another body before"),
    ),
}
GET = {
    "waits": Example(
        title="A job that waits for its turn",
        given="an accepted job",
        path=AT,
        status=200,
        answer=job_record(),
    )
}
_OPEN: Json = {
    "and": [{"locator": "status", "in": ["QUEUED", "IN_DOUBT"]}, {"locator": "acceptedAt", "ge": NOW}]
}
_NEWEST_FIRST = [{"locator": "acceptedAt", "descending": True}]
QUERY = {
    "by status": Example(
        title="What has not gone out yet, the newest first",
        given="an accepted job",
        body={"filter": _OPEN, "sort": _NEWEST_FIRST, "paginate": {"index": 0, "size": 50}},
        status=200,
        answer=page([job_record()], filter=_OPEN, sort=_NEWEST_FIRST, size=50),
    )
}
