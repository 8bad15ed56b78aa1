"""`/job/{eId}/...`: what happened to one job, and an operator's word where nobody else can tell."""

import json
from uuid import UUID

from flask import Blueprint, Response

from shared.telemetry.metrics import record_doubts
from web.answers import answer
from web.auth import Caller, caller
from web.body import read_object
from web.examples import job_life as examples
from web.intake import decision, job, resolution
from web.job_records import Event, JobPayload, Jobs, event_of
from web.moments import milliseconds
from web.operation import Operation, operation
from web.problems import BODY_PROBLEMS, Problem
from web.records import Output, Record
from web.schemas import DecisionInput, ResolutionInput, validated
from web.timeline import Timeline, timeline_of

_BYTES_MAX = 65_536


class Events(Output):
    """Oldest first."""

    events: list[Event]


class JobLife:
    def __init__(self, ports: job.JobPorts, records: Jobs, *, depth_max: int) -> None:
        self._ports = ports
        self._records = records
        self._depth_max = depth_max

    def add_to(self, routes: Blueprint) -> None:
        routes.get("/<uuid:e_id>/events")(self.events)
        routes.get("/<uuid:e_id>/timeline")(self.timeline)
        routes.post("/<uuid:e_id>/decide")(self.decide)
        routes.post("/<uuid:e_id>/resolve")(self.resolve)

    @operation(
        Operation(
            summary="What the provider has told of a job",
            description="Its events with their payloads as they came, the oldest first.",
            writes=False,
            answers={200: Events},
            problems=("not_found", "recovering"),
            examples=examples.EVENTS,
        )
    )
    def events(self, e_id: UUID) -> Response:
        events = job.events(self._ports, caller().tenant_id, e_id)
        if events is None:
            raise no_job()
        told = {"events": [_as_json(event_of(event)) for event in events]}
        # In ASCII: a payload may hold halves of surrogate pairs, which no UTF-8 can.
        return Response(json.dumps(told), content_type="application/json")

    @operation(
        Operation(
            summary="What happened to a job: its acceptance, attempts, decisions and events",
            description=(
                "One list, the oldest first. An attempt is one claim by a worker; without an outcome the worker is at "
                "it, or died. What an operator did by hand has an author and a reason."
            ),
            writes=False,
            answers={200: Timeline},
            problems=("not_found", "recovering"),
            examples=examples.TIMELINE,
        )
    )
    def timeline(self, e_id: UUID) -> Response:
        story = job.story(self._ports, caller().tenant_id, e_id)
        if story is None:
            raise no_job()
        return answer(timeline_of(story))

    @operation(
        Operation(
            summary="Decide what became of a job that has been in doubt for too long",
            description=(
                "The answer of the provider was lost and nobody can ask for it: a person decides. `sent`: it went out. "
                "`resend`: it never did, and is sent now; if it did after all, the recipient has it twice. `fail`: "
                "nobody knows, and it is not sent any more. Before `mayDecideFrom` workers still ask, and know better."
            ),
            body=DecisionInput,
            answers={200: Record[JobPayload]},
            examples=examples.DECIDE,
            problems=(
                *BODY_PROBLEMS,
                "not_found",
                "not_in_doubt",
                "still_looking",
                "locked",
                "retired",
                "conflict",
                "recovering",
            ),
        )
    )
    def decide(self, e_id: UUID) -> Response:
        operator = caller()
        sent = validated(DecisionInput, read_object(_BYTES_MAX, depth_max=self._depth_max))
        result = self._decide(e_id, operator, sent)
        if result is None:
            raise no_job()
        if not isinstance(result, decision.Decided):
            raise _problem(result)
        record_doubts(f"decided_{sent.verdict}", 1)
        return answer(self._records.record(result.job))

    @operation(
        Operation(
            summary="Settle a job whose events contradict one another, from all that the provider has told",
            description=(
                "It becomes what the most concerning of its events says, whatever their order. "
                "Sent again it is a `200` that changes nothing."
            ),
            body=ResolutionInput,
            answers={200: Record[JobPayload]},
            problems=(*BODY_PROBLEMS, "not_found", "not_inconsistent", "conflict"),
            examples=examples.RESOLVE,
        )
    )
    def resolve(self, e_id: UUID) -> Response:
        operator = caller()
        sent = validated(ResolutionInput, read_object(_BYTES_MAX, depth_max=self._depth_max))
        result = resolution.resolve(
            self._ports, operator.tenant_id, e_id, author=operator.author, reason=sent.reason
        )
        if result is None:
            raise no_job()
        if isinstance(result, resolution.NotInconsistent):
            held = result.job.status.value
            detail = f"the job is {held}, not INCONSISTENT: there is nothing to resolve"
            raise Problem("not_inconsistent", detail, extension={"jobStatus": held})
        return answer(self._records.record(result.job))

    def _decide(self, e_id: UUID, operator: Caller, sent: DecisionInput) -> decision.Result | None:
        wanted = decision.Decision(
            verdict=decision.Verdict(sent.verdict),
            author=operator.author,
            reason=sent.reason,
            provider_message_id=sent.provider_message_id,
        )
        limit = self._records.doubt_limit
        return decision.decide(self._ports, operator.tenant_id, e_id, wanted, doubt_limit=limit)


def _as_json(event: Event) -> dict[str, object]:
    """The payload as it is: names in it may be more than pydantic can write."""
    return {**event.model_dump(mode="json", exclude={"payload"}), "payload": event.payload}


def no_job() -> Problem:
    return Problem("not_found", "the tenant has no job with this id")


def _problem(result: decision.NotInDoubt | decision.StillLooking | decision.CannotResend) -> Problem:
    match result:
        case decision.NotInDoubt(found):
            detail = f"the job is {found.status.value}, not IN_DOUBT: there is nothing to decide"
            return Problem("not_in_doubt", detail, extension={"jobStatus": found.status.value})
        case decision.StillLooking(moment, wait):
            detail = "workers still ask the provider; decide from mayDecideFrom on, if it is in doubt then"
            extension = {"mayDecideFrom": milliseconds(moment)}
            return Problem.that_passes("still_looking", detail, after=wait, extension=extension)
        case decision.CannotResend(word):
            return Problem(word, "nothing may wait behind this configuration: decide sent or fail")
