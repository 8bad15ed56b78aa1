"""What the document says of text, in the words of JSON Schema.

The checks themselves are in `web.schemas` and the domain. A test holds both together: whatever a pattern here lets pass
they let pass, and what it does not they refuse.
"""

from collections.abc import Mapping
from typing import Any

JsonSchema = dict[str, Any]

# What Python takes for white space. `\s` is something else in each engine: of U+0085 and U+FEFF none agrees with all.
_SPACE = r"\x09-\x0d\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_PART = rf'[^{_SPACE}<>,;:"()\[\]\\@\x00-\x1f\x7f-\x9f]+'
_ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_SIX_BITS = "[A-Za-z0-9+/]"
_RESTRICTED_NAME = "[A-Za-z0-9!#$&^_.+-]{1,127}"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

ADDRESS: JsonSchema = {
    "pattern": rf"^[{_SPACE}]*{_PART}@{_PART}[{_SPACE}]*$",
    "maxLength": 254,
    "description": "One bare address.",
}
SLUG: JsonSchema = {
    "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    "description": "The sending domain is made of it, for ever.",
}
LOCAL_PART: JsonSchema = {
    "pattern": rf"^{_ATOM}(\.{_ATOM})*$",
    "maxLength": 64,
    "description": "Of the From address.",
}
KEY: JsonSchema = {
    "pattern": r"^[ -~]{1,255}$",
    "description": "Unique in the tenant. Choose it from what the message is about.",
}
TEXT: JsonSchema = {"pattern": r"^[^\x00]*$"}
ONE_LINE: JsonSchema = {"pattern": _ONE_LINE}
NOT_BLANK: JsonSchema = {"pattern": rf"^[^\x00-\x1f\x7f]*[^{_SPACE}\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"}
BASE64: JsonSchema = {
    "pattern": rf"^({_SIX_BITS}{{4}})*({_SIX_BITS}{{2}}==|{_SIX_BITS}{{3}}=)?$",
    "contentEncoding": "base64",
    "description": "With its padding and without line breaks.",
}
MEDIA_TYPE: JsonSchema = {"pattern": rf"^{_RESTRICTED_NAME}/{_RESTRICTED_NAME}([ \t]*;[ -~]*)?$"}


def metadata(*, keys: int, key: int, value: int, reserved: tuple[str, ...]) -> JsonSchema:
    """`keys`: how many; `key` and `value`: how many characters of each."""
    words = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in word) for word in reserved)
    named = {
        "type": "string",
        "minLength": 1,
        "maxLength": key,
        **ONE_LINE,
        "not": {"pattern": f"^({words})$"},
    }
    return {
        "type": "object",
        "maxProperties": keys,
        "propertyNames": named,
        "additionalProperties": {"type": "string", "maxLength": value, **ONE_LINE},
        "description": f"Comes back with every event. Not {' nor '.join(reserved)}: these are ours.",
    }


def one_of(*names: str) -> JsonSchema:
    """Text in one of these fields at least."""
    text = {"type": "string", "minLength": 1}
    return {"anyOf": [{"properties": {name: text}, "required": [name]} for name in names]}


def only_with(name: str, other: str, value: str) -> JsonSchema:
    """`name` is null or left out, unless `other` has this value."""
    absent = {"properties": {name: {"type": "null"}}}
    is_it: Mapping[str, Any] = {"properties": {other: {"const": value}}, "required": [other]}
    return {"if": {"not": is_it}, "then": absent}
