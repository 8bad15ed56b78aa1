"""Reading one message of a send call, in Postmark's order of checks, with the texts that were seen."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from sandbox.postmark.addresses import Mailbox, parse_from, parse_list
from sandbox.postmark.entities import Json
from sandbox.postmark.errors import ApiError, incompatible
from sandbox.postmark.routing import folded

MAX_RECIPIENTS = 50
MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_MESSAGE_BYTES = 10 * 1024 * 1024
_TRACK_LINKS = {name.lower(): name for name in ("None", "HtmlAndText", "HtmlOnly", "TextOnly")}
_FORBIDDEN = frozenset(
    [
        "vbs",
        "exe",
        "bin",
        "bat",
        "chm",
        "com",
        "cpl",
        "crt",
        "hlp",
        "hta",
        "inf",
        "ins",
        "isp",
        "jse",
        "lnk",
        "mdb",
        "pcd",
        "pif",
        "reg",
        "scr",
        "sct",
        "shs",
        "vbe",
        "vba",
        "wsf",
        "wsh",
        "wsl",
        "msc",
        "msi",
        "msp",
        "mst",
    ]
)
_METADATA_TEXT = (
    "Invalid metadata content. Field names are limited to 20 characters, values to 80 characters, "
    "and there may be up to 10 fields with distinct names."
)


@dataclass
class Draft:
    """A message that is well formed; whether it may be sent is checked elsewhere."""

    sender_text: str
    sender: Mailbox
    to_text: str | None
    to: list[Mailbox]
    cc: list[Mailbox]
    bcc: list[Mailbox]
    subject: str
    tag: str
    metadata: dict[str, str]
    headers: list[Json]
    attachments: list[Json]
    track_opens: bool
    track_links: str
    stream: str
    html: str
    text: str
    reply_to: str

    @property
    def recipients(self) -> list[str]:
        return [mailbox.email for mailbox in (*self.to, *self.cc, *self.bcc)]

    def header(self, name: str) -> str | None:
        found = (header["Value"] for header in self.headers if header["Name"].lower() == name.lower())
        return next(found, None)


def read_message(raw: object) -> Draft:
    """Raises ApiError 300, 403 or 411."""
    if not isinstance(raw, dict):
        raise ApiError(402, "The request body is not valid JSON.")
    item = folded(raw)
    sender_text = _required_from(item)
    to_text = _text(item, "To", 0)
    draft = Draft(
        sender_text=sender_text,
        sender=parse_from(sender_text),
        to_text=to_text or None,
        to=parse_list("To", to_text),
        cc=parse_list("Cc", _text(item, "Cc", 0)),
        bcc=parse_list("Bcc", _text(item, "Bcc", 0)),
        subject=_text(item, "Subject", 2000),
        tag=_text(item, "Tag", 1000),
        metadata=_metadata(item.get("metadata")),
        headers=_headers(item.get("headers")),
        attachments=_attachments(item.get("attachments")),
        track_opens=_flag(item, "TrackOpens"),
        track_links=_track_links(item),
        stream=_text(item, "MessageStream", 0) or "outbound",
        html=_body(item, "HtmlBody"),
        text=_body(item, "TextBody"),
        reply_to=_text(item, "ReplyTo", 0),
    )
    _check_whole(draft)
    return draft


def _required_from(item: Json) -> str:
    sender = item.get("from")
    if not isinstance(sender, str) or not sender.strip():
        raise ApiError(300, "Invalid 'From' value.")
    if len(sender) > 255:
        raise ApiError(300, f"Invalid 'From' address: '{sender}'.")
    return sender


def _text(item: Json, name: str, limit: int) -> str:
    value = item.get(name.lower())
    if value is None:
        return ""
    if not isinstance(value, str):
        raise incompatible(name)
    if limit and len(value) > limit:
        raise ApiError(300, f"Invalid '{name}' value. It may have up to {limit} characters.")
    return value


def _body(item: Json, name: str) -> str:
    value = _text(item, name, 0)
    if len(value) > MAX_BODY_BYTES or (
        len(value) > MAX_BODY_BYTES // 4 and len(value.encode()) > MAX_BODY_BYTES
    ):
        raise ApiError(300, f"Invalid '{name}' value. It may have up to 5 MB.")
    return value


def _flag(item: Json, name: str) -> bool:
    value = item.get(name.lower())
    if value is None:
        return False
    if not isinstance(value, bool):
        raise incompatible(name)
    return value


def _track_links(item: Json) -> str:
    value = _text(item, "TrackLinks", 0) or "None"
    if value.lower() not in _TRACK_LINKS:
        raise ApiError(300, f"Invalid 'TrackLinks' value: '{value}'.")
    return _TRACK_LINKS[value.lower()]


def _metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise incompatible("Metadata")
    found = {key: _metadata_value(entry) for key, entry in value.items()}
    names_ok = len(found) <= 10 and len({key.lower() for key in found}) == len(found)
    if not names_ok or any(len(key) > 20 or len(entry) > 80 for key, entry in found.items()):
        raise ApiError(300, _METADATA_TEXT)
    return found


def _metadata_value(value: Any) -> str:
    if isinstance(value, dict | list):
        raise incompatible("Metadata")
    return "" if value is None else str(value)


def _headers(value: object) -> list[Json]:
    headers = []
    for entry in _objects(value, "Headers"):
        name, text = entry.get("name"), entry.get("value")
        if not isinstance(name, str) or not isinstance(text, str | None) or not name or not name.isascii():
            raise ApiError(300, "Invalid 'Headers' value. Each header needs a Name and a Value.")
        if any(mark in name for mark in " :\r\n") or any(mark in (text or "") for mark in "\r\n"):
            raise ApiError(300, f"Invalid header: '{name}'.")
        headers.append({"Name": name, "Value": text or ""})
    return headers


def _attachments(value: object) -> list[Json]:
    return [_attachment(entry) for entry in _objects(value, "Attachments")]


def _attachment(entry: Json) -> Json:
    name, content, content_type = (entry.get(key) for key in ("name", "content", "contenttype"))
    if not (name and content_type and isinstance(name, str) and isinstance(content, str)):
        raise ApiError(300, "Invalid 'Attachments' value. Each needs Name, Content and ContentType.")
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension in _FORBIDDEN:
        raise ApiError(411, f"Attachments of type '.{extension}' are not allowed: '{name}'.")
    try:
        size = len(base64.b64decode("".join(content.split()), validate=True))
    except binascii.Error as error:
        raise ApiError(300, f"Attachment '{name}' has content that is not base64.") from error
    return {"Name": name, "ContentType": content_type, "ContentID": entry.get("contentid"), "Size": size}


def _objects(value: object, name: str) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise incompatible(name)
    return [folded(entry) for entry in value]


def _check_whole(draft: Draft) -> None:
    count = len(draft.to) + len(draft.cc) + len(draft.bcc)
    if not count:
        raise ApiError(300, "Zero recipients specified")
    if count > MAX_RECIPIENTS:
        raise ApiError(300, f"You may send to up to {MAX_RECIPIENTS} recipients per message.")
    if not draft.html and not draft.text:
        raise ApiError(300, "Provide either email TextBody or HtmlBody or both.")
    encoded = sum(attachment["Size"] for attachment in draft.attachments) * 4 // 3
    if len(draft.html) + len(draft.text) + encoded > MAX_MESSAGE_BYTES:
        raise ApiError(300, "The message is over 10 MB.")
