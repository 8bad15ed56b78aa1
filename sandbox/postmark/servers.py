"""/servers with the account token, /server with a server's own."""

import uuid
from urllib.parse import urlsplit

from sandbox.postmark.entities import Json, Server, Stream
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route
from sandbox.postmark.world import World

FIRST_ID = 1_000_001
_COLORS = ("Purple", "Blue", "Turqoise", "Turquoise", "Green", "Red", "Yellow", "Grey", "Orange")
_TRACK_LINKS = ("None", "HtmlAndText", "HtmlOnly", "TextOnly")
_URLS = ("InboundHookUrl", "BounceHookUrl", "OpenHookUrl", "DeliveryHookUrl", "ClickHookUrl")
_FLAGS = (
    "SmtpApiActivated",
    "RawEmailEnabled",
    "PostFirstOpenOnly",
    "TrackOpens",
    "IncludeBounceContentInHook",
    "EnableSmtpApiErrorHooks",
)
_DEFAULTS: Json = {
    "Color": "Purple",
    "SmtpApiActivated": True,
    "RawEmailEnabled": False,
    "DeliveryType": "Live",
    "InboundHookUrl": "",
    "BounceHookUrl": "",
    "OpenHookUrl": "",
    "DeliveryHookUrl": "",
    "ClickHookUrl": "",
    "PostFirstOpenOnly": False,
    "InboundDomain": "",
    "InboundSpamThreshold": 0,
    "TrackOpens": False,
    "TrackLinks": "None",
    "IncludeBounceContentInHook": False,
    "EnableSmtpApiErrorHooks": False,
}
_STREAMS = [
    ("outbound", "Default Transactional Stream", "Transactional", "None"),
    ("inbound", "Default Inbound Stream", "Inbound", "None"),
    ("broadcast", "Default Broadcast Stream", "Broadcasts", "Postmark"),
]


def show(server: Server) -> Json:
    return {
        "ID": server.id,
        "Name": server.name,
        "ApiTokens": server.api_tokens,
        "ServerLink": f"https://postmarkapp.com/servers/{server.id}/streams",
        "InboundAddress": f"{server.inbound_hash}@inbound.postmarkapp.com",
        "InboundHash": server.inbound_hash,
        **server.fields,
    }


async def list_servers(call: Call) -> Json:
    count, offset = call.page(600)
    name = call.query.get("name", "").lower()
    found = [server for server in call.world.state.servers if name in server.name.lower()]
    found.sort(key=lambda server: server.name.lower())
    return {"TotalCount": len(found), "Servers": [show(server) for server in found[offset : offset + count]]}


async def get_server(call: Call) -> Json:
    return show(_find(call))


async def get_own_server(call: Call) -> Json:
    return show(call.server)


async def create_server(call: Call) -> Json:
    world, given = call.world, call.object(608, "The server name is required.")
    name = _checked_name(world, given.get("name"), None)
    fields = {**_DEFAULTS, **_checked_fields(given)}
    delivery_type = given.get("deliverytype") or "Live"
    if delivery_type not in ("Live", "Sandbox"):
        raise ApiError(613, "The DeliveryType is invalid. Valid values are Live and Sandbox.")
    if world.settings.max_servers is not None and len(world.state.servers) >= world.settings.max_servers:
        raise ApiError(614, "You have reached the limit of servers for your account.")
    server = Server(
        id=world.state.next_id("server", FIRST_ID),
        name=name,
        api_tokens=[str(uuid.uuid4())],
        inbound_hash=uuid.uuid4().hex,
        fields={**fields, "DeliveryType": delivery_type},
    )
    world.state.servers.put(server)
    _add_streams(world, server)
    return show(server)


def _add_streams(world: World, server: Server) -> None:
    now = world.clock.now()
    for stream_id, name, kind, unsubscribe in _STREAMS:
        world.state.streams.put(Stream(server.id, stream_id, name, kind, "", now, unsubscribe))


async def edit_server(call: Call) -> Json:
    return _edit(call, _find(call))


async def edit_own_server(call: Call) -> Json:
    return _edit(call, call.server)


def _edit(call: Call, server: Server) -> Json:
    given = call.object(609, "No data was given to update the server with.")
    if given.get("deliverytype") not in (None, server.fields["DeliveryType"]):
        raise ApiError(615, "The DeliveryType of a server cannot be changed.")
    name = _checked_name(call.world, given["name"], server) if "name" in given else server.name
    server.fields = {**server.fields, **_checked_fields(given)}
    server.name = name
    call.world.state.servers.put(server)
    return show(server)


async def delete_server(call: Call) -> Json:
    server, state = _find(call), call.world.state
    if not (server.deletion_allowed or call.world.settings.server_deletion_allowed):
        raise ApiError(
            604, "You don't have delete access for servers through the API. Please contact support."
        )
    for stream in state.streams_of(server.id):
        state.streams.remove(stream)
    for hook in state.webhooks_of(server.id):
        state.webhooks.remove(hook)
    state.servers.remove(server)
    return {"ErrorCode": 0, "Message": f"Server {server.name} removed."}


def _find(call: Call) -> Server:
    number = call.number("id")
    server = call.world.state.servers.get(number) if number is not None else None
    if server is None:
        raise ApiError(601, "The server was not found.")
    return server


def _checked_name(world: World, name: object, server: Server | None) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ApiError(608, "The server name is missing or invalid.")
    taken = world.state.server_by_name(name)
    if taken is not None and taken is not server:
        raise ApiError(603, "This server name already exists.")
    return name


def _checked_fields(given: Json) -> Json:
    """The fields that were given, in Postmark's spelling. Raises ApiError 606, 607, 611, 612 or 403."""
    found = {name: given[name.lower()] for name in _DEFAULTS if given.get(name.lower()) is not None}
    found.pop("DeliveryType", None)
    for name in _URLS:
        if found.get(name) and not is_url(found[name]):
            raise ApiError(606, f"The webhook URL in '{name}' is invalid.")
    for name in _FLAGS:
        if not isinstance(found.get(name, False), bool):
            raise ApiError(403, f"Invalid request field(s): '{name}'")
    _check_choices(found)
    return found


def _check_choices(found: Json) -> None:
    if "Color" in found and str(found["Color"]).lower() not in [color.lower() for color in _COLORS]:
        raise ApiError(607, "The color is invalid.")
    threshold = found.get("InboundSpamThreshold", 0)
    if not isinstance(threshold, int) or not 0 <= threshold <= 30 or threshold % 5:
        raise ApiError(611, "InboundSpamThreshold must be 0 to 30 in steps of 5.")
    if "TrackLinks" in found and str(found["TrackLinks"]).lower() not in [
        name.lower() for name in _TRACK_LINKS
    ]:
        raise ApiError(612, "The TrackLinks value is invalid.")


def is_url(value: object) -> bool:
    """An absolute http(s) URL. Internal addresses are legal here: the customer lives on this machine."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


ROUTES = [
    Route("GET", "/servers", "Account", list_servers),
    Route("POST", "/servers", "Account", create_server),
    Route("GET", "/servers/{id}", "Account", get_server),
    Route("PUT", "/servers/{id}", "Account", edit_server),
    Route("DELETE", "/servers/{id}", "Account", delete_server),
    Route("GET", "/server", "Server", get_own_server),
    Route("PUT", "/server", "Server", edit_own_server),
]
