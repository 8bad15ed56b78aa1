"""A query as callers write it, and its pages as tokens: base64url(gzip(JSON query))."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from shared.domain import query as asked
from shared.domain.query import PAGE_SIZE_MAX
from web import body
from web.as_of import PRESENT, Moments, moments_of
from web.fields import Millisecond
from web.filters import filter_of, sorts_of
from web.problems import FieldFault, Problem
from web.schemas import Input, validated

# A query is a question, not a document. Of its filter and sort, without white space.
QUERY_BYTES_MAX = 65_536
# What a token holds beside them.
_PAGINATE_BYTES_MAX = 256
# Base64 of a question that does not compress: every token that we give can be sent back.
_TOKEN_MAX = 90_000
_BODY_BYTES_MAX = 100_000
_DEPTH_MAX = 32
INDEX_MAX = 10_000_000
_GZIP_WBITS = 31


class Paginate(Input):
    """`index` counts rows from the first; `size` is at most 500."""

    index: Annotated[int, Field(ge=0, le=INDEX_MAX)] = 0
    size: Annotated[int, Field(ge=1, le=PAGE_SIZE_MAX)] = 100


class QueryInput(Input):
    """A question, or `page` alone: a token of an earlier answer."""

    filter: Any = True
    sort: Any = Field(default=[])
    paginate: Paginate = Paginate()


class PastInput(QueryInput):
    """What the token of a page of the past holds."""

    effective_as_of: Millisecond | None = None
    recorded_as_of: Millisecond | None = None


class PageInput(Input):
    page: Annotated[str, Field(max_length=_TOKEN_MAX)]


@dataclass(frozen=True, slots=True)
class Question:
    """`said` is the query as JSON, from which the tokens of its pages are made, `moments` when it is asked about."""

    query: asked.Query
    said: Mapping[str, object]
    moments: Moments = PRESENT

    def pages(self, *, more: bool) -> dict[str, str | None]:
        index, size = self.query.index, self.query.size
        return {
            "thisPage": self._token(index),
            "nextPage": self._token(index + size) if more and index + size <= INDEX_MAX else None,
            "previousPage": self._token(max(0, index - size)) if index else None,
        }

    def _token(self, index: int) -> str:
        said = {**self.said, **self.moments.said, "paginate": {"index": index, "size": self.query.size}}
        packed = gzip.compress(_compact(said), mtime=0)
        return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read_question(moments: Moments | None = None) -> Question:
    """The request's question, `moments` as its parameters say them, or None where there is no past to ask about.

    Raises `Problem` for what cannot be asked.
    """
    said = body.read_optional_object(_BODY_BYTES_MAX, depth_max=_DEPTH_MAX)
    return question_of(said, moments)


def question_of(said: dict[str, object], moments: Moments | None = None) -> Question:
    if "page" in said:
        return _turned(_unpacked(validated(PageInput, said).page), moments)
    return _question(validated(QueryInput, said), moments or PRESENT)


def _turned(held: dict[str, object], moments: Moments | None) -> Question:
    """The page holds the moments of its question; they may be said once more."""
    if moments is None:
        return _question(validated(QueryInput, held), PRESENT)
    given = validated(PastInput, held)
    then = moments_of(effective=given.effective_as_of, recorded=given.recorded_as_of)
    if moments not in (PRESENT, then):
        advice = "send effectiveAsOf and recordedAsOf as they were when it was asked, or leave them out"
        raise Problem("invalid_fields", "the page is of another moment", errors=[FieldFault("page", advice)])
    return _question(given, then)


def _question(given: QueryInput, moments: Moments) -> Question:
    asked_for: dict[str, object] = {"filter": given.filter, "sort": given.sort}
    if len(_compact(asked_for)) > QUERY_BYTES_MAX:
        raise Problem("body_too_large", f"send a filter and a sort of at most {QUERY_BYTES_MAX:,} bytes")
    query = asked.Query(
        filter_of(given.filter), sorts_of(given.sort), given.paginate.index, given.paginate.size
    )
    return Question(query, asked_for, moments)


def _compact(said: Mapping[str, object]) -> bytes:
    """Not in ASCII: escapes would make more of it than was sent."""
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()


def _unpacked(token: str) -> dict[str, object]:
    """Strict, and bounded: a small token may unpack to a large text."""
    try:
        padded = token.rstrip("=") + "=" * (-len(token.rstrip("=")) % 4)
        packed = base64.b64decode(padded, altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj(_GZIP_WBITS)
        text = unpacking.decompress(packed, QUERY_BYTES_MAX + _PAGINATE_BYTES_MAX)
    except (binascii.Error, ValueError, zlib.error):
        raise _no_token() from None
    if not unpacking.eof or unpacking.unused_data:
        raise _no_token()
    try:
        said = body.parse_object(text, depth_max=_DEPTH_MAX)
    except Problem:
        raise _no_token() from None
    if "page" in said:
        raise _no_token()
    return said


def _no_token() -> Problem:
    fault = FieldFault("page", "send thisPage, nextPage or previousPage of an answer, unchanged")
    return Problem("invalid_fields", "the page token cannot be read", errors=[fault])
