"""A job as it was sent, made ready for the gates; and what a gate says, as a problem."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from shared.domain.job import canonical_hash
from shared.domain.mail import Attachment, MessageContent
from shared.domain.suppression import SuppressionEntry
from shared.telemetry.metrics import record_job_refused, record_jobs_accepted
from web.intake import gates
from web.moments import milliseconds
from web.problems import Problem
from web.schemas import JobInput

_NOT_NOW = "the configuration does not send at present"


def submission_of(key: str, sent: Mapping[str, object], job: JobInput) -> gates.Submission:
    """`sent` is the job as JSON, without its key: of it a hash is kept, to tell another body by."""
    content = MessageContent(
        subject=job.subject,
        html_body=job.html_body,
        text_body=job.text_body,
        reply_to_email=job.reply_to_email,
        tag=job.tag,
        metadata=job.metadata,
        attachments=tuple(
            Attachment(file.filename, file.content_type, file.content_base64) for file in job.attachments
        ),
    )
    return gates.Submission(
        idempotency_key=key,
        body_hash=canonical_hash(sent),
        configuration_id=job.configuration_e_id,
        recipient=job.recipient,
        content=content,
    )


def problem_of(refused: gates.Refused) -> Problem:
    match refused:
        case gates.Refused(gates.Gate.CANNOT_SEND, word=str(word), wait=None):
            return Problem(word, _NOT_NOW)
        case gates.Refused(gates.Gate.CANNOT_SEND, word=str(word), wait=wait) if wait is not None:
            return Problem.that_passes(word, _NOT_NOW, after=wait)
        case gates.Refused(gates.Gate.SUPPRESSED, entry=entry) if entry is not None:
            detail = "the recipient is on the tenant's suppression list: see reason, since and sourceEventId"
            return Problem("suppressed", detail, extension=_why(entry))
        case gates.Refused(gates.Gate.NO_CONFIGURATION):
            return Problem("not_found", "the tenant has no configuration with this configurationEId")
        case gates.Refused(gates.Gate.KEY_REUSED):
            return Problem("key_reused", "this Idempotency-Key was sent with another body before")
    return Problem("job_inconsistent", "the job of this Idempotency-Key waits for an operator")


def _why(entry: SuppressionEntry) -> dict[str, object]:
    """The source is null where no event told so: an operator, an import, or the provider's refusal."""
    return {
        "reason": entry.reason.value,
        "since": milliseconds(entry.since),
        "sourceEventId": str(entry.source_event_id) if entry.source_event_id else None,
        "suppressionEId": str(entry.e_id),
    }


def count(results: Iterable[gates.Result]) -> None:
    accepted: dict[UUID, int] = {}
    for result in results:
        if isinstance(result, gates.Accepted):
            e_id = result.job.configuration_id
            accepted[e_id] = accepted.get(e_id, 0) + 1
        elif isinstance(result, gates.Refused):
            record_job_refused(result.word or result.gate.value)
    for configuration_id, number in accepted.items():
        record_jobs_accepted(configuration_id, number)
