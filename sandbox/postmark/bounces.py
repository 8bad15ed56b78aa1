"""/bounces and /deliverystats."""

from collections import Counter

from sandbox.postmark import payloads
from sandbox.postmark.bounce_types import BOUNCE_TYPES
from sandbox.postmark.dates import eastern, since, until
from sandbox.postmark.entities import Bounce, Json
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route
from sandbox.postmark.suppressing import reactivate

MAX_REACH = 10_000
_OFTEN_MISSING = ("ServerID", "Tag", "From", "MessageStream", "Metadata")


def show(bounce: Bounce) -> Json:
    whole = payloads.bounce(bounce)
    del whole["RecordType"]
    return {**whole, "BouncedAt": eastern(bounce.bounced_at), "Content": None}


async def list_bounces(call: Call) -> Json:
    count, offset = call.page(1000, reach=MAX_REACH)
    start, end = _between(call)
    kind = call.query.get("type", "").lower()
    if kind and kind not in {name.lower() for name in BOUNCE_TYPES}:
        raise ApiError(1000, f"The bounce type '{call.query['type']}' is invalid.")
    found = [
        bounce
        for bounce in _of_server(call)
        if start <= bounce.bounced_at < end and kind in ("", bounce.type.lower()) and _matches(call, bounce)
    ]
    found.sort(key=lambda bounce: -bounce.id)
    rows = [show(bounce) for bounce in found[offset : offset + count]]
    if call.world.settings.bounce_rows == "sparse":
        rows = [{key: row[key] for key in row if key not in _OFTEN_MISSING} for row in rows]
    return {"TotalCount": len(found), "Bounces": rows}


def _of_server(call: Call) -> list[Bounce]:
    return [bounce for bounce in call.world.state.bounces if bounce.server_id == call.server.id]


def _matches(call: Call, bounce: Bounce) -> bool:
    query = call.query
    inactive = query.get("inactive", "").lower()
    return (
        query.get("messagestream", "outbound") == bounce.stream
        and inactive in ("", str(bounce.inactive).lower())
        and query.get("emailfilter", "").lower() in bounce.email.lower()
        and query.get("tag", "") in ("", bounce.tag)
        and query.get("messageid", "").lower() in ("", bounce.message_id)
    )


def _between(call: Call) -> tuple[float, float]:
    start, end = call.query.get("fromdate"), call.query.get("todate")
    try:
        return since(start) if start else 0.0, until(end) if end else float("inf")
    except ValueError as error:
        raise ApiError(1000, "The date filter is invalid.") from error


async def get_bounce(call: Call) -> Json:
    return show(_find(call))


async def get_dump(call: Call) -> Json:
    bounce = _find(call)
    head = f"From: <>\r\nTo: {bounce.sender}\r\nSubject: Undeliverable: {bounce.subject}\r\n"
    return {"Body": f"{head}\r\n{bounce.details}\r\n"}


async def activate(call: Call) -> Json:
    bounce = _find(call)
    if not bounce.can_activate:
        raise ApiError(1003, "Due to the type of bounce, this address cannot be reactivated.")
    entry = call.world.state.suppressions.get((bounce.server_id, bounce.stream, bounce.email.lower()))
    if entry is not None and entry.reason != "SpamComplaint":
        reactivate(call.world, entry, origin="Customer")
    bounce.inactive = False
    call.world.state.bounces.put(bounce)
    return {"Message": "OK", "Bounce": show(bounce)}


async def list_tags(call: Call) -> list[str]:
    return sorted({bounce.tag for bounce in _of_server(call) if bounce.tag})


async def delivery_stats(call: Call) -> Json:
    bounces = _of_server(call)
    counts = Counter(bounce.type for bounce in bounces)
    rows: list[Json] = [{"Name": "All", "Count": len(bounces)}]
    rows += [
        {"Type": kind, "Name": BOUNCE_TYPES[kind].name, "Count": count} for kind, count in counts.items()
    ]
    return {"InactiveMails": sum(bounce.inactive for bounce in bounces), "Bounces": rows}


def _find(call: Call) -> Bounce:
    number = call.number("id")
    bounce = call.world.state.bounces.get(number) if number is not None else None
    if bounce is None or bounce.server_id != call.server.id:
        raise ApiError(1001, "The bounce was not found.")
    return bounce


ROUTES = [
    Route("GET", "/deliverystats", "Server", delivery_stats),
    Route("GET", "/bounces", "Server", list_bounces),
    Route("GET", "/bounces/tags", "Server", list_tags),
    Route("GET", "/bounces/{id}", "Server", get_bounce),
    Route("GET", "/bounces/{id}/dump", "Server", get_dump),
    Route("PUT", "/bounces/{id}/activate", "Server", activate),
]
