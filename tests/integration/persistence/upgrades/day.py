"""What a day of work is about: one tenant, its configurations, six jobs, two callbacks."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from shared.domain.audit import OperatorAction
from shared.domain.configuration import EmailConfiguration
from shared.domain.event import EmailEvent, EventKind
from shared.domain.mail import Attachment
from shared.persistence.ids import new_id
from shared.ports.jobs import NewJob
from tests import factories as make

BOUNCED, COMPLAINED = "bounced@example.com", "complained@example.com"
_TO = (
    "one@example.com",
    "two@example.com",
    BOUNCED,
    "four@example.com",
    "five@example.com",
    "six@example.com",
)
_CONTENT: dict[str, Any] = {
    "html_body": "<p>It is on its way.</p>",
    "reply_to_email": "desk@example.com",
    "tag": "receipts",
    "metadata": {"order": "7"},
    "attachments": (Attachment("a.pdf", "application/pdf", "JVBERi0="),),
}


def _configuration(tenant_id: UUID) -> EmailConfiguration:
    e_id = new_id()
    return make.configuration(e_id=e_id, tenant_id=tenant_id, slug=f"of-{e_id}")


@dataclass
class Day:
    """Each step may use what the ones before it made."""

    tenant: UUID = field(default_factory=uuid4)
    lease: UUID = field(default_factory=uuid4)
    claim_id: UUID = field(default_factory=uuid4)
    message_id: str = field(default_factory=lambda: str(uuid4()))

    def __post_init__(self) -> None:
        self.acme, self.young = _configuration(self.tenant), _configuration(self.tenant)
        self.jobs = [
            NewJob(make.job(self.acme, recipient=to, tag="receipts"), make.content(**_CONTENT)) for to in _TO
        ]
        self.bounce = self._told(EventKind.BOUNCE, BOUNCED, hard_bounce=True, message_id=self.message_id)
        self.orphan = self._told(EventKind.SPAM_COMPLAINT, COMPLAINED, message_id=str(uuid4()))

    def _told(self, kind: EventKind, recipient: str, **given: Any) -> EmailEvent:
        return make.event(self.acme, make.facts(kind, recipient=recipient, **given))

    def action(self, subject_id: UUID) -> OperatorAction:
        return make.action(subject_id, tenant_id=self.tenant)

    def job_id(self, number: int) -> UUID:
        return self.jobs[number].job.e_id
