"""`/job`: accepts mail, one or many, and tells what became of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from shared.bootstrap import Container
from shared.domain.errors import InvalidValue
from shared.domain.job import canonical_hash, checked_idempotency_key
from shared.domain.mail import Attachment, MessageContent
from shared.domain.suppression import SuppressionEntry
from shared.telemetry.metrics import record_job_refused, record_jobs_accepted
from web import BASE
from web.answers import Results, answer, page_of
from web.auth import Caller, caller
from web.body import read_object
from web.errors import members
from web.intake import job as intake
from web.job_records import JobPayload, Jobs
from web.moments import milliseconds
from web.operation import Operation, operation
from web.paging import QueryInput, read_question
from web.problems import FieldFault, Problem
from web.records import Output, Record
from web.routes.job_life import JobLife, no_job
from web.schemas import BatchInput, BatchJobInput, JobInput, validated

_WRONG_BODY = ("invalid_json", "invalid_fields", "body_cut", "body_too_large", "unsupported_media_type")
_NO_SENDING = ("not_provisioned", "not_verified", "failure", "locked", "locking", "retired")
_GATES = ("not_found", *_NO_SENDING, "suppressed", "key_reused", "job_inconsistent")


class BatchResult(Output):
    """`status` as a single request would have been answered; `error` is the problem of a refused one."""

    index: int
    idempotency_key: str | None
    status: int
    job: Record[JobPayload] | None = None
    error: dict[str, Any] | None = None


class BatchResults(Output):
    """In the order of the jobs sent."""

    results: list[BatchResult]


class JobRoutes:
    def __init__(self, container: Container) -> None:
        self._limits = container.settings.ingress
        self._ports = intake.JobPorts(container.store, container.doorbell, container.new_id)
        self._records = Jobs(container.settings, container.clock)
        self._life = JobLife(self._ports, self._records, depth_max=self._limits.depth_max)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("job", __name__, url_prefix=f"{BASE}/job")
        routes.post("")(self.submit)
        routes.post("/batch")(self.submit_batch)
        routes.post("/query")(self.query)
        routes.get("/<uuid:e_id>")(self.get)
        self._life.add_to(routes)
        return routes

    @operation(
        Operation(
            summary="Accept one message to one recipient",
            body=JobInput,
            answers={202: Record[JobPayload], 200: Record[JobPayload]},
            headers={"Idempotency-Key": "1 to 255 printable ASCII characters, unique in the tenant"},
            problems=(*_WRONG_BODY, *_GATES),
        )
    )
    def submit(self) -> Response:
        sender, key = caller(), _idempotency_key()
        sent = read_object(self._limits.job_bytes_max, depth_max=self._limits.depth_max)
        submission = _submission(key, sent, validated(JobInput, sent))
        (result,) = self._submit(sender, [submission])
        if isinstance(result, intake.Refused):
            raise _problem(result)
        if isinstance(result, intake.Replayed):
            return answer(self._records.record(result.job), headers={"Idempotent-Replayed": "true"})
        location = {"Location": f"{BASE}/job/{result.job.e_id}"}
        return answer(self._records.record(result.job), 202, headers=location)

    @operation(
        Operation(
            summary="Accept up to 500 messages, each with a key and a result of its own",
            body=BatchInput,
            answers={200: BatchResults},
            problems=_WRONG_BODY,
        )
    )
    def submit_batch(self) -> Response:
        sender = caller()
        sent = read_object(self._limits.batch_bytes_max, depth_max=self._limits.depth_max)
        items = [_item(each) for each in validated(BatchInput, sent).jobs]
        submissions = [item for item in items if isinstance(item, intake.Submission)]
        decided = iter(self._submit(sender, submissions))
        results = [
            _refused_item(index, None, item)
            if isinstance(item, Problem)
            else self._decided_item(index, item, next(decided))
            for index, item in enumerate(items)
        ]
        return answer(BatchResults(results=results))

    @operation(
        Operation(
            summary="One job as it is now",
            writes=False,
            answers={200: Record[JobPayload]},
            problems=("not_found",),
        )
    )
    def get(self, e_id: UUID) -> Response:
        job = intake.get(self._ports, caller().tenant_id, e_id)
        if job is None:
            raise no_job()
        return answer(self._records.record(job))

    @operation(
        Operation(
            summary="The tenant's jobs",
            writes=False,
            body=QueryInput,
            body_required=False,
            answers={200: Results[Record[JobPayload]]},
            problems=_WRONG_BODY,
        )
    )
    def query(self) -> Response:
        question = read_question()
        page = intake.query(self._ports, caller().tenant_id, question.query)
        rows = [self._records.record(job) for job in page.rows]
        return answer(page_of(question, rows, more=page.more))

    def _submit(self, sender: Caller, submissions: list[intake.Submission]) -> list[intake.Result]:
        if not submissions:
            return []
        results = intake.submit(self._ports, sender.tenant_id, sender.author, submissions)
        _tell(results)
        return results

    def _decided_item(self, index: int, submission: intake.Submission, result: intake.Result) -> BatchResult:
        if isinstance(result, intake.Refused):
            return _refused_item(index, submission.idempotency_key, _problem(result))
        status = 202 if isinstance(result, intake.Accepted) else 200
        record = self._records.record(result.job)
        return BatchResult(index=index, idempotency_key=submission.idempotency_key, status=status, job=record)


def _idempotency_key() -> str:
    try:
        return checked_idempotency_key(request.headers.get("Idempotency-Key", ""))
    except InvalidValue as error:
        fault = FieldFault(error.field, error.advice)
        raise Problem("invalid_header", "see errors for the headers to mend", errors=[fault]) from None


def _submission(key: str, sent: Mapping[str, object], job: JobInput) -> intake.Submission:
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
    return intake.Submission(
        idempotency_key=key,
        body_hash=canonical_hash(sent),
        configuration_id=job.configuration_e_id,
        recipient=job.recipient,
        content=content,
    )


def _item(sent: object) -> intake.Submission | Problem:
    """The hash leaves the key out: a job of a batch and the same job sent alone are one request."""
    try:
        job = validated(BatchJobInput, sent)
    except Problem as problem:
        return problem
    assert isinstance(sent, dict)
    alone = {name: value for name, value in sent.items() if name != "idempotencyKey"}
    return _submission(job.idempotency_key, alone, job)


def _refused_item(index: int, key: str | None, problem: Problem) -> BatchResult:
    return BatchResult(index=index, idempotency_key=key, status=problem.kind.status, error=members(problem))


def _problem(refused: intake.Refused) -> Problem:
    match refused:
        case intake.Refused(intake.Gate.CANNOT_SEND, word=str(word)):
            return Problem(word, "the configuration does not send at present")
        case intake.Refused(intake.Gate.SUPPRESSED, entry=entry) if entry is not None:
            detail = "the recipient is on the tenant's suppression list: see reason, since and sourceEventId"
            return Problem("suppressed", detail, extension=_why(entry))
        case intake.Refused(intake.Gate.NO_CONFIGURATION):
            return Problem("not_found", "the tenant has no configuration with this configurationEId")
        case intake.Refused(intake.Gate.KEY_REUSED):
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


def _tell(results: list[intake.Result]) -> None:
    accepted: dict[UUID, int] = {}
    for result in results:
        if isinstance(result, intake.Accepted):
            e_id = result.job.configuration_id
            accepted[e_id] = accepted.get(e_id, 0) + 1
        elif isinstance(result, intake.Refused):
            record_job_refused(result.word or result.gate.value)
    for configuration_id, count in accepted.items():
        record_jobs_accepted(configuration_id, count)
