"""The switches: one model per kind of fault. Durations are real seconds unless the field says otherwise."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sandbox.postmark.entities import Trigger
from sandbox.postmark.settings import Seconds


class Rule(BaseModel):
    """What every rule shares: where it applies, and how often."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    endpoint: str = Field(
        default="*", description="glob on the route template or the path, such as /email/batch"
    )
    method: str | None = None
    server_id: int | None = None
    probability: float = Field(default=1.0, ge=0, le=1)
    skip: int = Field(default=0, ge=0, description="let this many matches pass first")
    count: int | None = Field(default=None, ge=1, description="fire this often, then never again")
    seed: int | None = Field(
        default=None, description="of the draws for probability; default: the seed of the set"
    )


class Refuse(Rule):
    """No one listens: connections are refused. For the whole server, scope is ignored."""

    kind: Literal["refuse"]
    seconds: float | None = Field(default=None, gt=0, description="then listen again; null: until cleared")


class Reset(Rule):
    """The connection is reset before the request body is read. Nothing is accepted."""

    kind: Literal["reset"]


class Hang(Rule):
    """No answer for so long, then the connection is reset; null: until the client gives up."""

    kind: Literal["hang"]
    seconds: float | None = Field(default=None, gt=0)
    accept: bool = False


class Latency(Rule):
    """Every matching call takes this much longer."""

    kind: Literal["latency"]
    seconds: Seconds


class RateLimited(Rule):
    kind: Literal["rate_limited"]
    retry_after: int | None = Field(
        default=None, ge=0, description="seconds for Retry-After; null: no header"
    )


class Unavailable(Rule):
    """HTTP 503 with ErrorCode 100."""

    kind: Literal["unavailable_503"]


class RevokedToken(Rule):
    """HTTP 401 with ErrorCode 10, as for a token that was replaced."""

    kind: Literal["revoked_token"]


class Respond(Rule):
    """Any answer at will."""

    kind: Literal["respond"]
    status: int = Field(ge=100, le=599)
    body: Any = Field(default="", description="text is sent as it is, anything else as JSON")
    headers: dict[str, str] = Field(default_factory=dict)
    accept: bool = False


class AcceptThenReset(Rule):
    kind: Literal["accept_then_reset"]
    partial: bool = Field(default=False, description="send status line, headers and half of the body first")


class AcceptThen500(Rule):
    kind: Literal["accept_then_500"]


class AcceptThen502Html(Rule):
    kind: Literal["accept_then_502_html"]


class AcceptThen504(Rule):
    kind: Literal["accept_then_504"]


class NonJson200(Rule):
    """Accepted, then HTTP 200 with a body that is not JSON."""

    kind: Literal["non_json_200"]


class DelayedWithoutErrorCode(Rule):
    """Accepted, with the answer that has no ErrorCode key."""

    kind: Literal["delayed_without_error_code"]


class PartialBatch(Rule):
    """Single items are refused. `probability`, `skip` and `count` speak of items."""

    kind: Literal["partial_batch"]
    error_code: int = 300
    message: str = "Refused by a fault rule of the simulator."
    positions: list[int] | None = Field(
        default=None, description="only items at these positions of the batch, from 0"
    )


class PartialInactive(Rule):
    """How to answer when some but not all recipients are inactive; `recipients` are added to those."""

    kind: Literal["partial_inactive"]
    form: Literal["ok", "406"] = "ok"
    recipients: list[str] = Field(default_factory=list)


class SearchLag(Rule):
    """Accepted messages show in /messages/outbound only after so many simulated seconds."""

    kind: Literal["search_lag"]
    seconds: Seconds


class WebhookRule(Rule):
    trigger: Trigger | None = None


class DuplicateWebhooks(WebhookRule):
    kind: Literal["duplicate_webhooks"]
    copies: int = Field(default=1, ge=1, description="extra posts of each event, with the same trace id")


class ShuffleWebhooks(WebhookRule):
    """Each event waits a random part of the window, in simulated seconds, so that order is lost."""

    kind: Literal["shuffle_webhooks"]
    window_seconds: float = Field(gt=0)


class DelayWebhooks(WebhookRule):
    """Each event waits so many simulated seconds."""

    kind: Literal["delay_webhooks"]
    seconds: Seconds


class PauseWebhooks(WebhookRule):
    """Nothing is posted until the rule goes; then everything held back is."""

    kind: Literal["pause_webhooks"]


class WebhookBeforeResponse(Rule):
    """The first events of the accepted messages are posted before the send is answered."""

    kind: Literal["webhook_before_response"]
    wait_seconds: float = Field(default=5.0, gt=0, description="for the receiver, before answering anyway")


AnyRule = Annotated[
    Refuse
    | Reset
    | Hang
    | Latency
    | RateLimited
    | Unavailable
    | RevokedToken
    | Respond
    | AcceptThenReset
    | AcceptThen500
    | AcceptThen502Html
    | AcceptThen504
    | NonJson200
    | DelayedWithoutErrorCode
    | PartialBatch
    | PartialInactive
    | SearchLag
    | DuplicateWebhooks
    | ShuffleWebhooks
    | DelayWebhooks
    | PauseWebhooks
    | WebhookBeforeResponse,
    Field(discriminator="kind"),
]
ANY_RULE: TypeAdapter[AnyRule] = TypeAdapter(AnyRule)

BEFORE_ACCEPTANCE: tuple[type[Rule], ...] = (Reset, Hang, RateLimited, Unavailable, RevokedToken, Respond)
AFTER_ACCEPTANCE: tuple[type[Rule], ...] = (
    Hang,
    Respond,
    AcceptThenReset,
    AcceptThen500,
    AcceptThen502Html,
    AcceptThen504,
    NonJson200,
    DelayedWithoutErrorCode,
)


class RuleSet(BaseModel):
    """Body of `PUT /faults`."""

    model_config = ConfigDict(extra="forbid")
    seed: int = 0
    rules: list[AnyRule] = Field(default_factory=list)
