"""What several examples are made of."""

import base64
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from web import BASE
from web.moments import milliseconds
from web.problems import Problem, as_json

Json = dict[str, Any]

# 2026-11-02, a Monday, nine in the morning.
NOW = milliseconds(datetime(2026, 11, 2, 9, 0, tzinfo=UTC))
MINUTE, HOUR = 60_000, 3_600_000
TENANT = "6f1c9a52-8f0e-4a53-9a1b-0f2f5b7f3c10"
AUTHOR = "orders-service"
OPERATOR = "olga"
REQUEST = "checkout-7f3a"
CONFIGURATION = "019b0000-0000-7000-8000-0000000000c1"
JOB = "019b0000-0000-7000-8000-0000000000b1"
SUPPRESSION = "019b0000-0000-7000-8000-0000000000d1"
# Of what a request makes anew: the first, the second.
NEW = "019b0000-0000-7000-8000-000000000001"
NEWER = "019b0000-0000-7000-8000-000000000002"


def problem(code: str, detail: str, **more: object) -> Mapping[str, object]:
    """As it is answered to a request with the id REQUEST."""
    return as_json(Problem(code, detail, extension=more), type_base=f"{BASE}/docs", request_id=REQUEST)


def page(
    results: list[Json], *, filter: object = True, sort: object = (), size: int = 100, **moments: int
) -> Json:
    """The first and only page of a question. Its token is the question, packed."""
    said = {"filter": filter, "sort": sort, **moments, "paginate": {"index": 0, "size": size}}
    packed = gzip.compress(json.dumps(said, separators=(",", ":")).encode(), mtime=0)
    token = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    return {"results": results, "thisPage": token, "nextPage": None, "previousPage": None}


def record(payload: Json, **changes: Any) -> Json:
    """Of a thing that has been as it is since NOW."""
    return {
        "asOf": {"effective": NOW, "recorded": NOW},
        "payload": payload,
        "metadata": {"tenantId": TENANT, "cause": None, "reason": None},
        "author": AUTHOR,
        "previous": None,
        "retired": False,
        **changes,
    }


# As the provider names a message.
MESSAGE_ID = "b7bc2f4a-e38e-4336-af7d-e6c392c2f817"
