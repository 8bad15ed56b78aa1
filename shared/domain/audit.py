"""What an operator did by hand, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.errors import InvalidValue

_REASON_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction:
    """`action` names what was done, such as `job.decide.resend`; `subject_id` what it was done to."""

    e_id: UUID
    tenant_id: UUID | None
    action: str
    subject_id: UUID
    author: str
    reason: str
    at: datetime


def checked_reason(reason: str) -> str:
    """Whoever reads the timeline later needs one."""
    text = reason.strip()
    if not 1 <= len(text) <= _REASON_MAX:
        raise InvalidValue("reason", f"say why, in 1 to {_REASON_MAX} characters")
    return text
