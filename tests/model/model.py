"""What is promised of configurations and of mail, in words of its own: nothing of the product is imported here.

The model predicts the answer to everything that is asked at the door. What workers do later it cannot predict, because
the provider may do anything meanwhile: there it judges each change by what is known to have happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

SIGNALS = ("provision", "re-provision", "re-verify", "lock", "force-lock", "unlock", "remove")
OPERATIONAL = (
    "PENDING",
    "PROVISIONING",
    "AWAITING_VERIFICATION",
    "OK",
    "DEGRADED",
    "MISSING",
    "UNVERIFIED",
    "FAILURE",
)
ADMINISTRATIVE = ("LOCKED", "UNLOCKED", "LOCKING")
WORKING = ("OK", "DEGRADED")
IN_FLIGHT = ("QUEUED", "SENDING", "IN_DOUBT")
SOFT_THRESHOLD = 5
WINDOW = timedelta(hours=24)
DELIVERED = ("DELIVERED", "BOUNCED", "COMPLAINED")

# From a status to those it may become. QUEUED never becomes SENT: a message of it would be at the provider already.
EDGES: Mapping[str | None, tuple[str, ...]] = {
    None: ("QUEUED",),
    "QUEUED": ("SENDING", "CANCELLED", "SUPPRESSED"),
    "SENDING": ("SENT", "QUEUED", "IN_DOUBT", "FAILED", "SUPPRESSED", "CANCELLED", *DELIVERED),
    "IN_DOUBT": ("SENT", "QUEUED", "FAILED", "CANCELLED", *DELIVERED),
    "SENT": DELIVERED,
    "DELIVERED": ("BOUNCED", "COMPLAINED"),
    "BOUNCED": ("COMPLAINED", "INCONSISTENT"),
    "COMPLAINED": ("INCONSISTENT",),
    # Of a server that was taken down before it could be asked; its last events may still arrive.
    "FAILED": ("INCONSISTENT",),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """One configuration."""

    tenant: UUID
    slug: str
    operational: str = "PENDING"
    administrative: str = "LOCKED"
    # Came through FAILURE and has not been verified since.
    recovering: bool = False
    retired: bool = False
    cleaned_up: bool = False
    window_began_at: datetime | None = None

    @property
    def may_claim(self) -> bool:
        return not self.retired and self.operational in WORKING and self.administrative != "LOCKED"

    @property
    def takes_part(self) -> bool:
        """Of all configurations of a tenant, one at most."""
        return not self.retired and self.administrative != "LOCKED"


@dataclass(frozen=True, slots=True)
class Expected:
    """`reason` of a refusal; `changes`: a record is appended; `cancels`: every job that waits is cancelled with it."""

    status: int
    after: Standing
    reason: str | None = None
    changes: bool = False
    cancels: bool = False
    opens_window: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What has happened, seen from outside, when a worker or the scheduler changes a configuration."""

    now: datetime
    all_made: bool
    nothing_left: bool
    failure_kept: bool
    trouble: bool
    verified: bool
    faulty_calls: int
    accepted_calls: int


@dataclass
class Job:
    tenant: UUID
    configuration: UUID
    recipient: str
    status: str = "QUEUED"


@dataclass
class Model:
    standings: dict[UUID, Standing] = field(default_factory=dict)
    jobs: dict[UUID, Job] = field(default_factory=dict)
    # (tenant, key) to the job and what was asked for with it.
    keys: dict[tuple[UUID, str], tuple[UUID, object]] = field(default_factory=dict)
    suppressed: set[tuple[UUID, str]] = field(default_factory=set)

    def slug_is_free(self, slug: str) -> bool:
        return all(one.slug != slug or one.cleaned_up for one in self.standings.values())

    def in_flight(self, e_id: UUID) -> int:
        return sum(job.configuration == e_id and job.status in IN_FLIGHT for job in self.jobs.values())

    def another_takes_part(self, e_id: UUID) -> bool:
        tenant = self.standings[e_id].tenant
        return any(
            one.takes_part for key, one in self.standings.items() if key != e_id and one.tenant == tenant
        )

    def signal(self, e_id: UUID, name: str, now: datetime) -> Expected:
        before = self.standings[e_id]
        if before.retired:
            return Expected(200, before) if name == "remove" else Expected(409, before, reason="retired")
        match name:
            case "provision" | "re-provision":
                return _provisioning(before, name)
            case "re-verify":
                return _verifying(before, now)
            case "unlock":
                return self._unlocking(e_id, before)
            case "remove":
                return _removing(before)
        return _locking(before, force=name == "force-lock", busy=self.in_flight(e_id) > 0)

    def _unlocking(self, e_id: UUID, before: Standing) -> Expected:
        if before.administrative == "UNLOCKED":
            return Expected(200, before)
        if before.administrative == "LOCKING":
            return Expected(409, before, reason="draining")
        if before.operational not in WORKING:
            return Expected(409, before, reason=why_not_sending(before))
        if self.another_takes_part(e_id):
            return Expected(409, before, reason="tenant_has_another_sendable")
        return Expected(200, replace(before, administrative="UNLOCKED"), changes=True)

    def submission(
        self, tenant: UUID, e_id: UUID, key: str, body: object, recipient: str
    ) -> tuple[int, str | None]:
        """Status and code of the answer."""
        if (tenant, key) in self.keys:
            job_id, sent = self.keys[tenant, key]
            if sent != body:
                return 422, "key_reused"
            return (412, "job_inconsistent") if self.jobs[job_id].status == "INCONSISTENT" else (200, None)
        standing = self.standings[e_id]
        if standing.tenant != tenant:
            return 404, "not_found"
        word = why_not_sending(standing)
        if word is not None:
            return 409, word
        return (403, "suppressed") if (tenant, recipient) in self.suppressed else (202, None)


