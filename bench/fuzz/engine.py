"""Schemathesis, set to this interface: what it sends, what it checks, and what came of it."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from bench.fuzz.world import API_KEY, ROUTING_TOKEN, TENANT, Place
from web import BASE

PHASES = ("examples", "coverage", "fuzzing", "stateful")
# The same complaint about one operation is told once, with so many requests that show it.
_SHOWN_OF_EACH = 3

# What a request that is as the document says may be answered all the same: a state may forbid it.
_ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "503"]
# And these may be sent back: not every rule fits into a schema. Of addresses Python knows which characters can be
# printed; keys of metadata may not differ by case alone; the moments of a gap have an order and are over; a page's
# token is one that was given before, and of that moment; a file is CSV or not.
_NO_SCHEMA_SAYS = {
    *("recipient", "replyToEmail", "address", "signatureRequest.replyToEmail", "metadata"),
    *("from", "until", "page"),
    # Schemathesis takes the quotes off the entity tags that it makes.
    *("If-Match", "If-None-Match"),
}
_REJECTED = "Schema-valid request rejected"
_REFUSED = ["400", "401", "403", "404", "405", "406", "408", "409", "412", "413", "415", "422"]
# Its bad jobs are told of one by one, in a 200.
_BATCH = "job_submit_batch"
# Their filters alone would make nine in ten of the requests of the coverage phase.
QUERIES = ("configuration_query", "job_query", "suppression_query")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One kind of fault of one operation. `shown`: requests as curl, each with what was wrong with its answer."""

    title: str
    operation: str
    shown: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Tally:
    """`answers` by operation and status, None for none; `requests` by phase."""

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    complaints: dict[tuple[str, str], Complaint] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    # Sent back for a reason that no schema says.
    let_pass: int = 0

    @property
    def total(self) -> int:
        return self.requests.total()

    def complain(self, title: str, operation: str, request: str, said: str) -> None:
        kind = (title, operation)
        self.times[kind] += 1
        complaint = self.complaints.setdefault(kind, Complaint(title, operation))
        if len(complaint.shown) < _SHOWN_OF_EACH:
            complaint.shown.append((request, said))


def fuzz(
    place: Place,
    tally: Tally,
    *,
    examples: int,
    seed: int,
    phases: Collection[str] = PHASES,
    all_queries: bool = True,
    deterministic: bool = False,
) -> None:
    """Adds to the tally. `examples`: of each operation in the fuzzing phase, and walks in the stateful one."""
    settings = _settings(
        place,
        examples=examples,
        seed=seed,
        phases=phases,
        all_queries=all_queries,
        deterministic=deterministic,
    )
    document = f"{place.url}{BASE}/docs/openApi.json"
    schema = schemathesis.openapi.from_url(document, config=SchemathesisConfig.from_dict(settings))
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                _count(tally, event.phase.value, event.recorder)
            case events.NonFatalError():
                tally.errors.append(f"{event.label}: {event.info.title}: {event.info.message}")
            case events.FatalError():
                raise event.exception


def _count(tally: Tally, phase: str, recorder: ScenarioRecorder) -> None:
    for case_id, interaction in recorder.interactions.items():
        tally.requests[phase] += 1
        status = interaction.response.status_code if interaction.response else None
        tally.answers[_operation_of(recorder, case_id), status] += 1
    for case_id, checks in recorder.checks.items():
        for found in (check.failure_info for check in checks if check.failure_info):
            if found.failure.title == _REJECTED and _is_beyond_schemas(
                recorder.interactions[case_id].response
            ):
                tally.let_pass += 1
                continue
            tally.complain(
                found.failure.title,
                _operation_of(recorder, case_id),
                found.code_sample,
                found.failure.message,
            )


def _is_beyond_schemas(response: Response | None) -> bool:
    problem = json.loads(response.content) if response is not None and response.status_code == 400 else {}
    if problem.get("code") == "invalid_csv":
        return True
    fields = {error["field"] for error in problem.get("errors", [])}
    return bool(fields) and fields <= _NO_SCHEMA_SAYS


def _operation_of(recorder: ScenarioRecorder, case_id: str) -> str:
    return str(recorder.cases[case_id].value.operation.label)


def _settings(
    place: Place, *, examples: int, seed: int, phases: Collection[str], all_queries: bool, deterministic: bool
) -> dict[str, Any]:
    return {
        "base-url": place.url,
        "seed": seed,
        "continue-on-failure": True,
        "headers": {"Authorization": f"Bearer {API_KEY}"},
        # One tenant, whose rows are there; the tests of isolation are elsewhere.
        "parameters": {"X-Tenant-Id": str(TENANT), "X-Email-Routing-Token": ROUTING_TOKEN},
        "generation": {
            "max-examples": examples,
            "deterministic": deterministic,
            "database": "none",
            "no-shrink": True,
        },
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": _ACCEPTED},
            "negative_data_rejection": {"expected-statuses": _REFUSED},
        },
        # Nothing here is a secret.
        "output": {"sanitization": {"enabled": False}},
        "operations": list(_operations(all_queries=all_queries)),
        "suppress-health-check": ["all"],
    }


def _operations(*, all_queries: bool) -> Iterator[Mapping[str, Any]]:
    if not all_queries:
        yield from (
            {"include-operation-id": name, "phases": {"coverage": {"enabled": False}}} for name in QUERIES
        )
    yield {
        "include-operation-id": _BATCH,
        "checks": {"negative_data_rejection": {"expected-statuses": [*_REFUSED, "200"]}},
    }
