"""`/configuration/{eId}/webhook` and `.../catch-up`."""

from web.examples.common import CONFIGURATION, HOUR, MINUTE, NOW, OPERATOR, Json
from web.operation import Example

_AT = {"eId": CONFIGURATION}
_GAP = "019b0000-0000-7000-8000-0000000a0002"


def _gap(**changes: object) -> Json:
    return {
        "eId": _GAP,
        "from": NOW - 3 * HOUR,
        "until": NOW,
        "cause": "away",
        "author": "ingress",
        "found": 0,
        "tries": 0,
        "fault": None,
        "openedAt": NOW + MINUTE,
        "finishedAt": None,
        **changes,
    }


WEBHOOK = {
    "paused": Example(
        title="The provider had given up on bounces, and tries again",
        given="a webhook that was looked at",
        path=_AT,
        status=200,
        answer={
            "state": "paused",
            "since": NOW,
            "checkedAt": NOW,
            "webhooks": 1,
            "paused": ["Bounce"],
            "requests": 4711,
            "failures": 12,
            "reverified": True,
            "fault": None,
            "key": "current",
        },
    )
}
GAPS = {
    "one": Example(
        title="The ingress was away for three hours",
        given="a time in which events may have been lost",
        path=_AT,
        status=200,
        answer={"gaps": [_gap()]},
    )
}
CATCH_UP = {
    "opened": Example(
        title="The last three hours",
        given="a configuration that may send",
        path=_AT,
        headers={"X-Author": OPERATOR},
        body={"from": NOW - 3 * HOUR, "reason": "the ingress answered 401 since the rotation"},
        status=202,
        answer=_gap(cause="the ingress answered 401 since the rotation", author=OPERATOR, openedAt=NOW),
    )
}
