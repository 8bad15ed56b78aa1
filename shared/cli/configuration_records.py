"""A configuration's record, as people and programs are shown it."""

from collections.abc import Sequence
from typing import Any, Final

from shared.cli.api import JsonObject
from shared.cli.output import Column, Output, Row, cell, moment

PATH: Final = "/configuration"
COLUMNS: Final = (
    Column("sendingDomainSlug", "SLUG"),
    Column("operational", "STATE"),
    Column("administrative", "LOCK"),
    Column("canSend", "SENDS"),
    Column("inFlight", "IN FLIGHT"),
    Column("version", "VERSION"),
    Column("eId", "ID", whole=True),
)
_RECORDS: Final = (
    Column("type", "TYPE"),
    Column("name", "NAME"),
    Column("state", "IN THE ZONE"),
    Column("verifiedByPostmark", "VERIFIED"),
    Column("expected", "EXPECTED"),
    Column("seen", "SEEN"),
)
_HISTORY: Final = (
    Column("at", "AT"),
    Column("author", "AUTHOR"),
    Column("cause", "CAUSE"),
    Column("reason", "REASON"),
    Column("operational", "OPERATIONAL"),
    Column("administrative", "ADMINISTRATIVE"),
)
_TIMES: Final = ("operationalSince", "administrativeSince", "createdAt", "updatedAt")
_TOLD: Final = (
    *("eId", "sendingDomain", "fromAddress", "fromName", "replyToEmail", "operational", "operationalSince"),
    *(
        "administrative",
        "administrativeSince",
        "canSend",
        "inFlight",
        "allowedSignals",
        "waitsFor",
        "failure",
    ),
    *("windowEndsAt", "nextCheckAt", "serverName", "postmarkServerId", "postmarkDomainId"),
    *("postmarkSignatureId", "postmarkWebhookId", "createdAt", "updatedAt", "version", "author", "cause"),
    "reason",
)


def flat(record: JsonObject) -> dict[str, Any]:
    """The payload, with who changed it last, how and why, as the API tells them."""
    metadata = record["metadata"]
    return {
        **record["payload"],
        "retired": record["retired"],
        "author": record["author"],
        "cause": metadata["cause"],
        "reason": metadata["reason"],
    }


def row(record: JsonObject, out: Output) -> Row:
    plain = flat(record)
    if not out.for_people:
        return plain
    state = f"{plain['operational']}, removed" if plain["retired"] else plain["operational"]
    return {**plain, "operational": state, **{name: moment(plain[name]) for name in _TIMES}}


def tell_one(out: Output, record: JsonObject, checked: JsonObject, past: Sequence[JsonObject] | None) -> None:
    """`checked`: why it waits; `past`: its history, oldest first, where that was asked for."""
    if not out.for_people:
        told = {**flat(record), "waitsFor": checked["waitsFor"], "records": checked["records"]}
        out.value(told if past is None else {**told, "history": [flat(one) for one in past]})
        return
    everything = _for_people(record, checked, out)
    out.record({name: everything[name] for name in _TOLD})
    if checked["records"]:
        out.say("")
        out.table(_RECORDS, checked["records"])
    if past is not None:
        out.say("")
        out.table(_HISTORY, [{**flat(one), "at": moment(one["asOf"]["recorded"])} for one in past])


def _for_people(record: JsonObject, checked: JsonObject, out: Output) -> dict[str, Any]:
    payload = record["payload"]
    failure, request = payload["failure"], payload["signatureRequest"]
    return {
        **row(record, out),
        "fromName": request["fromName"],
        "replyToEmail": request["replyToEmail"],
        "failure": failure and failure_in_words(failure),
        "waitsFor": checked["waitsFor"],
        "windowEndsAt": moment(checked["windowEndsAt"]),
        "nextCheckAt": moment(checked["nextCheckAt"]),
    }


def failure_in_words(failure: JsonObject) -> str:
    return f"{failure['step']}: {failure['code']} {cell(failure['message'])}"
