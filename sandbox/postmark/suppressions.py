"""/message-streams/{stream}/suppressions: a stream's list of addresses that get no mail."""

from collections.abc import Callable

from sandbox.postmark.addresses import is_address
from sandbox.postmark.dates import eastern, eastern_second, is_single_day, since, until
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


def _show(entry: Suppression, spell: Callable[[float], str]) -> Json:
    return {
        "EmailAddress": entry.address,
        "SuppressionReason": entry.reason,
        "Origin": entry.origin,
        "CreatedAt": spell(entry.created_at),
    }


async def dump(call: Call) -> Json:
    stream = find_stream(call, call.params["stream"])
    reason = _one_of(call, "suppressionreason", _REASONS, 1404)
    origin = _one_of(call, "origin", _ORIGINS, 1405)
    start, end = _between(call)
    found = [
        entry
        for entry in call.world.state.suppressions
        if (entry.server_id, entry.stream) == (stream.server_id, stream.id)
        and start <= entry.created_at < end
        and reason in ("", entry.reason.lower())
        and origin in ("", entry.origin.lower())
        and call.query.get("emailaddress", "").lower() in ("", entry.address)
    ]
    spell = eastern_second if call.world.settings.dump_times == "seconds" else eastern
    return {"Suppressions": [_show(entry, spell) for entry in found]}


def _one_of(call: Call, name: str, known: tuple[str, ...], code: int) -> str:
    """A filter in lower case, "" when it is not given. Raises ApiError for a value that there is not."""
    value = call.query.get(name, "").lower()
    if value and value not in known:
        raise ApiError(code, f"The {name} filter is invalid.")
    return value


def _between(call: Call) -> tuple[float, float]:
    start, end = call.query.get("fromdate"), call.query.get("todate")
    try:
        emptied = call.world.settings.same_day_dump == "empty"
        if emptied and is_single_day(start, end, call.world.clock.now()):
            return 0.0, 0.0
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
