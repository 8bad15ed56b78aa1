"""Bodies of the control API. Unknown fields are refused everywhere."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.postmark.bounce_types import BOUNCE_TYPES
from sandbox.postmark.entities import Trigger


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DnsRecord(Body):
    """`value` in Route 53's form: a TXT value is quoted."""

    name: str = Field(min_length=1)
    type: Literal["TXT", "CNAME"]
    value: str = Field(min_length=1)


class DnsTable(Body):
    records: list[DnsRecord]


class ClockChange(Body):
    wall: bool = Field(default=False, description="before all else, back to the wall clock and its scale")
    time_scale: float | None = Field(default=None, gt=0)
    advance_seconds: float = Field(default=0.0, ge=0)
    settle: bool = Field(default=True, description="answer when all that fell due was carried out")
    timeout_seconds: float = Field(default=10.0, gt=0)


class Settle(Body):
    timeout_seconds: float = Field(default=10.0, gt=0)


class AllowDelete(Body):
    allowed: bool = True


class FireEvent(Body):
    """Either something happens to a message (`message_id`, `type`), or any body goes to one webhook."""

    message_id: str | None = None
    type: Literal["Delivery", "Bounce", "SpamComplaint", "Unsubscribe", "Open", "Click"] | None = None
    recipient: str | None = Field(default=None, description="default: the first")
    bounce_type: str = "HardBounce"
    link: str = "https://example.com/"
    webhook_id: int | None = None
    trigger: Trigger | None = Field(default=None, description="default: the payload's RecordType")
    payload: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "FireEvent":
        if self.bounce_type not in BOUNCE_TYPES:
            raise ValueError(f"bounce_type must be one of {', '.join(BOUNCE_TYPES)}")
        of_message = self.message_id is not None and self.type is not None
        raw = self.webhook_id is not None and self.payload is not None
        if of_message == raw:
            raise ValueError("give message_id and type, or webhook_id and payload")
        return self