def _provisioning(before: Standing, name: str) -> Expected:
    begins = "PENDING" if name == "provision" else "MISSING"
    if before.operational == begins:
        after = replace(before, operational="PROVISIONING", recovering=False)
        return Expected(202, after, changes=True)
    if before.operational == "PROVISIONING":
        return Expected(200, before)
    if name == "provision":
        missing = before.operational == "MISSING"
        return Expected(409, before, reason="missing") if missing else Expected(200, before)
    return Expected(
        409, before, reason="never_provisioned" if before.operational == "PENDING" else "not_missing"
    )


def _verifying(before: Standing, now: datetime) -> Expected:
    if before.operational in WORKING:
        return Expected(200, before)
    if before.operational in {"PENDING", "PROVISIONING", "MISSING"}:
        return Expected(409, before, reason="not_provisioned")
    after = replace(before, operational="AWAITING_VERIFICATION", window_began_at=now)
    return Expected(202, after, changes=True, opens_window=True)


def _locking(before: Standing, *, force: bool, busy: bool) -> Expected:
    if before.administrative == "LOCKED":
        return Expected(200, before)
    if force:
        return Expected(200, replace(before, administrative="LOCKED"), changes=True, cancels=True)
    if before.administrative == "LOCKING":
        return Expected(200, before)
    if busy:
        return Expected(202, replace(before, administrative="LOCKING"), changes=True)
    return Expected(200, replace(before, administrative="LOCKED"), changes=True)


def _removing(before: Standing) -> Expected:
    if before.administrative != "LOCKED":
        return Expected(409, before, reason="not_locked")
    if before.operational == "PROVISIONING":
        return Expected(409, before, reason="provisioning")
    return Expected(202, replace(before, retired=True), changes=True)


def why_not_sending(standing: Standing) -> str | None:
    """None when it sends."""
    if standing.retired:
        return "retired"
    match standing.operational:
        case "PENDING" | "PROVISIONING" | "MISSING":
            return "not_provisioned"
        case "AWAITING_VERIFICATION" | "UNVERIFIED":
            return "not_verified"
        case "FAILURE":
            return "failure"
    return {"UNLOCKED": None, "LOCKING": "locking", "LOCKED": "locked"}[standing.administrative]


def judge(before: Standing, after: Standing, seen: Evidence, *, in_flight: int) -> tuple[str, bool]:
    """What a change that nobody asked for at the door is called, and whether what was seen allows it."""
    began_at = before.window_began_at
    overdue = began_at is not None and seen.now >= began_at + WINDOW
    failed = seen.failure_kept and seen.trouble
    reports: Mapping[tuple[str, str], tuple[str, bool]] = {
        ("PROVISIONING", "AWAITING_VERIFICATION"): ("provisioned", seen.all_made),
        ("PROVISIONING", "MISSING"): ("provisioning-failed", failed),
        ("AWAITING_VERIFICATION", "OK"): ("verified", seen.verified and not before.recovering),
        ("AWAITING_VERIFICATION", "DEGRADED"): ("verified", seen.verified and before.recovering),
        ("AWAITING_VERIFICATION", "UNVERIFIED"): ("window-exceeded", overdue),
        ("OK", "FAILURE"): ("send-faults-reached", seen.faulty_calls >= SOFT_THRESHOLD),
        ("DEGRADED", "FAILURE"): ("send-faults-reached", seen.faulty_calls >= SOFT_THRESHOLD),
        ("DEGRADED", "OK"): ("send-accepted", seen.accepted_calls > 0),
        ("LOCKING", "LOCKED"): ("drained", in_flight == 0),
    }
    if after.cleaned_up and not before.cleaned_up:
        return "cleaned-up", before.retired and seen.nothing_left
    for move in ((before.operational, after.operational), (before.administrative, after.administrative)):
        if move in reports:
            name, allowed = reports[move]
            return name, allowed and not before.retired
    return "nothing", before == after


def after_report(before: Standing, name: str, now: datetime) -> Standing:
    """What a report, once judged, makes of a configuration: the parts that no row shows by themselves."""
    if name == "provisioned":
        return replace(before, operational="AWAITING_VERIFICATION", window_began_at=now)
    if name == "verified":
        state = "DEGRADED" if before.recovering else "OK"
        return replace(before, operational=state, recovering=False)
    moves: Mapping[str, Mapping[str, object]] = {
        "provisioning-failed": {"operational": "MISSING"},
        "window-exceeded": {"operational": "UNVERIFIED"},
        "send-faults-reached": {"operational": "FAILURE", "recovering": True},
        "send-accepted": {"operational": "OK"},
        "drained": {"administrative": "LOCKED"},
        "cleaned-up": {"cleaned_up": True},
    }
    return replace(before, **moves.get(name, {}))  # type: ignore[arg-type]
