"""`/job/batch`: up to five hundred jobs in one request and one transaction, each with a result of its own."""

from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import WithJsonSchema

from shared.config.settings import Ingress
from shared.domain.errors import InvalidValue
from shared.domain.job import checked_idempotency_key
from web.answers import answer
from web.auth import Caller, caller
from web.body import check_item, read_list
from web.errors import members
from web.examples import job_batch as examples
from web.intake import gates
from web.intake import job as intake
from web.job_records import JobPayload, Jobs, place_of
from web.operation import Operation, operation
from web.problems import BODY_PROBLEMS, Problem
from web.records import Output, Record
from web.schemas import BATCH_MAX, BatchInput, BatchJobInput, validated
from web.submissions import count, problem_of, submission_of

_PROBLEM = WithJsonSchema({"$ref": "#/components/schemas/Problem"})


class BatchResult(Output):
    """`status` and `location` as a single request would have been answered; `error` is the problem of a refused one."""

    index: int
    idempotency_key: str | None
    status: int
    location: str | None = None
    job: Record[JobPayload] | None = None
    error: Annotated[dict[str, Any], _PROBLEM] | None = None


class BatchResults(Output):
    """In the order of the jobs sent."""

    results: list[BatchResult]


class JobBatch:
    def __init__(self, ports: intake.JobPorts, records: Jobs, limits: Ingress) -> None:
        self._ports = ports
        self._records = records
        self._limits = limits

    def add_to(self, routes: Blueprint) -> None:
        routes.post("/batch")(self.submit_batch)

    @operation(
        Operation(
            summary=f"Accept up to {BATCH_MAX} messages, each with a key and a result of its own",
            description=(
                "Each job is decided as if it had been sent alone: its result has the status that `POST /job` would "
                "have answered, and the job or the problem. A job that is refused does not concern its neighbours. "
                "The same job with the same key, alone or in a batch, is one request: sent again it is a replay. "
                "After a `503`, or no answer at all, send the whole batch again: nothing of it, or all of it, was kept."
            ),
            body=BatchInput,
            answers={200: BatchResults},
            meanings={200: "Every job was decided. What became of each is in its result."},
            problems=(*BODY_PROBLEMS, "recovering"),
            examples=examples.SUBMIT,
        )
    )
    def submit_batch(self) -> Response:
        sender = caller()
        read = read_list(self._limits.batch_bytes_max, name="jobs", depth_max=self._limits.depth_max)
        jobs = validated(BatchInput, read).jobs
        items = [self._item(each) for each in jobs]
        decided = iter(self._submit(sender, [item for item in items if isinstance(item, gates.Submission)]))
        results = [
            _refused(index, _key_of(job), item)
            if isinstance(item, Problem)
            else self._result(index, item, next(decided))
            for index, (job, item) in enumerate(zip(jobs, items, strict=True))
        ]
        return answer(BatchResults(results=results))

    def _submit(self, sender: Caller, ready: list[gates.Submission]) -> list[gates.Result]:
        results = intake.submit(self._ports, sender.tenant_id, sender.author, ready) if ready else []
        count(results)
        return results

    def _item(self, sent: object) -> gates.Submission | Problem:
        """The hash leaves the key out: a job of a batch and the same job sent alone are one request."""
        try:
            check_item(sent, depth_max=self._limits.depth_max)
            job = validated(BatchJobInput, sent)
        except Problem as problem:
            return problem
        assert isinstance(sent, dict)
        alone = {name: value for name, value in sent.items() if name != "idempotencyKey"}
        return submission_of(job.idempotency_key, alone, job)

    def _result(self, index: int, item: gates.Submission, result: gates.Result) -> BatchResult:
        if isinstance(result, gates.Refused):
            return _refused(index, item.idempotency_key, problem_of(result))
        return BatchResult(
            index=index,
            idempotency_key=item.idempotency_key,
            status=202 if isinstance(result, gates.Accepted) else 200,
            location=place_of(result.job),
            job=self._records.record(result.job),
        )


def _refused(index: int, key: str | None, problem: Problem) -> BatchResult:
    return BatchResult(index=index, idempotency_key=key, status=problem.kind.status, error=members(problem))


def _key_of(sent: object) -> str | None:
    """As it was sent, if it is one: told also with a job that is none."""
    key = sent.get("idempotencyKey") if isinstance(sent, dict) else None
    try:
        return checked_idempotency_key(key) if isinstance(key, str) else None
    except InvalidValue:
        return None
