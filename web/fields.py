"""The kinds of fields that callers send: each with its limits, what else is looked at, and how it is described."""

import binascii
import re
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.audit import checked_reason
from shared.domain.errors import InvalidValue
from shared.domain.job import checked_idempotency_key
from shared.domain.mail import RESERVED_METADATA
from shared.domain.naming import checked_local_part, checked_slug
from shared.domain.suppression import checked_address
from web import patterns
from web.moments import LAST_MILLISECOND

# Postmark's limits (POST /email), in bytes where it counts bytes.
SUBJECT_MAX = 2000
BODY_BYTES_MAX = 5_000_000
TAG_MAX = 1000
METADATA_KEY_MAX = 20
METADATA_VALUE_MAX = 80
# Ten, of which two are ours.
METADATA_KEYS_MAX = 8
# As the domain counts it, without the white space around it.
REASON_MAX = 1000

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}([ \t]*;[\x20-\x7e]*)?")


def refuse(advice: str) -> PydanticCustomError:
    # The template is formatted: braces of ours would be taken for placeholders.
    return PydanticCustomError("advice", "{advice}", {"advice": advice})


def _uuid(sent: object) -> object:
    if not isinstance(sent, str) or not _UUID.fullmatch(sent):
        raise refuse("send a UUID")
    return UUID(sent)


def _address(sent: str) -> str:
    try:
        return checked_address(sent)
    except InvalidValue as error:
        raise refuse(error.advice) from None


def _reply_to(sent: str) -> str:
    """Kept as it was written: nobody looks it up."""
    _address(sent)
    return sent.strip()


def _local_part(sent: str) -> str:
    try:
        return checked_local_part(sent)
    except InvalidValue as error:
        raise refuse(error.advice) from None


def _slug(sent: str) -> str:
    try:
        return checked_slug(sent)
    except InvalidValue as error:
        raise refuse(error.advice) from None


def _key(sent: str) -> str:
    try:
        return checked_idempotency_key(sent)
    except InvalidValue as error:
        raise refuse(error.advice) from None


def _reason(sent: str) -> str:
    try:
        return checked_reason(sent)
    except InvalidValue as error:
        raise refuse(error.advice) from None


def _one_line(sent: str) -> str:
    if _CONTROL.search(sent):
        raise refuse("leave out line breaks and other control characters")
    return sent


def _not_blank(sent: str) -> str:
    if not sent.strip():
        raise refuse("send more than white space")
    return sent


def _body(sent: str) -> str:
    if len(sent) > BODY_BYTES_MAX or len(sent.encode()) > BODY_BYTES_MAX:
        raise refuse(f"send at most {BODY_BYTES_MAX:,} bytes")
    return sent


def _base64(sent: str) -> str:
    try:
        binascii.a2b_base64(sent, strict_mode=True)
    except ValueError:
        raise refuse("send base64 with its padding and without line breaks") from None
    return sent


def _media_type(sent: str) -> str:
    if not _MEDIA_TYPE.fullmatch(sent):
        raise refuse("send a media type such as application/pdf")
    return sent


def _metadata(sent: dict[str, str]) -> dict[str, str]:
    """Postmark refuses keys that differ by case only, so ours are reserved in any case too."""
    folded = [key.lower() for key in sent]
    if len(set(folded)) != len(folded):
        raise refuse("keys must differ by more than their case")
    if RESERVED_METADATA & set(folded):
        raise refuse(f"the keys {' and '.join(sorted(RESERVED_METADATA))} are reserved: choose others")
    return sent


Id = Annotated[UUID, BeforeValidator(_uuid)]
Address = Annotated[str, AfterValidator(_address), Field(json_schema_extra=patterns.ADDRESS)]
ReplyTo = Annotated[str, AfterValidator(_reply_to), Field(json_schema_extra=patterns.ADDRESS)]
Body = Annotated[
    str, AfterValidator(_body), Field(json_schema_extra={**patterns.TEXT, "maxLength": BODY_BYTES_MAX})
]
# Limits come first: pydantic counts characters of what has not been through a validator, and items of what has.
Note = Annotated[
    str,
    Field(
        max_length=1000, description="For whoever reads about it later.", json_schema_extra=patterns.ONE_LINE
    ),
    AfterValidator(_one_line),
]
Reason = Annotated[
    str,
    AfterValidator(_one_line),
    AfterValidator(_reason),
    Field(json_schema_extra={**patterns.NOT_BLANK, "maxLength": REASON_MAX, "description": "Why."}),
]
MetadataKey = Annotated[str, Field(min_length=1, max_length=METADATA_KEY_MAX), AfterValidator(_one_line)]
MetadataValue = Annotated[str, Field(max_length=METADATA_VALUE_MAX), AfterValidator(_one_line)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue],
    Field(max_length=METADATA_KEYS_MAX),
    AfterValidator(_metadata),
    WithJsonSchema(
        patterns.metadata(
            keys=METADATA_KEYS_MAX,
            key=METADATA_KEY_MAX,
            value=METADATA_VALUE_MAX,
            reserved=tuple(sorted(RESERVED_METADATA)),
        )
    ),
]
Subject = Annotated[
    str,
    Field(min_length=1, max_length=SUBJECT_MAX, json_schema_extra=patterns.ONE_LINE),
    AfterValidator(_one_line),
]
Tag = Annotated[
    str, Field(max_length=TAG_MAX, json_schema_extra=patterns.ONE_LINE), AfterValidator(_one_line)
]
Filename = Annotated[
    str,
    Field(min_length=1, max_length=255, json_schema_extra=patterns.NOT_BLANK),
    AfterValidator(_one_line),
    AfterValidator(_not_blank),
]
FromName = Annotated[
    str,
    Field(min_length=1, max_length=150, json_schema_extra=patterns.NOT_BLANK),
    AfterValidator(_one_line),
    AfterValidator(_not_blank),
]
MessageId = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra=patterns.ONE_LINE),
    AfterValidator(_one_line),
]
MediaType = Annotated[str, AfterValidator(_media_type), Field(json_schema_extra=patterns.MEDIA_TYPE)]
Base64 = Annotated[str, AfterValidator(_base64), Field(json_schema_extra=patterns.BASE64)]
Key = Annotated[str, AfterValidator(_key), Field(json_schema_extra=patterns.KEY)]
Slug = Annotated[str, AfterValidator(_slug), Field(json_schema_extra=patterns.SLUG)]
LocalPart = Annotated[str, AfterValidator(_local_part), Field(json_schema_extra=patterns.LOCAL_PART)]
Millisecond = Annotated[int, Field(ge=0, le=LAST_MILLISECOND, description="Epoch milliseconds.")]
