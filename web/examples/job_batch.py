"""`/job/batch`."""

from web import BASE
from web.examples.common import NEW
from web.examples.job import MESSAGE, SUPPRESSED, TO_SUPPRESSED, job_record
from web.operation import Example

SUBMIT = {
    "one of two": Example(
        title="Two jobs, one to an address that must not be mailed",
        given="a configuration that may send, and a suppressed address",
        body={
            "jobs": [
                {"idempotencyKey": "order-4711", **MESSAGE},
                {"idempotencyKey": "order-4712", **TO_SUPPRESSED},
            ]
        },
        status=200,
        answer={
            "results": [
                {
                    "index": 0,
                    "idempotencyKey": "order-4711",
                    "status": 202,
                    "location": f"{BASE}/job/{NEW}",
                    "job": job_record(NEW, idempotencyKey="order-4711"),
                    "error": None,
                },
                {
                    "index": 1,
                    "idempotencyKey": "order-4712",
                    "status": 403,
                    "location": None,
                    "job": None,
                    "error": SUPPRESSED,
                },
            ]
        },
    )
}
