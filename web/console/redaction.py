"""What the provider sent, for people to read: its shape whole, and of its words those that are known to name nobody.

An allow-list: a field that the provider invents tomorrow is masked until somebody has looked at it. Numbers, flags and
what is empty are shown, as they are no words.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Final

from shared.domain.mail import RESERVED_METADATA

SHOWN_MAX_CHARACTERS: Final = 20_000

# Neither addresses nor anything that a sender or a recipient wrote. Still looked through for addresses.
_SHOWN: Final = frozenset(
    {
        *("RecordType", "MessageID", "MessageStream", "Tag", "Type", "Name", "Details", "Description"),
        *("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt"),
        *("Origin", "SuppressionReason", "Platform", "ClickLocation"),
    }
)
# Of people, not of messages: masked with all that is in them, numbers too.
_PERSONAL: Final = frozenset({"Geo", "Client", "OS"})
# The keys are the caller's words for their own things, and are shown; of the values only ours are.
_METADATA: Final = "Metadata"
# An address never holds one of these, so what is around it stays. Only from where one may begin: else the time for a
# long text without spaces would grow with its square.
_PART: Final = r"[^\s<>,;:\"()\[\]\\@]"
_ADDRESS: Final = re.compile(rf"(?<!{_PART}){_PART}*(?:@|%40)")
_NOBODY: Final = "•••@"


def redacted(raw: str) -> str:
    """Of an event's raw body: JSON in lines, of at most `SHOWN_MAX_CHARACTERS`."""
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        return f"no JSON, {len(raw)} characters"
    text = json.dumps(_masked(payload, _SHOWN), indent=2, ensure_ascii=False)
    # JSON may hold halves of surrogate pairs, which no page can.
    text = text.encode("utf-8", "backslashreplace").decode()
    if len(text) <= SHOWN_MAX_CHARACTERS:
        return text
    return f"{text[:SHOWN_MAX_CHARACTERS]}\n… and {len(text) - SHOWN_MAX_CHARACTERS:,} characters more"


def without_addresses(text: str) -> str:
    """With the domains of what is in it, which say whose mail server it is about."""
    return _ADDRESS.sub(_NOBODY, text)


def _masked(value: object, shown: Collection[str], *, name: str = "") -> object:
    match value:
        case Mapping():
            return {without_addresses(key): _of_field(key, value[key], shown) for key in value}
        case list():
            return [_masked(one, shown, name=name) for one in value]
        case str():
            return without_addresses(value) if name in shown else _mask(value)
    return value


def _of_field(name: str, value: object, shown: Collection[str]) -> object:
    if name == _METADATA:
        return _masked(value, RESERVED_METADATA)
    if name in _PERSONAL and value:
        return "masked"
    return _masked(value, shown, name=name)


def _mask(text: str) -> str:
    return f"masked, {len(text)} characters" if text else ""
