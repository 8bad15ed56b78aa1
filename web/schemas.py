"""What callers send, field by field. `validated` makes a model of a parsed body, or advice for each field of it.

Values are never quoted back: bodies and recipients would end up in logs of whoever prints our answers.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from shared.domain.naming import DEFAULT_LOCAL_PART
from web import patterns
from web.field_faults import faults_of
from web.fields import (
    Address,
    Base64,
    Body,
    Filename,
    FromName,
    Id,
    Key,
    LocalPart,
    MediaType,
    MessageId,
    Metadata,
    Millisecond,
    Note,
    Reason,
    ReplyTo,
    Slug,
    Subject,
    Tag,
    refuse,
)
from web.problems import Problem

# Postmark's limit (POST /email), measured after base64.
MESSAGE_BYTES_MAX = 10_000_000
BATCH_MAX = 500


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


class AttachmentInput(Input):
    filename: Filename
    content_type: MediaType
    content_base64: Base64


class JobInput(Input):
    """`htmlBody` or `textBody` or both; with its attachments, in base64, a message has at most 10,000,000 bytes."""

    model_config = ConfigDict(json_schema_extra=patterns.one_of("htmlBody", "textBody"))

    configuration_e_id: Id
    recipient: Address
    reply_to_email: ReplyTo | None = None
    subject: Subject
    html_body: Body | None = None
    text_body: Body | None = None
    attachments: list[AttachmentInput] = []
    tag: Tag | None = None
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
    """A job with its own key. Sent alone with the same key it is the same request."""

    idempotency_key: Key


class BatchInput(Input):
    """The jobs themselves are looked at one by one: a fault in one is that one's result."""

    jobs: Annotated[
        list[Annotated[Any, WithJsonSchema({"$ref": "#/components/schemas/BatchJobInput"})]],
        Field(min_length=1, max_length=BATCH_MAX),
    ]


class DecisionInput(Input):
    """`providerMessageId`: what the provider calls the message, where it was found there; with `sent` only."""

    model_config = ConfigDict(json_schema_extra=patterns.only_with("providerMessageId", "verdict", "sent"))

    verdict: Literal["sent", "resend", "fail"]
    reason: Reason
    provider_message_id: MessageId | None = None

    @model_validator(mode="after")
    def _known_if_sent(self) -> "DecisionInput":
        if self.provider_message_id is not None and self.verdict != "sent":
            raise refuse("leave out providerMessageId unless the verdict is sent")
        return self


class ResolutionInput(Input):
    reason: Reason


class SignatureRequestInput(Input):
    from_local_part: LocalPart = DEFAULT_LOCAL_PART
    from_name: FromName
    reply_to_email: ReplyTo | None = None


class ConfigurationInput(Input):
    sending_domain_slug: Slug
    signature_request: SignatureRequestInput


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
