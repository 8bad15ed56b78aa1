"""One attempt to hand one job to the provider: an intent, committed before the call, and its result after it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SendAttempt:
    """`outcome` is the status the result asked for; None while there is no result, or for ever when the worker died."""

    job_id: UUID
    claim_id: UUID
    number: int
    claimed_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    code: str | None = None
    text: str | None = None
    provider_message_id: str | None = None
    # The result came after the claim was lost: kept as evidence, without effect on the job.
    fenced: bool = False
