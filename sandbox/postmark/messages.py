"""/messages/outbound: search, details, raw dump, opens and clicks."""

from collections.abc import Iterable, Iterator
from email.message import EmailMessage
from typing import Any

from sandbox.postmark import message_events
from sandbox.postmark.dates import eastern, since, until
from sandbox.postmark.entities import Json, Message
from sandbox.postmark.errors import ApiError
from sandbox.postmark.routing import Call, Route

MAX_REACH = 10_000
_STATUSES = ("queued", "sent", "processed")
_METADATA = "metadata_"


def show(message: Message) -> Json:
    return {
        "Tag": message.tag,
        "MessageID": message.id,
        "MessageStream": message.stream,
        "To": message.to,
        "Cc": message.cc,
        "Bcc": message.bcc,
        "Recipients": message.recipients,
        "ReceivedAt": eastern(message.accepted_at),
        "From": message.sender,
        "Subject": message.subject,
        "Attachments": message.attachments,
        "Status": message.status,
        "TrackOpens": message.track_opens,
        "TrackLinks": message.track_links,
        "Metadata": message.metadata,
        "Sandboxed": message.sandboxed,
    }


async def search(call: Call) -> Json:
    count, offset = call.page(700, reach=MAX_REACH)
    found = list(_found(call))
    return {"TotalCount": len(found), "Messages": [show(row) for row in found[offset : offset + count]]}


def _found(call: Call) -> Iterator[Message]:
    """Newest first; what the index has not taken in yet is left out."""
    start, end = _between(call)
    status = call.query.get("status", "").lower()
    if status and status not in _STATUSES:
        raise ApiError(700, f"The status '{status}' is invalid.")
    now = call.world.clock.now()
    for message in reversed(_candidates(call)):
        if (
            message.searchable_at <= now
            and start <= message.accepted_at < end
            and _matches(call, message, status)
        ):
            yield message


def _candidates(call: Call) -> list[Message]:
    stream = call.query.get("messagestream", "outbound")
    metadata = [(name, value) for name, value in call.query.items() if name.startswith(_METADATA)]
    if len(metadata) > 1:
        raise ApiError(700, "Only one metadata filter may be given.")
    if metadata:
        name, value = metadata[0]
        return call.world.state.messages.with_metadata(
            call.server.id, stream, name.removeprefix(_METADATA), value
        )
    return call.world.state.messages.of_stream(call.server.id, stream)


def _matches(call: Call, message: Message, status: str) -> bool:
    query = call.query
    recipient = query.get("recipient", "").lower()
    shown_status = "sent" if status == "processed" else status
    return (
        (not recipient or recipient in (address.lower() for address in message.recipients))
        and query.get("fromemail", "").lower() in message.sender.lower()
        and query.get("tag", "") in ("", message.tag)
        and shown_status in ("", message.status.lower())
        and query.get("subject", "").lower() in message.subject.lower()
    )


def _between(call: Call) -> tuple[float, float]:
    start, end = call.query.get("fromdate"), call.query.get("todate")
    try:
        return since(start) if start else 0.0, until(end) if end else float("inf")
    except ValueError as error:
        raise ApiError(700, "The date filter is invalid.") from error


async def details(call: Call) -> Json:
    message = _find(call)
    content = call.world.store.content(message.seq)
    bodies = {
        "TextBody": content["TextBody"],
        "HtmlBody": content["HtmlBody"],
        "Body": _raw(message, content),
    }
    return {
        **show(message),
        **bodies,
        "MessageEvents": [message_events.show(event) for event in message.events],
    }


async def dump(call: Call) -> Json:
    message = _find(call)
    return {"Body": _raw(message, call.world.store.content(message.seq))}


def _raw(message: Message, content: Json) -> str:
    mime = EmailMessage()
    mime["From"], mime["Subject"] = message.sender, " ".join(message.subject.split())
    mime["To"] = ", ".join(entry["Email"] for entry in message.to)
    mime["X-PM-Message-Id"] = message.id
    for header in content["Headers"]:
        if header["Name"] not in mime:
            mime[header["Name"]] = header["Value"]
    if content["TextBody"]:
        mime.set_content(content["TextBody"])
    if content["HtmlBody"] and content["TextBody"]:
        mime.add_alternative(content["HtmlBody"], subtype="html")
    elif content["HtmlBody"]:
        mime.set_content(content["HtmlBody"], subtype="html")
    return mime.as_string()


async def list_opens(call: Call) -> Json:
    return _events(call, "Opened", "Opens", _in_stream(call))


async def list_clicks(call: Call) -> Json:
    return _events(call, "LinkClicked", "Clicks", _in_stream(call))


async def opens_of(call: Call) -> Json:
    return _events(call, "Opened", "Opens", [_find(call)])


async def clicks_of(call: Call) -> Json:
    return _events(call, "LinkClicked", "Clicks", [_find(call)])


def _in_stream(call: Call) -> list[Message]:
    stream = call.query.get("messagestream", "outbound")
    return call.world.state.messages.of_stream(call.server.id, stream)


def _events(call: Call, kind: str, key: str, messages: Iterable[Message]) -> Json:
    count, offset = call.page(700, reach=MAX_REACH)
    recipient, tag = call.query.get("recipient", "").lower(), call.query.get("tag", "")
    found = [
        _visit(message, event)
        for message in messages
        for event in message.events
        if event[0] == kind and recipient in ("", event[1].lower()) and tag in ("", message.tag)
    ]
    return {"TotalCount": len(found), key: found[offset : offset + count]}


def _visit(message: Message, event: list[Any]) -> Json:
    kind, recipient, at, *details = event
    return {
        "RecordType": "Click" if kind == "LinkClicked" else "Open",
        "MessageID": message.id,
        "MessageStream": message.stream,
        "Recipient": recipient,
        "ReceivedAt": eastern(at),
        "Tag": message.tag,
        **({"OriginalLink": details[0]} if details else {}),
    }


def _find(call: Call) -> Message:
    message = call.world.state.messages.get(call.params["id"].lower())
    if message is None or message.server_id != call.server.id:
        raise ApiError(701, "This message was not found.")
    return message


ROUTES = [
    Route("GET", "/messages/outbound", "Server", search),
    Route("GET", "/messages/outbound/opens", "Server", list_opens),
    Route("GET", "/messages/outbound/clicks", "Server", list_clicks),
    Route("GET", "/messages/outbound/opens/{id}", "Server", opens_of),
    Route("GET", "/messages/outbound/clicks/{id}", "Server", clicks_of),
    Route("GET", "/messages/outbound/{id}/details", "Server", details),
    Route("GET", "/messages/outbound/{id}/dump", "Server", dump),
]
