"""`/configuration/{eId}/{signal}`."""

from web.examples.common import problem
from web.examples.configuration import AT, BY_OPERATOR, MADE, SENDING, signalled
from web.operation import Example

SIGNAL = {
    "provision": Example(
        title="Make what it needs at the provider and in the zone",
        given="a configuration that was just made",
        path={**AT, "signal": "provision"},
        headers=BY_OPERATOR,
        status=202,
        answer=signalled({**MADE, "operational": "PROVISIONING", "allowedSignals": []}, "provision"),
        answer_headers={"ETag": '"1"'},
    ),
    "lock": Example(
        title="Refuse new mail; nothing is on its way, so it is done at once",
        given="a configuration that may send",
        path={**AT, "signal": "lock"},
        headers={**BY_OPERATOR, "If-Match": '"0"'},
        body={"reason": "invoice unpaid"},
        status=200,
        answer=signalled(
            {
                **SENDING,
                "administrative": "LOCKED",
                "canSend": False,
                "allowedSignals": ["unlock", "remove"],
            },
            "lock",
            "invoice unpaid",
        ),
        answer_headers={"ETag": '"1"'},
    ),
    "refused": Example(
        title="It makes no sense now",
        given="a configuration that was just made",
        path={**AT, "signal": "unlock"},
        headers=BY_OPERATOR,
        status=409,
        answer=problem(
            "signal_refused",
            "the configuration's state does not allow this signal: see allowedSignals",
            reason="not_provisioned",
            operational="PENDING",
            administrative="LOCKED",
            allowedSignals=["provision", "remove"],
        ),
        answer_headers={"ETag": '"0"'},
    ),
    "changed meanwhile": Example(
        title="Somebody has changed it since it was read",
        given="a configuration that was locked a minute ago",
        path={**AT, "signal": "remove"},
        headers={**BY_OPERATOR, "If-Match": '"0"'},
        status=412,
        answer=problem(
            "precondition_failed",
            "the configuration is at none of the versions that If-Match names; nothing was done",
            version=1,
            operational="OK",
            administrative="LOCKED",
            allowedSignals=["unlock", "remove"],
        ),
        answer_headers={"ETag": '"1"'},
    ),
}
