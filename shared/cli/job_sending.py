"""The body of a mail that an operator sends, from a file, from options, or from both."""

import json
from collections.abc import Mapping
from typing import Any, TextIO
from uuid import uuid4

from shared.cli.api import JsonObject
from shared.cli.exits import Unusable

_FIELDS = {
    "configuration_id": "configurationEId",
    "recipient": "recipient",
    "subject": "subject",
    "text": "textBody",
    "html": "htmlBody",
    "tag": "tag",
}
_TEST_SUBJECT = "Test"
_TEST_TEXT = "A test mail, sent with emailctl."


def new_key() -> str:
    """One that nobody has used; whoever wants to repeat keeps it."""
    return f"emailctl-{uuid4()}"


def body_of(file: TextIO | None, given: Mapping[str, Any]) -> JsonObject:
    """`given`: options by name, None for those that were not given. Without a file the rest is that of a test mail."""
    said = {_FIELDS[name]: str(value) for name, value in given.items() if value is not None}
    if file is not None:
        return {**_read(file), **said}
    missing = [name for name in ("configuration", "recipient") if _NEEDED[name] not in said]
    if missing:
        raise Unusable(f"Give a FILE, or {' and '.join(f'--{name}' for name in missing)}.")
    text = {} if {"textBody", "htmlBody"} & said.keys() else {"textBody": _TEST_TEXT}
    return {"subject": _TEST_SUBJECT, **text, **said}


_NEEDED = {"configuration": "configurationEId", "recipient": "recipient"}


def _read(file: TextIO) -> JsonObject:
    try:
        body = json.load(file)
    except (ValueError, RecursionError):
        raise Unusable("The file is no JSON in UTF-8.") from None
    if not isinstance(body, dict):
        raise Unusable('The file is no JSON object such as {"recipient": ...}.')
    return body
