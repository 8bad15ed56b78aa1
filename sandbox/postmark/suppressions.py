"""/message-streams/{stream}/suppressions: a stream's list of addresses that get no mail."""

from sandbox.postmark.addresses import is_address
from sandbox.postmark.dates import eastern, since, until
from sandbox.postmark.entities import Json, Suppression
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route, folded
from sandbox.postmark.streams import find_stream
from sandbox.postmark.suppressing import reactivate, suppress

MAX_ENTRIES = 50
_REASONS = ("hardbounce", "spamcomplaint", "manualsuppression")
_ORIGINS = ("recipient", "customer", "admin")
_NO_AUTHORITY = "You do not have the required authority to change this suppression."
_BAD_ADDRESS = "An invalid email address was provided."


def _show(entry: Suppression) -> Json:
    return {
        "EmailAddress": entry.address,
        "SuppressionReason": entry.reason,
        "Origin": entry.origin,
        "CreatedAt": eastern(entry.created_at),
    }


async def dump(call: Call) -> Json:
    stream = find_stream(call, call.params["stream"])
    found = [
        entry
        for entry in call.world.state.suppressions
        if (entry.server_id, entry.stream) == (stream.server_id, stream.id) and _matches(call, entry)
    ]
    return {"Suppressions": [_show(entry) for entry in found]}


def _matches(call: Call, entry: Suppression) -> bool:
    reason, origin = (call.query.get("suppressionreason", ""), call.query.get("origin", ""))
    if reason and reason.lower() not in _REASONS:
        raise ApiError(1404, "The SuppressionReason filter is invalid.")
    if origin and origin.lower() not in _ORIGINS:
        raise ApiError(1405, "The Origin filter is invalid.")
    start, end = _between(call)
    return (
        (not reason or entry.reason.lower() == reason.lower())
        and (not origin or entry.origin.lower() == origin.lower())
        and call.query.get("emailaddress", "").lower() in ("", entry.address)
        and start <= entry.created_at < end
    )


def _between(call: Call) -> tuple[float, float]:
    start, end = call.query.get("fromdate"), call.query.get("todate")
    try:
        return since(start) if start else 0.0, until(end) if end else float("inf")
    except ValueError as error:
        raise ApiError(1401, "The date filter is invalid.") from error


async def create(call: Call) -> Json:
    return {"Suppressions": [_suppress(call, address) for address in _addresses(call)]}


async def delete(call: Call) -> Json:
    return {"Suppressions": [_delete(call, address) for address in _addresses(call)]}


def _addresses(call: Call) -> list[str]:
    find_stream(call, call.params["stream"])
    entries = call.object(1409, "No suppressions were given.").get("suppressions")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise ApiError(1409, "No suppressions were given.")
    if len(entries) > MAX_ENTRIES:
        raise ApiError(1410, f"You may change up to {MAX_ENTRIES} suppressions at a time.")
    return [str(folded(entry).get("emailaddress") or "") for entry in entries]


def _suppress(call: Call, address: str) -> Json:
    if not is_address(address):
        return _item(address, "Failed", _BAD_ADDRESS)
    stream = call.params["stream"]
    if call.world.state.suppressions.get((call.server.id, stream, address.lower())) is None:
        reason, origin = "ManualSuppression", "Customer"
        suppress(
            call.world, call.server.id, stream, address.lower(), reason=reason, origin=origin, message=None
        )
    return _item(address, "Suppressed", None)


def _delete(call: Call, address: str) -> Json:
    """An unlisted address counts as deleted, as the documentation's sample shows."""
    if not is_address(address):
        return _item(address, "Failed", _BAD_ADDRESS)
    entry = call.world.state.suppressions.get((call.server.id, call.params["stream"], address.lower()))
    if entry is None:
        return _item(address, "Deleted", None)
    by_recipient = (entry.reason, entry.origin) == ("ManualSuppression", "Recipient")
    if entry.reason == "SpamComplaint" or by_recipient:
        return _item(address, "Failed", _NO_AUTHORITY)
    reactivate(call.world, entry, origin="Customer")
    return _item(address, "Deleted", None)


def _item(address: str, status: str, message: str | None) -> Json:
    return {"EmailAddress": address, "Status": status, "Message": message}


ROUTES = [
    Route("GET", "/message-streams/{stream}/suppressions/dump", "Server", dump),
    Route("POST", "/message-streams/{stream}/suppressions", "Server", create),
    Route("POST", "/message-streams/{stream}/suppressions/delete", "Server", delete),
]
