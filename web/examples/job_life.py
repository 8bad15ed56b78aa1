"""`/job/{eId}/...`."""

from web.examples.common import HOUR, MESSAGE_ID, NOW, Json, problem
from web.examples.events import DELIVERY
from web.examples.job import AT, job_record
from web.operation import Example

_SECOND = 1_000
_EVENT = "019b0000-0000-7000-8000-0000000000f1"
_CLAIM = "019b0000-0000-7000-8000-0000000000e1"
_SEEN: Json = {
    "verdict": "sent",
    "reason": "seen in the provider's activity",
    "providerMessageId": MESSAGE_ID,
}
_SETTLE: Json = {"reason": "the recipient says that it never came"}

EVENTS = {
    "delivered": Example(
        title="A delivery",
        given="a delivered job",
        path=AT,
        status=200,
        answer={
            "events": [
                {
                    "eId": _EVENT,
                    "kind": "Delivery",
                    "occurredAt": NOW + 3 * _SECOND,
                    "receivedAt": NOW + 3 * _SECOND,
                    "payload": DELIVERY,
                }
            ]
        },
    )
}
TIMELINE = {
    "delivered": Example(
        title="Accepted, sent, delivered",
        given="a delivered job",
        path=AT,
        status=200,
        answer={
            "entries": [
                {"type": "accepted", "at": NOW, "author": "orders-service", "trace": None},
                {
                    "type": "attempt",
                    "at": NOW + _SECOND,
                    "number": 1,
                    "claimId": _CLAIM,
                    "finishedAt": NOW + 2 * _SECOND,
                    "outcome": "SENT",
                    "code": None,
                    "text": None,
                    "messageId": MESSAGE_ID,
                    "fenced": False,
                },
                {
                    "type": "event",
                    "at": NOW + 3 * _SECOND,
                    "eId": _EVENT,
                    "kind": "Delivery",
                    "occurredAt": NOW + 3 * _SECOND,
                },
            ]
        },
    )
}
DECIDE = {
    "sent": Example(
        title="It went out",
        given="a job in doubt for five hours",
        path=AT,
        body=_SEEN,
        status=200,
        answer=job_record(
            version=3,
            at=NOW + _SECOND + 5 * HOUR,
            status="SENT",
            dueAt=None,
            attempts=1,
            providerMessageId=MESSAGE_ID,
        ),
    ),
    "too early": Example(
        title="Workers still ask the provider, for three hours more",
        given="a job in doubt for an hour",
        path=AT,
        body=_SEEN,
        status=409,
        answer=problem(
            "still_looking",
            "workers still ask the provider; decide from mayDecideFrom on, if it is in doubt then",
            mayDecideFrom=NOW + _SECOND + 4 * HOUR,
            retryAfterSeconds=10_800,
        ),
        answer_headers={"Retry-After": "10800"},
    ),
    "nothing to decide": Example(
        title="The job is not in doubt",
        given="a delivered job",
        path=AT,
        body=_SEEN,
        status=409,
        answer=problem(
            "not_in_doubt",
            "the job is DELIVERED, not IN_DOUBT: there is nothing to decide",
            jobStatus="DELIVERED",
        ),
    ),
}
RESOLVE = {
    "bounced": Example(
        title="A delivery after a hard bounce",
        given="a job whose events contradict one another",
        path=AT,
        body=_SETTLE,
        status=200,
        answer=job_record(
            version=5,
            at=NOW + 4 * _SECOND,
            status="BOUNCED",
            dueAt=None,
            attempts=1,
            providerMessageId=MESSAGE_ID,
        ),
    ),
    "nothing to resolve": Example(
        title="The job's events agree",
        given="a delivered job",
        path=AT,
        body=_SETTLE,
        status=409,
        answer=problem(
            "not_inconsistent",
            "the job is DELIVERED, not INCONSISTENT: there is nothing to resolve",
            jobStatus="DELIVERED",
        ),
    ),
}
