"""`/job`: accepts mail, one or many, and tells what became of it."""

from uuid import UUID

from flask import Blueprint, Response, request

from shared.bootstrap import Container
from shared.domain.errors import InvalidValue
from shared.domain.job import checked_idempotency_key
from web import BASE
from web.answers import Results, answer, page_of
from web.auth import caller
from web.body import read_object
from web.examples import job as examples
from web.intake import gates
from web.intake import job as intake
from web.job_records import JobPayload, Jobs, place_of
from web.operation import Link, Operation, operation
from web.paging import QueryInput, read_question
from web.problems import BODY_PROBLEMS, FieldFault, Problem
from web.records import Record
from web.routes.job_batch import JobBatch
from web.routes.job_life import JobLife, no_job
from web.schemas import JobInput, validated
from web.submissions import count, problem_of, submission_of

_NO_SENDING = ("not_provisioned", "not_verified", "failure", "locked", "locking", "retired")
_GATES = ("not_found", *_NO_SENDING, "suppressed", "key_reused", "job_inconsistent")
# Of a job that was answered.
_NEXT = {
    "read it": Link("job_get"),
    "what was told of it": Link("job_events"),
    "its story": Link("job_timeline"),
}


class JobRoutes:
    def __init__(self, container: Container) -> None:
        self._limits = container.settings.ingress
        self._ports = intake.JobPorts(
            container.store, container.arrivals, container.doorbell, container.new_id
        )
        self._records = Jobs(container.settings, container.clock)
        self._batch = JobBatch(self._ports, self._records, self._limits)
        self._life = JobLife(self._ports, self._records, depth_max=self._limits.depth_max)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("job", __name__, url_prefix=f"{BASE}/job")
        routes.post("")(self.submit)
        routes.post("/query")(self.query)
        routes.get("/<uuid:e_id>")(self.get)
        self._batch.add_to(routes)
        self._life.add_to(routes)
        return routes

    @operation(
        Operation(
            summary="Accept one message to one recipient",
            description=(
                "`202` means that the job is kept: it will go out once, or be told of as failed. Repeat the request "
                "with the same key and the same body until there is an answer: a replay is a `200` with the job as it "
                "is now, and is answered before any other gate. What was refused left nothing behind: its key is free. "
                "The configuration fixes the From address."
            ),
            body=JobInput,
            answers={202: Record[JobPayload], 200: Record[JobPayload]},
            meanings={
                202: "Kept. Nothing has been sent yet: `Location` tells what becomes of it.",
                200: "A replay: the job as it is now.",
            },
            headers={
                "Idempotency-Key": "Of this message, unique in the tenant: 1 to 255 printable ASCII characters."
            },
            answer_headers={
                202: {"Location": "Where the job is read."},
                200: {"Idempotent-Replayed": "`true`."},
            },
            problems=(*BODY_PROBLEMS, *_GATES, "recovering"),
            examples=examples.SUBMIT,
            leads_to=_NEXT,
        )
    )
    def submit(self) -> Response:
        sender, key = caller(), _idempotency_key()
        sent = read_object(self._limits.job_bytes_max, depth_max=self._limits.depth_max)
        submission = submission_of(key, sent, validated(JobInput, sent))
        (result,) = results = intake.submit(self._ports, sender.tenant_id, sender.author, [submission])
        count(results)
        if isinstance(result, gates.Refused):
            raise problem_of(result)
        if isinstance(result, gates.Replayed):
            return answer(self._records.record(result.job), headers={"Idempotent-Replayed": "true"})
        return answer(self._records.record(result.job), 202, headers={"Location": place_of(result.job)})

    @operation(
        Operation(
            summary="One job as it is now",
            description="Its `status` says how far it is; `error` what went wrong last.",
            writes=False,
            answers={200: Record[JobPayload]},
            problems=("not_found", "recovering"),
            examples=examples.GET,
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
            description=(
                "Those that the filter lets through, a page at a time, the first accepted first unless it is said "
                'otherwise. Without a body: all of them. To turn the page send `{"page": nextPage}`.'
            ),
            writes=False,
            body=QueryInput,
            body_required=False,
            locators="Job",
            answers={200: Results[Record[JobPayload]]},
            problems=(*BODY_PROBLEMS, "recovering"),
            examples=examples.QUERY,
        )
    )
    def query(self) -> Response:
        question = read_question()
        page = intake.query(self._ports, caller().tenant_id, question.query)
        rows = [self._records.record(job) for job in page.rows]
        return answer(page_of(question, rows, more=page.more))


def _idempotency_key() -> str:
    try:
        return checked_idempotency_key(request.headers.get("Idempotency-Key", ""))
    except InvalidValue as error:
        fault = FieldFault(error.field, error.advice)
        raise Problem("invalid_header", "see errors for the headers to mend", errors=[fault]) from None
