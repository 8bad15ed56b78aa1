"""Conditional requests (RFC 9110, 13). The entity tag of a configuration is its version, always a strong one."""

import re

from flask import Response, request
from werkzeug.datastructures import ETags
from werkzeug.http import parse_etags, quote_etag

from web.problems import FieldFault, Problem

# RFC 9110, 8.8.3 and 5.6.1. The parser below forgives more, and a tag that was misread could let a signal pass.
_TAGS = re.compile(r'[ \t,]*(?:(?:W/)?"[!\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|\Z))+')
_VERSION = re.compile(r"0|[1-9][0-9]{0,17}")

IF_MATCH = (
    'An `ETag` of the configuration, such as `"7"`, or several, or `*`: 412 when none of them is current.'
)
IF_NONE_MATCH = (
    'An `ETag` of the configuration, such as `"7"`, or several, or `*`: 304 when one of them is current.'
)
ETAG = "The version of the configuration, for `If-Match` and `If-None-Match`."


def etag(version: int) -> dict[str, str]:
    return {"ETag": quote_etag(str(version))}


def expected_versions() -> frozenset[int] | None:
    """What `If-Match` allows; None when anything goes. By strong comparison: a weak tag never matches."""
    tags = _tags("If-Match")
    if tags is None or tags.star_tag:
        return None
    return frozenset(int(tag) for tag in tags.as_set() if tag and _VERSION.fullmatch(tag))


def unchanged(version: int) -> Response | None:
    """The answer to a read whose `If-None-Match` names this version, by weak comparison; else None."""
    tags = _tags("If-None-Match")
    if tags is None or not tags.contains_weak(str(version)):
        return None
    return Response(status=304, headers=etag(version))


def checked() -> None:
    """Refuses tags that are none, where there is nothing to compare them with."""
    for header in ("If-Match", "If-None-Match"):
        _tags(header)


def _tags(header: str) -> ETags | None:
    sent = request.headers.get(header)
    if sent is None:
        return None
    if sent.strip() != "*" and not _TAGS.fullmatch(sent):
        advice = (
            'send the ETag of an answer as it came, quotes included ("7"), several of them with commas, or *'
        )
        raise Problem(
            "invalid_header", "see errors for the headers to mend", errors=[FieldFault(header, advice)]
        )
    return parse_etags(sent.strip())
