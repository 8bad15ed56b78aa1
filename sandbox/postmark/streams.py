"""/message-streams of one server."""

import re

from sandbox.postmark.dates import eastern
from sandbox.postmark.entities import Json, Stream
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route, folded

_ID = re.compile(r"[a-z][a-z0-9_-]{0,29}")
_TYPES = {name.lower(): name for name in ("Transactional", "Broadcasts", "Inbound")}
_HANDLING = {name.lower(): name for name in ("None", "Postmark", "Custom")}
_PURGE_SECONDS = 45 * 24 * 3600


def show(stream: Stream) -> Json:
    return {
        "ID": stream.id,
        "ServerID": stream.server_id,
        "Name": stream.name,
        "Description": stream.description,
        "MessageStreamType": stream.type,
        "CreatedAt": eastern(stream.created_at),
        "UpdatedAt": _spelled(stream.updated_at),
        "ArchivedAt": _spelled(stream.archived_at),
        "ExpectedPurgeDate": _spelled(_purge_at(stream)),
        "SubscriptionManagementConfiguration": {"UnsubscribeHandlingType": stream.unsubscribe_handling},
    }


def _purge_at(stream: Stream) -> float | None:
    return None if stream.archived_at is None else stream.archived_at + _PURGE_SECONDS


def _spelled(at: float | None) -> str | None:
    return None if at is None else eastern(at)


def find_stream(call: Call, name: str) -> Stream:
    stream = call.world.state.streams.get((call.server.id, name))
    if stream is None:
        raise ApiError(1226, "The message stream for the provided 'ID' was not found.")
    return stream


async def list_streams(call: Call) -> Json:
    wanted = call.query.get("messagestreamtype", "all").lower()
    if wanted != "all" and wanted not in _TYPES:
        raise ApiError(1221, "The MessageStreamType is invalid.")
    archived = call.query.get("includearchivedstreams", "").lower() == "true"
    found = [
        stream
        for stream in call.world.state.streams_of(call.server.id)
        if wanted in ("all", stream.type.lower()) and (archived or stream.archived_at is None)
    ]
    return {"MessageStreams": [show(stream) for stream in found], "TotalCount": len(found)}


async def get_stream(call: Call) -> Json:
    return show(find_stream(call, call.params["stream"]))


async def create_stream(call: Call) -> Json:
    world, given = (call.world, call.object(1222, "The 'ID' of the message stream is missing."))
    stream_id, kind = _checked_id(call, given), _checked_type(given)
    name = _checked_name(given.get("name"))
    description = _checked_description(given.get("description"))
    active = [row for row in world.state.streams_of(call.server.id) if row.archived_at is None]
    if len(active) >= world.settings.max_streams_per_server:
        raise ApiError(
            1225, f"A server may have up to {world.settings.max_streams_per_server} message streams."
        )
    handling = _handling(given, "Postmark" if kind == "Broadcasts" else "None")
    stream = Stream(call.server.id, stream_id, name, kind, description, world.clock.now(), handling)
    world.state.streams.put(stream)
    return show(stream)


async def edit_stream(call: Call) -> Json:
    stream = find_stream(call, call.params["stream"])
    given = call.object(1220, "No data was given to update the message stream with.")
    name = _checked_name(given["name"]) if "name" in given else stream.name
    described = "description" in given
    stream.description = _checked_description(given["description"]) if described else stream.description
    stream.unsubscribe_handling = _handling(given, stream.unsubscribe_handling)
    stream.name, stream.updated_at = name, call.world.clock.now()
    call.world.state.streams.put(stream)
    return show(stream)


async def archive_stream(call: Call) -> Json:
    stream = find_stream(call, call.params["stream"])
    if stream.id in ("outbound", "inbound"):
        raise ApiError(1229, "The default transactional and inbound streams cannot be archived.")
    stream.archived_at = stream.archived_at or call.world.clock.now()
    call.world.state.streams.put(stream)
    return {"ID": stream.id, "ServerID": stream.server_id, "ExpectedPurgeDate": _spelled(_purge_at(stream))}


async def unarchive_stream(call: Call) -> Json:
    stream = find_stream(call, call.params["stream"])
    purge_at = _purge_at(stream)
    if purge_at is not None and purge_at <= call.world.clock.now():
        raise ApiError(1232, "The message stream cannot be unarchived any more.")
    stream.archived_at = None
    call.world.state.streams.put(stream)
    return show(stream)


def _checked_id(call: Call, given: Json) -> str:
    stream_id = given.get("id")
    if not isinstance(stream_id, str) or not stream_id:
        raise ApiError(1222, "The 'ID' of the message stream is missing.")
    if not _ID.fullmatch(stream_id):
        raise ApiError(
            1227, "The 'ID' must start with a letter; lowercase letters, digits, '-' and '_', up to 30."
        )
    if stream_id.startswith("pm-"):
        raise ApiError(1233, "The 'ID' must not start with 'pm-'.")
    if call.world.state.streams.get((call.server.id, stream_id)) is not None:
        raise ApiError(1230, "A message stream with this 'ID' exists on this server.")
    return stream_id


def _checked_type(given: Json) -> str:
    kind = _TYPES.get(str(given.get("messagestreamtype")).lower())
    if kind is None:
        raise ApiError(1221, "The MessageStreamType is invalid.")
    if kind == "Inbound":
        raise ApiError(1228, "A server may have one inbound stream only.")
    return kind


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ApiError(1223, "The 'Name' of the message stream is missing.")
    if len(name) > 100:
        raise ApiError(1224, "The 'Name' of the message stream may have up to 100 characters.")
    return name


def _checked_description(text: object) -> str:
    description = "" if text is None else str(text)
    if len(description) > 1000:
        raise ApiError(1231, "The description may have up to 1000 characters.")
    if "<" in description and ">" in description:
        raise ApiError(1234, "The description may not contain HTML.")
    return description


def _handling(given: Json, default: str) -> str:
    configuration = given.get("subscriptionmanagementconfiguration") or {}
    if not isinstance(configuration, dict):
        raise ApiError(403, "Invalid request field(s): 'SubscriptionManagementConfiguration'")
    wanted = str(folded(configuration).get("unsubscribehandlingtype", default)).lower()
    if wanted not in _HANDLING:
        raise ApiError(1237, "The UnsubscribeHandlingType is invalid.")
    return _HANDLING[wanted]


ROUTES = [
    Route("GET", "/message-streams", "Server", list_streams),
    Route("POST", "/message-streams", "Server", create_stream),
    Route("GET", "/message-streams/{stream}", "Server", get_stream),
    Route("PATCH", "/message-streams/{stream}", "Server", edit_stream),
    Route("POST", "/message-streams/{stream}/archive", "Server", archive_stream),
    Route("POST", "/message-streams/{stream}/unarchive", "Server", unarchive_stream),
]
