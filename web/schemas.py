"""What callers send, field by field. `validated` makes a model of a parsed body, or advice for each field of it.

Values are never quoted back: bodies and recipients would end up in logs of whoever prints our answers.
"""

import binascii
import re
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from shared.domain.audit import checked_reason
from shared.domain.errors import InvalidValue
from shared.domain.job import checked_idempotency_key
from shared.domain.mail import RESERVED_METADATA
from shared.domain.naming import DEFAULT_LOCAL_PART, checked_local_part, checked_slug
from shared.domain.suppression import checked_address
from web.field_faults import faults_of
from web.moments import LAST_MILLISECOND
from web.problems import Problem

# Postmark's limits (POST /email), in bytes where it counts bytes; the message's is measured after base64.
SUBJECT_MAX = 2000
BODY_BYTES_MAX = 5_000_000
MESSAGE_BYTES_MAX = 10_000_000
TAG_MAX = 1000
METADATA_KEY_MAX = 20
METADATA_VALUE_MAX = 80
# Ten, of which two are ours.
METADATA_KEYS_MAX = 8
BATCH_MAX = 500

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(\s*;[\x20-\x7e]*)?")


class Input(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )


Model = TypeVar("Model", bound=Input)


def validated(model: type[Model], body: object) -> Model:
    """Raises `Problem` invalid_fields with every fault of the body."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Problem(
            "invalid_fields", "see errors for the fields to mend", errors=faults_of(error)
        ) from None


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
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in sent):
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
Address = Annotated[str, AfterValidator(_address)]
ReplyTo = Annotated[str, AfterValidator(_reply_to)]
Body = Annotated[str, AfterValidator(_body)]
Note = Annotated[str, Field(max_length=1000), AfterValidator(_one_line)]
Reason = Annotated[str, AfterValidator(_one_line), AfterValidator(_reason)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=METADATA_KEY_MAX), AfterValidator(_one_line)]
MetadataValue = Annotated[str, Field(max_length=METADATA_VALUE_MAX), AfterValidator(_one_line)]
Metadata = Annotated[
    dict[MetadataKey, MetadataValue], Field(max_length=METADATA_KEYS_MAX), AfterValidator(_metadata)
]


class AttachmentInput(Input):
    filename: Annotated[
        str, Field(min_length=1, max_length=255), AfterValidator(_one_line), AfterValidator(_not_blank)
    ]
    content_type: Annotated[str, AfterValidator(_media_type)]
    content_base64: Annotated[str, AfterValidator(_base64)]


class JobInput(Input):
    configuration_e_id: Id
    recipient: Address
    reply_to_email: ReplyTo | None = None
    subject: Annotated[str, Field(min_length=1, max_length=SUBJECT_MAX), AfterValidator(_one_line)]
    html_body: Body | None = None
    text_body: Body | None = None
    attachments: list[AttachmentInput] = []
    tag: Annotated[str, Field(max_length=TAG_MAX), AfterValidator(_one_line)] | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _whole_message(self) -> "JobInput":
        if not (self.html_body or self.text_body):
            raise refuse("send htmlBody or textBody or both")
        texts = (self.subject, self.html_body or "", self.text_body or "")
        files = sum(len(attachment.content_base64) for attachment in self.attachments)
        if files + sum(len(text.encode()) for text in texts) > MESSAGE_BYTES_MAX:
            raise refuse(f"a message has at most {MESSAGE_BYTES_MAX:,} bytes, attachments in base64 included")
        return self


class BatchJobInput(JobInput):
    idempotency_key: Annotated[str, AfterValidator(_key)]


class BatchInput(Input):
    """The jobs themselves are looked at one by one: a fault in one is that one's result."""

    jobs: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/BatchJobInput"})]],
        Field(min_length=1, max_length=BATCH_MAX),
    ]


class DecisionInput(Input):
    """`providerMessageId`: what the provider calls the message, where it was found there; with `sent` only."""

    verdict: Literal["sent", "resend", "fail"]
    reason: Reason
    provider_message_id: (
        Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_one_line)] | None
    ) = None

    @model_validator(mode="after")
    def _known_if_sent(self) -> "DecisionInput":
        if self.provider_message_id is not None and self.verdict != "sent":
            raise refuse("leave out providerMessageId unless the verdict is sent")
        return self


class ResolutionInput(Input):
    reason: Reason


class SignatureRequestInput(Input):
    from_local_part: Annotated[str, AfterValidator(_local_part)] = DEFAULT_LOCAL_PART
    from_name: Annotated[
        str, Field(min_length=1, max_length=150), AfterValidator(_one_line), AfterValidator(_not_blank)
    ]
    reply_to_email: ReplyTo | None = None


class ConfigurationInput(Input):
    sending_domain_slug: Annotated[str, AfterValidator(_slug)]
    signature_request: SignatureRequestInput


Millisecond = Annotated[int, Field(ge=0, le=LAST_MILLISECOND)]


class CatchUpInput(Input):
    """`until` is now when it is left out."""

    from_: Annotated[Millisecond, Field(alias="from")]
    until: Millisecond | None = None
    reason: Reason


class SignalInput(Input):
    reason: Note | None = None


class SuppressionInput(Input):
    address: Address
    note: Note | None = None


class LiftInput(Input):
    note: Note | None = None
