"""`/configuration`."""

from typing import Any

from web import BASE
from web.examples.common import (
    AUTHOR,
    CONFIGURATION,
    HOUR,
    MINUTE,
    NEW,
    NOW,
    OPERATOR,
    TENANT,
    Json,
    page,
    problem,
    record,
)
from web.examples.verification import DKIM, DKIM_VALUE, RETURN_PATH, TARGET
from web.operation import Example

AT = {"eId": CONFIGURATION}
BY_OPERATOR = {"X-Author": OPERATOR}
# Of the records of a configuration: the first, the second.
_FIRST = "019b0000-0000-7000-8000-0000000a0001"
_SECOND = "019b0000-0000-7000-8000-0000000a0002"
_WANTED = {
    "sendingDomainSlug": "acme",
    "signatureRequest": {"fromName": "Acme Orders", "replyToEmail": "help@acme.example"},
}
MADE: Json = {
    "eId": CONFIGURATION,
    "sendingDomainSlug": "acme",
    "sendingDomain": "acme.dev.ardamails.com",
    "serverName": "ardamails-dev-acme",
    "fromAddress": "noreply@acme.dev.ardamails.com",
    "signatureRequest": {
        "fromLocalPart": "noreply",
        "fromName": "Acme Orders",
        "replyToEmail": "help@acme.example",
    },
    "operational": "PENDING",
    "operationalSince": NOW,
    "administrative": "LOCKED",
    "administrativeSince": NOW,
    "canSend": False,
    "allowedSignals": ["provision", "remove"],
    "inFlight": 0,
    "failure": None,
    "dns": [],
    "verification": None,
    "postmarkServerId": None,
    "postmarkSignatureId": None,
    "postmarkDomainId": None,
    "postmarkWebhookId": None,
    "createdAt": NOW,
    "updatedAt": NOW,
    "version": 0,
}
_PROVISIONED: Json = {
    **MADE,
    "dns": [
        {"name": DKIM, "type": "TXT", "value": DKIM_VALUE},
        {"name": RETURN_PATH, "type": "CNAME", "value": TARGET},
    ],
    "verification": {"startedAt": NOW, "nextCheckAt": None, "windowEndsAt": NOW + 24 * HOUR},
    "postmarkServerId": 4711,
    "postmarkSignatureId": 4712,
    "postmarkDomainId": 4713,
    "postmarkWebhookId": 4714,
}
SENDING: Json = {
    **_PROVISIONED,
    "operational": "OK",
    "administrative": "UNLOCKED",
    "canSend": True,
    "allowedSignals": ["lock", "force-lock"],
}


def made(payload: Json, *, cause: str = "create", reason: str | None = None, **changes: Any) -> Json:
    metadata = {"tenantId": TENANT, "cause": cause, "reason": reason}
    return record(payload, **{"rId": _FIRST, "metadata": metadata, **changes})


def signalled(payload: Json, signal: str, reason: str | None = None, **changes: Any) -> Json:
    """The second record, by a signal of an operator."""
    other = {"rId": _SECOND, "previous": _FIRST, "author": OPERATOR, **changes}
    return made({**payload, "version": 1}, cause=f"signal:{signal}", reason=reason, **other)


def _past(payload: Json) -> Json:
    return {**payload, "allowedSignals": None, "inFlight": None}


CREATE = {
    "made": Example(
        title="A configuration for the tenant's first domain",
        body=_WANTED,
        status=201,
        answer=made({**MADE, "eId": NEW}, author=AUTHOR),
        answer_headers={"Location": f"{BASE}/configuration/{NEW}", "ETag": '"0"'},
    ),
    "slug in use": Example(
        title="The slug belongs to a configuration already",
        given="a configuration that may send",
        body=_WANTED,
        status=409,
        answer={
            **problem("slug_in_use", "the slug belongs to a configuration of this partition"),
            "errors": [
                {
                    "field": "sendingDomainSlug",
                    "advice": "choose another: this one belongs to a configuration",
                }
            ],
        },
    ),
}
GET = {
    "as it is now": Example(
        title="One that may send",
        given="a configuration that may send",
        path=AT,
        status=200,
        answer=made(SENDING),
        answer_headers={"ETag": '"0"'},
    ),
    "as it was": Example(
        title="As it was at a moment",
        given="a configuration that was locked a minute ago",
        path=AT,
        query={"effectiveAsOf": str(NOW)},
        status=200,
        answer=made(_past(SENDING)),
    ),
    "unchanged": Example(
        title="What the caller has is current",
        given="a configuration that may send",
        path=AT,
        headers={"If-None-Match": '"0"'},
        status=304,
        answer_headers={"ETag": '"0"'},
    ),
    "another version": Example(
        title="None of the versions named is current",
        given="a configuration that may send",
        path=AT,
        headers={"If-Match": '"7"'},
        status=412,
        answer=problem(
            "precondition_failed",
            "the configuration is at none of the versions that If-Match names; nothing was done",
            version=0,
            operational="OK",
            administrative="UNLOCKED",
            allowedSignals=["lock", "force-lock"],
        ),
        answer_headers={"ETag": '"0"'},
    ),
    "of another tenant": Example(
        title="Another tenant's, or nobody's",
        path=AT,
        status=404,
        answer=problem("not_found", "the tenant has no such configuration, or it did not exist at that time"),
    ),
}
_LOCKED_MINUTE: Json = {
    **SENDING,
    "administrative": "LOCKED",
    "administrativeSince": NOW + MINUTE,
    "canSend": False,
    "updatedAt": NOW + MINUTE,
}
_LATER = {"effective": NOW + MINUTE, "recorded": NOW + MINUTE}
HISTORY = {
    "two records": Example(
        title="Made, then locked",
        given="a configuration that was locked a minute ago",
        path=AT,
        status=200,
        answer={
            "records": [
                made(_past(SENDING)),
                signalled(_past(_LOCKED_MINUTE), "lock", "invoice unpaid", asOf=_LATER),
            ]
        },
    )
}
_OK = {"and": [{"locator": "operational", "eq": "OK"}, {"locator": "operationalSince", "ge": NOW}]}
_BY_SLUG = [{"locator": "sendingDomainSlug"}]
_UNLOCKED = {"locator": "administrative", "eq": "UNLOCKED"}
QUERY = {
    "now": Example(
        title="Those that have been OK since a moment",
        given="a configuration that may send",
        body={"filter": _OK, "sort": _BY_SLUG},
        status=200,
        answer=page([made({**SENDING, "inFlight": None})], filter=_OK, sort=_BY_SLUG),
    ),
    "then": Example(
        title="Those that were UNLOCKED at a moment",
        given="a configuration that was locked a minute ago",
        query={"effectiveAsOf": str(NOW)},
        body={"filter": _UNLOCKED},
        status=200,
        answer=page([made(_past(SENDING))], filter=_UNLOCKED, effectiveAsOf=NOW),
    ),
}
