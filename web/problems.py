"""Every answer that is an error, by its code: one table for the answers, the OpenAPI document and `docs/api.md`.

`Problem` is raised anywhere in the web room and becomes RFC 9457 `application/problem+json` in `web.errors`.
Details name fields and say what to do; they never quote a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Kind:
    """`retry_after`: which wait the answer names in `Retry-After`; empty where nobody knows one, or none would help.

    `more`: the members that such a problem may have beside the standard ones.
    """

    status: int
    title: str
    advice: str
    retry_after: str = ""
    more: tuple[str, ...] = ()


CATALOGUE: Mapping[str, Kind] = {
    "invalid_header": Kind(400, "A header is missing or malformed", "Mend the header and send again."),
    "invalid_json": Kind(400, "The body is not usable JSON", "Mend the body and send again."),
    "invalid_csv": Kind(400, "The body is not a usable CSV file", "Mend the file and send again."),
    "invalid_fields": Kind(400, "The body has fields to mend", "Mend the fields in `errors` and send again."),
    "unauthorized": Kind(401, "No valid key", "Send a key that is valid now."),
    "suppressed": Kind(
        403,
        "The recipient must not be mailed",
        "Do not send again; lift the suppression first.",
        more=("reason", "since", "sourceEventId", "suppressionEId"),
    ),
    "not_found": Kind(404, "No such thing", "Check the path, the id and the tenant."),
    "method_not_allowed": Kind(405, "Not with this method", "Use a method that `Allow` names."),
    "body_cut": Kind(408, "The body did not come whole", "Send again, with the same key."),
    "slug_in_use": Kind(409, "The slug is taken", "Choose another slug."),
    "signal_refused": Kind(
        409,
        "The signal makes no sense now",
        "Send one of `allowedSignals`.",
        more=("reason", "operational", "administrative", "allowedSignals"),
    ),
    "not_provisioned": Kind(409, "Not provisioned yet", "Wait, or have an operator provision it."),
    "not_verified": Kind(
        409,
        "The domain is not verified",
        "Wait, or have an operator re-verify it.",
        retry_after="until the next check of the domain; absent when none will follow",
        more=("retryAfterSeconds",),
    ),
    "failure": Kind(409, "Sending has failed", "Have an operator look at it and re-verify."),
    "locked": Kind(409, "Locked", "Have an operator unlock it."),
    "locking": Kind(409, "Being locked", "Have an operator unlock it when it is drained."),
    "retired": Kind(409, "Removed", "Use another configuration."),
    "complaint_stays": Kind(409, "A spam complaint cannot be lifted", "Do not mail this address again."),
    "not_in_doubt": Kind(
        409, "Nothing to decide", "Read the job: its `status` says what became of it.", more=("jobStatus",)
    ),
    "not_inconsistent": Kind(
        409, "Nothing to resolve", "Read the job: its `status` says what became of it.", more=("jobStatus",)
    ),
    "still_looking": Kind(
        409,
        "The provider is still being asked",
        "Decide from `mayDecideFrom` on, if it is in doubt still.",
        retry_after="until `mayDecideFrom`",
        more=("mayDecideFrom", "retryAfterSeconds"),
    ),
    "conflict": Kind(409, "It changed meanwhile", "Read it again and decide again."),
    "job_inconsistent": Kind(
        412, "The job's events contradict one another", "Have an operator look at the job and resolve it."
    ),
    "precondition_failed": Kind(
        412,
        "Not at this version any more",
        "Read it again, decide again, and send its new `ETag`.",
        more=("version", "operational", "administrative", "allowedSignals"),
    ),
    "body_too_large": Kind(413, "The body is too large", "Send less."),
    "unsupported_media_type": Kind(
        415, "Not of the expected type", "Send `Content-Type: application/json`; for an import, `text/csv`."
    ),
    "key_reused": Kind(422, "The key belongs to another body", "Use a new key for a new message."),
    "internal": Kind(500, "Something broke here", "Send again later, with the same key; report `requestId`."),
    "store_unavailable": Kind(
        503,
        "Not available at present",
        "Send again after `Retry-After`, with the same key.",
        retry_after="a few seconds",
    ),
    "recovering": Kind(
        503,
        "Being recovered",
        "Send again after `Retry-After`, with the same key. Until then nothing says that a job is not there.",
        retry_after="a minute",
    ),
}

# Of every operation that takes a body in JSON.
BODY_PROBLEMS = ("invalid_json", "invalid_fields", "body_cut", "body_too_large", "unsupported_media_type")

# Of the HTTP layer itself, for statuses that routing and parsing raise.
CODE_OF_STATUS: Mapping[int, str] = {
    400: "invalid_header",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


@dataclass(frozen=True, slots=True)
class FieldFault:
    """`field` is the path of a field in the body (`attachments.0.filename`) or a header's name."""

    field: str
    advice: str


class Problem(Exception):
    """`extension`: members of the answer beside the standard ones."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldFault] = (),
        headers: Mapping[str, str] | None = None,
        extension: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extension = dict(extension or {})

    @property
    def kind(self) -> Kind:
        return CATALOGUE[self.code]

    @classmethod
    def that_passes(
        cls, code: str, detail: str, *, after: timedelta, extension: Mapping[str, object] | None = None
    ) -> "Problem":
        """One whose end is known: in the header, and for the items of a batch, which have none, in the body."""
        seconds = max(1, ceil(after.total_seconds()))
        more = {**(extension or {}), "retryAfterSeconds": seconds}
        return cls(code, detail, headers={"Retry-After": str(seconds)}, extension=more)


def as_json(problem: Problem, *, type_base: str, request_id: str) -> dict[str, object]:
    """`type_base` is the url of the page that explains every code."""
    members: dict[str, object] = {
        "type": f"{type_base}#{problem.code}",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        "code": problem.code,
        "requestId": request_id,
        "errors": [{"field": fault.field, "advice": fault.advice} for fault in problem.errors],
    }
    return {**members, **problem.extension, **members}
