"""A job's timeline as lines for people: the request, each attempt, what operators did, what the provider told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.cli.api import JsonObject
from shared.cli.output import cell, moment
from shared.domain.job import JobStatus

# Nothing more has to happen, though the provider may still tell something.
ENDED: Final = frozenset(
    {
        JobStatus.DELIVERED,
        JobStatus.BOUNCED,
        JobStatus.COMPLAINED,
        JobStatus.FAILED,
        JobStatus.CANCELLED,
        JobStatus.SUPPRESSED,
        JobStatus.INCONSISTENT,
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """`at`: epoch milliseconds."""

    at: int
    what: str
    told: str

    def __str__(self) -> str:
        return f"{cell(moment(self.at))}  {self.what:<9}  {self.told}"


def lines_of(job: JsonObject, entries: Sequence[JsonObject]) -> list[Line]:
    """Oldest first. `job`: its payload."""
    lines = [line for entry in entries for line in _lines(job, entry)]
    # Stable: what the API names first of one moment comes first.
    return sorted(lines, key=lambda line: line.at)


def now(job: JsonObject) -> str:
    """How it is with the job by now."""
    error, due_at = job["error"], job["dueAt"]
    told = [f"{job['status']} since {cell(moment(job['updatedAt']))}"]
    if due_at is not None:
        told.append(f"due {cell(moment(due_at))}")
    if error is not None:
        told.append(f"last error {error['code']}: {error['text'] or '-'}")
    if job["awaitsDecision"]:
        told.append("waits for 'job decide'")
    return f"now: {'; '.join(told)}"


def _lines(job: JsonObject, entry: JsonObject) -> Iterator[Line]:
    match entry["type"]:
        case "accepted":
            yield Line(entry["at"], "accepted", _accepted(job, entry))
        case "attempt":
            yield Line(entry["at"], "attempt", f"{entry['number']} begun: claim {entry['claimId']}")
            if entry["outcome"] is not None:
                yield Line(entry["finishedAt"], "attempt", _attempt(entry))
        case "action":
            yield Line(
                entry["at"], "action", f"{entry['action']} by {entry['author']}: {_one_line(entry['reason'])}"
            )
        case "event":
            yield Line(entry["at"], "event", _event(entry))
        case other:
            # Of a newer release: better told in its own words than left out.
            yield Line(entry["at"], str(other), _other(entry))


def _accepted(job: JsonObject, entry: JsonObject) -> str:
    traced = f", trace {entry['trace']}" if entry.get("trace") else ""
    return f"from {entry['author']} for {job['recipient']}, key {job['idempotencyKey']}{traced}"


def _attempt(entry: JsonObject) -> str:
    told = [f"{entry['number']} {entry['outcome']}"]
    if entry["messageId"] is not None:
        told.append(f"message id {entry['messageId']}")
    if entry["code"] is not None:
        told.append(f"{entry['code']}: {_one_line(entry['text'] or '-')}")
    if entry["fenced"]:
        told.append("too late: its claim was lost, it had no effect")
    return ", ".join(told)


def _event(entry: JsonObject) -> str:
    occurred = entry["occurredAt"]
    when = f", occurred {cell(moment(occurred))}" if occurred is not None else ""
    return f"{entry['kind']}{when}, id {entry['eId']}"


def _other(entry: JsonObject) -> str:
    return ", ".join(f"{name} {_one_line(cell(value))}" for name, value in entry.items() if name != "type")


def _one_line(text: str) -> str:
    return " ".join(text.split())
