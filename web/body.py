"""Bytes in, checked JSON out: how large, how deep, and only text that Postgres can hold."""

import codecs
import json
from collections.abc import Iterator
from typing import NoReturn

from flask import request
from werkzeug.exceptions import ClientDisconnected

from web.problems import FieldFault, Problem

_JSON_TYPES = ("application/json", "application/problem+json")
Path = tuple[str | int, ...]
# As long as a word or an escape of JSON that may have been cut: the place named is where it begins.
_TOKEN_MAX = 7
# Neither NUL nor half of a surrogate pair is in valid UTF-8 and JSON but as an escape.
_ESCAPE = b"\\u"


def read_bytes(limit: int) -> bytes:
    """The body, or 413: before reading when its length is announced, at the limit when it comes in chunks.

    408 when less came than was announced.
    """
    announced = request.content_length or 0
    if announced > limit:
        raise _too_large(limit)
    # One more than allowed: Werkzeug ends a chunked body at its limit as if it had been complete.
    request.max_content_length = limit + 1
    try:
        received = request.get_data(cache=False)
    except ClientDisconnected:
        raise _cut() from None
    if len(received) > limit:
        raise _too_large(limit)
    if len(received) < announced:
        raise _cut()
    return received


def read_object(limit: int, *, depth_max: int) -> dict[str, object]:
    """Parsed once. Raises `Problem` 413, 415 or 400, in that order."""
    raw = read_bytes(limit)
    return _checked(_read(raw), raw, depth_max)


def read_list(limit: int, *, name: str, depth_max: int) -> dict[str, object]:
    """An object with a list called `name`, whose items are for the caller to look at, with `check_item`."""
    raw = read_bytes(limit)
    read = _read(raw)
    items = read.get(name)
    _checked({**read, name: None} if isinstance(items, list) else read, raw, depth_max)
    return read


def check_item(item: object, *, depth_max: int) -> None:
    """Of a list that was read by `read_list`. Raises `Problem` 400."""
    _check_depth(item, depth_max)
    if isinstance(item, dict):
        _refuse_unstorable(item)


def read_optional_object(limit: int, *, depth_max: int) -> dict[str, object]:
    """As `read_object`; no body at all is an empty object."""
    raw = read_bytes(limit)
    return _checked(_read(raw), raw, depth_max) if raw else {}


def _read(raw: bytes) -> dict[str, object]:
    if request.mimetype not in _JSON_TYPES:
        raise Problem("unsupported_media_type", "send the body as 'Content-Type: application/json'")
    return _object(_parsed(raw))


def read_event(limit: int, *, depth_max: int) -> str:
    """One JSON object, as the text that was received: whatever it is called, and without a byte order mark.

    NUL and halves of surrogate pairs may be in it, escaped: the text itself is what is stored.
    """
    raw = read_bytes(limit).removeprefix(codecs.BOM_UTF8)
    try:
        parsed = parse(raw, depth_max=depth_max)
    except EndsEarly:
        # Of chunks the server does not tell whether the last one came: it may have been all there was, or not.
        if request.content_length is None:
            raise _cut() from None
        raise
    if not isinstance(parsed, dict):
        raise Problem("invalid_fields", "send one JSON object", errors=[FieldFault("body", "send an object")])
    return raw.decode("utf-8")


def parse_object(raw: bytes, *, depth_max: int) -> dict[str, object]:
    return _checked(_object(_parsed(raw)), raw, depth_max)


def parse(raw: bytes, *, depth_max: int) -> object:
    """Any JSON value, of limited depth."""
    parsed = _parsed(raw)
    if _may_be_too_deep(raw, depth_max):
        _check_depth(parsed, depth_max)
    return parsed


def _object(parsed: object) -> dict[str, object]:
    if not isinstance(parsed, dict):
        raise _invalid("send one JSON object")
    return parsed


def _checked(parsed: dict[str, object], raw: bytes, depth_max: int) -> dict[str, object]:
    """Looks at every value only where `raw`, of which it was parsed, may have one to refuse: most have none."""
    if _may_be_too_deep(raw, depth_max):
        _check_depth(parsed, depth_max)
    if _ESCAPE in raw:
        _refuse_unstorable(parsed)
    return parsed


def _may_be_too_deep(raw: bytes, depth_max: int) -> bool:
    """Nothing is nested deeper than there are brackets that open; those inside of texts count here too."""
    return raw.count(b"{") + raw.count(b"[") > depth_max


def _parsed(raw: bytes) -> object:
    """Of a key given twice the last one counts."""
    try:
        return _JSON.decode(raw.decode("utf-8"))
    except RecursionError:
        raise _invalid("nest objects and arrays less deep") from None
    except UnicodeDecodeError as error:
        kind = EndsEarly if error.reason == "unexpected end of data" else Problem
        raise kind("invalid_json", "send the body in UTF-8") from None
    except json.JSONDecodeError as error:
        detail = f"it stops being JSON at line {error.lineno}, column {error.colno}"
        raise (EndsEarly if _ends_early(error) else Problem)("invalid_json", detail) from None
    except ValueError:
        raise _invalid("write every number with at most a few digits") from None


class EndsEarly(Problem):
    """It is JSON as far as it goes."""


def _ends_early(error: json.JSONDecodeError) -> bool:
    left = error.doc[error.pos :].strip()
    return error.msg.startswith("Unterminated string") or (
        error.msg != "Extra data" and len(left) < _TOKEN_MAX
    )


def _number(text: str) -> float | int:
    """JSON has one kind of number: 7.0 is the whole number 7, however somebody's language writes it."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse_constant(name: str) -> NoReturn:
    raise _invalid(f"{name} is no JSON: leave it out or send null")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_number)


def _cut() -> Problem:
    return Problem("body_cut", "less of the body came than was to come: send it again")


def _too_large(limit: int) -> Problem:
    return Problem("body_too_large", f"send at most {limit:,} bytes")


def _invalid(detail: str) -> Problem:
    return Problem("invalid_json", detail)


def _too_deep(depth_max: int) -> Problem:
    return _invalid(f"nest objects and arrays at most {depth_max} deep")


def _check_depth(parsed: object, depth_max: int) -> None:
    level = [parsed]
    for _ in range(depth_max):
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    if any(isinstance(value, dict | list) for value in level):
        raise _too_deep(depth_max)


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _refuse_unstorable(parsed: dict[str, object]) -> None:
    faults = [FieldFault(_dotted(path), _ADVICE) for path, text in _texts(parsed, ()) if not _storable(text)]
    if faults:
        raise Problem("invalid_json", "some text cannot be stored", errors=faults[:20])


_ADVICE = "leave out NUL characters and halves of surrogate pairs"


def _storable(text: str) -> bool:
    if "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield path, key
            yield from _texts(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, (*path, index))


def _dotted(path: Path) -> str:
    """For answers: a key that cannot be stored cannot be shown either."""
    return ".".join(part if _shown(part) else "?" for part in map(str, path)) or "body"


def _shown(part: str) -> bool:
    return len(part) <= 64 and part.isprintable()
