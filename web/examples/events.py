"""`/job/postmark-events`: what the provider posts."""

from web.examples.common import JOB, MESSAGE_ID, Json
from web.operation import Example

DELIVERY: Json = {
    "RecordType": "Delivery",
    "MessageID": MESSAGE_ID,
    "Recipient": "person@example.com",
    "DeliveredAt": "2026-11-02T09:00:03Z",
    "Metadata": {"job": JOB},
}
BOUNCE: Json = {
    "RecordType": "Bounce",
    "Type": "HardBounce",
    "ID": 4711,
    "Inactive": True,
    "MessageID": MESSAGE_ID,
    "Email": "person@example.com",
    "BouncedAt": "2026-11-02T09:00:03Z",
    "Metadata": {"job": JOB},
}
RECEIVE = {
    "delivery": Example(
        title="A message was delivered",
        given="an accepted job",
        headers={"X-Email-Routing-Token": "a-routing-token-of-256-random-bits"},
        body=DELIVERY,
        status=200,
        answer={},
    ),
}
