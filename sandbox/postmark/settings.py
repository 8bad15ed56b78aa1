"""Standing behaviour that tests may change. Faults are elsewhere: these are ways to be healthy."""

import random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Seconds(BaseModel):
    """A duration: a number, or `{"min": a, "max": b}` for a uniform draw between the two."""

    model_config = ConfigDict(extra="forbid")
    min: float = Field(ge=0)
    max: float = Field(ge=0)

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {"min": value, "max": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _ordered(self) -> "Seconds":
        if self.max < self.min:
            raise ValueError("max is below min")
        return self

    def draw(self, rng: random.Random) -> float:
        return self.min if self.min == self.max else rng.uniform(self.min, self.max)


def fixed(seconds: float) -> Seconds:
    return Seconds(min=seconds, max=seconds)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    delivery_delay_seconds: Seconds = Field(
        default=fixed(0.2), description="from acceptance to the first event"
    )
    follow_up_delay_seconds: Seconds = Field(
        default=fixed(0.2), description="from Delivery to a complaint or unsubscribe"
    )
    open_delay_seconds: Seconds | None = Field(
        default=None, description="an Open this long after Delivery, if TrackOpens"
    )
    suppression_delay_seconds: float = Field(
        default=0.0, ge=0, description="until a new suppression refuses mail"
    )
    webhook_timeout_seconds: float = Field(
        default=10.0, gt=0, description="real seconds for one webhook attempt"
    )
    webhook_concurrency: int = Field(default=10, ge=1, description="attempts at one time, per webhook")
    retry_rules: Literal["2026", "2026-docs", "legacy"] = "2026"
    unverify_after_failures: int = Field(
        default=100, ge=1, description="lost events in a row that pause a trigger type"
    )
    max_webhooks_per_stream: int = Field(default=10, ge=1)
    max_streams_per_server: int = Field(default=10, ge=1)
    max_servers: int | None = Field(default=None, ge=0, description="over it: 614")
    server_deletion_allowed: bool = Field(
        default=False, description="false: 604 for every server not allowed by id"
    )
    account_state: Literal["approved", "pending", "no_credits", "blocked"] = "approved"
    inactive_text: Literal["new", "old"] = "new"
    dkim_key_bits: Literal[1024, 2048] = 1024
    bounce_rows: Literal["whole", "sparse"] = Field(
        default="whole", description="sparse: the rows of /bounces lack the keys that live ones may lack"
    )
    dump_times: Literal["seconds", "ticks"] = Field(
        default="seconds", description="CreatedAt of a suppressions dump: whole seconds, or 7 digits"
    )
    same_day_dump: Literal["empty", "filled"] = Field(
        default="empty", description="a dump that is asked for a single day, or from today on"
    )
    signature_not_found_status: Literal[404, 422] = 404

    def become(self, other: "Settings") -> None:
        """Take over all values: everybody holds this one object."""
        for name, value in other:
            setattr(self, name, value)
