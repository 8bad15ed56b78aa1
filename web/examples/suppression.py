"""`/configuration/suppression`."""

from typing import Any
from uuid import UUID, uuid5

from web.examples.common import NEW, NOW, OPERATOR, SUPPRESSION, Json, page, problem, record
from web.operation import Example

_AT = {"eId": SUPPRESSION}
_BY_OPERATOR = {"X-Author": OPERATOR}
# The moment that its id is made of.
_ISO = "2026-11-02T09:00:00+00:00"


def _entry(e_id: str = SUPPRESSION, **changes: Any) -> Json:
    payload = {
        "eId": e_id,
        "address": "gone@example.com",
        "reason": "MANUAL",
        "active": True,
        "since": NOW,
        "liftedAt": None,
        "provider": None,
        "providerMessage": None,
        "sourceEventId": None,
        "note": "asked by phone",
        "createdAt": NOW,
        "updatedAt": NOW,
        **changes,
    }
    return record(payload, rId=str(uuid5(UUID(e_id), _ISO)), author=OPERATOR, retired=not payload["active"])


ADD = {
    "added": Example(
        title="An address that asked for it",
        headers=_BY_OPERATOR,
        body={"address": "Gone@Example.com", "note": "asked by phone"},
        status=201,
        answer=_entry(NEW),
    ),
    "there already": Example(
        title="An address that is on the list",
        given="a suppressed address",
        headers=_BY_OPERATOR,
        body={"address": "gone@example.com"},
        status=200,
        answer=_entry(),
    ),
}
_ACTIVE = {"locator": "active", "eq": True}
QUERY = {
    "active": Example(
        title="What is on the list now",
        given="a suppressed address",
        body={"filter": _ACTIVE},
        status=200,
        answer=page([_entry()], filter=_ACTIVE),
    )
}
LIFT = {
    "lifted": Example(
        title="The address is in use again",
        given="a suppressed address",
        path=_AT,
        headers=_BY_OPERATOR,
        body={"note": "a new mailbox"},
        status=200,
        answer=_entry(active=False, liftedAt=NOW, provider="lifted", note="a new mailbox", updatedAt=NOW),
    ),
    "complaint": Example(
        title="The recipient complained",
        given="an address whose recipient complained",
        path=_AT,
        headers=_BY_OPERATOR,
        status=409,
        answer=problem(
            "complaint_stays", "the recipient complained: the provider takes nothing to it any more"
        ),
    ),
}
