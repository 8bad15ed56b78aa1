"""One function for each thing worth telling: it writes the log event and moves the metric that goes with it.

Names are fixed and listed in `docs/events.md`. No token, key, body or recipient is ever an argument.
"""

from collections.abc import Mapping
from uuid import UUID

import structlog
from prometheus_client import Counter, Gauge, Histogram

from shared.domain.job import JobStatus
from shared.domain.traffic import Counted
from shared.telemetry import traffic

_log = structlog.get_logger("email")

_LIFECYCLE = Counter(
    "email_configuration_lifecycle", "Signals and reports, by what came of them", ("trigger", "verdict")
)
_STEP = Counter(
    "email_configuration_provisioning_step", "Provisioning steps, by outcome", ("step", "outcome")
)
_CHECK = Counter("email_configuration_verification_check", "Checks of a domain", ("outcome",))
_ACCEPTED = Counter("email_send_accepted", "Jobs accepted")
_REFUSED = Counter("email_send_refused", "Jobs refused at the door", ("reason",))
_OUTCOME = Counter("email_send_outcome", "Messages by what the provider made of them", ("outcome", "code"))
_CALL_SECONDS = Histogram("email_send_call_seconds", "Duration of one provider call")
_PAUSED = Counter("email_send_account_paused", "Pauses of the whole account's sending", ("code",))
_THROTTLED = Counter("email_send_throttled", "Calls that the provider found too fast")
_FENCED = Counter("email_send_fenced", "Results that came after their claim was lost")
_DOUBT = Counter("email_send_doubt", "Jobs in doubt, by how they were resolved", ("resolution",))
_RING = Counter("email_send_ring", "Rings of the doorbell", ("queue", "outcome"))
_SWEEP = Counter("email_send_sweep", "Configurations found by a sweep", ("sweep",))
_RECEIVED = Counter("email_webhook_received", "Events taken in", ("kind", "outcome"))
_REJECTED = Counter("email_webhook_rejected", "Callbacks turned away", ("reason",))
_PROJECTED = Counter("email_webhook_projected", "Events folded into rows", ("outcome",))
_REFRESH = Counter("email_material_registry_refresh", "Refreshes of the key registry", ("outcome",))
_FAULT = Counter("email_worker_fault", "Messages whose handler raised", ("queue", "error"))
# Up to the longest wait for a provider, and to one for a sweep after an outage.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_QUEUE_WAIT = Histogram(
    "email_queue_wait_seconds", "From a ring to its handler's begin", ("queue",), buckets=_SECONDS
)
_HANDLED = Histogram(
    "email_queue_handled_seconds", "Duration of a message's handler", ("actor",), buckets=_SECONDS
)
_ROLE = Gauge(
    "email_role_info", "What runs here; always 1", ("role", "release"), multiprocess_mode="mostrecent"
)
# As `record_projected` is told that jobs moved to them.
_STATUSES = frozenset(status.lower() for status in JobStatus)


def record_signal(
    configuration_id: UUID, *, trigger: str, verdict: str, reason: str, state: Mapping[str, str]
) -> None:
    _LIFECYCLE.labels(trigger, verdict).inc()
    _log.info(
        "email.configuration.lifecycle.decided",
        configuration=str(configuration_id),
        trigger=trigger,
        verdict=verdict,
        reason=reason,
        **state,
    )


def record_provisioning_step(
    configuration_id: UUID, *, step: str, outcome: str, code: str | None = None
) -> None:
    _STEP.labels(step, outcome).inc()
    _log.info(
        "email.configuration.lifecycle.step",
        configuration=str(configuration_id),
        step=step,
        outcome=outcome,
        code=code,
    )


def record_verification_check(configuration_id: UUID, *, dkim: bool, return_path: bool) -> None:
    outcome = "verified" if dkim and return_path else "waiting"
    _CHECK.labels(outcome).inc()
    _log.info(
        "email.configuration.lifecycle.checked",
        configuration=str(configuration_id),
        outcome=outcome,
        dkim=dkim,
        return_path=return_path,
    )


def record_dns_changed(configuration_id: UUID) -> None:
    """The provider wants other records than those we wrote: a key was rotated or revoked."""
    _log.warning("email.configuration.lifecycle.dns_changed", configuration=str(configuration_id))


def record_verification_unavailable(configuration_id: UUID, *, code: str) -> None:
    _CHECK.labels("unavailable").inc()
    _log.warning(
        "email.configuration.lifecycle.check_unavailable", configuration=str(configuration_id), code=code
    )


def record_jobs_accepted(configuration_id: UUID, count: int) -> None:
    _ACCEPTED.inc(count)
    traffic.count(Counted.ACCEPTED, n=count)
    _log.info("email.send.accepted", configuration=str(configuration_id), count=count)


def record_job_refused(reason: str) -> None:
    _REFUSED.labels(reason).inc()
    traffic.count(Counted.REFUSED, reason)
    _log.info("email.send.refused", reason=reason)


def record_outcomes(configuration_id: UUID, claim_id: UUID, counts: Mapping[tuple[str, str], int]) -> None:
    """`counts`: (outcome, provider's code) to the number of messages of this claim."""
    for (outcome, code), count in counts.items():
        _OUTCOME.labels(outcome, code).inc(count)
        traffic.count(Counted.OUTCOME, outcome, count)
        _log.info(
            "email.send.outcome",
            configuration=str(configuration_id),
            claim=str(claim_id),
            outcome=outcome,
            code=code,
            count=count,
        )


def record_call_seconds(seconds: float) -> None:
    _CALL_SECONDS.observe(seconds)


def record_fenced(claim_id: UUID, count: int) -> None:
    _FENCED.inc(count)
    _log.warning("email.send.fenced", claim=str(claim_id), count=count)


def record_account_paused(*, code: str, seconds: float) -> None:
    _PAUSED.labels(code).inc()
    _log.error("email.send.account_paused", code=code, seconds=seconds)


def record_account_resumed() -> None:
    _log.info("email.send.account_resumed")


def record_throttled(configuration_id: UUID, *, seconds: float) -> None:
    _THROTTLED.inc()
    _log.warning("email.send.throttled", configuration=str(configuration_id), seconds=seconds)


def record_doubts(resolution: str, count: int) -> None:
    if count:
        _DOUBT.labels(resolution).inc(count)
        _log.warning("email.send.doubt", resolution=resolution, count=count)


def record_ring(queue: str, *, outcome: str, count: int = 1) -> None:
    _RING.labels(queue, outcome).inc(count)
    if outcome not in ("rung", "coalesced"):
        _log.warning("email.send.ring_failed", queue=queue, outcome=outcome, count=count)


def record_sweep(sweep: str, count: int) -> None:
    if count:
        _SWEEP.labels(sweep).inc(count)
        _log.info("email.send.sweep", sweep=sweep, count=count)


def record_webhook_received(*, kind: str, duplicate: bool) -> None:
    outcome = "duplicate" if duplicate else "stored"
    _RECEIVED.labels(kind, outcome).inc()
    traffic.count(Counted.RECEIVED, kind)
    _log.info("email.webhook.received", kind=kind, outcome=outcome)


def record_webhook_rejected(reason: str) -> None:
    _REJECTED.labels(reason).inc()
    traffic.count(Counted.REJECTED, reason)
    _log.warning("email.webhook.rejected", reason=reason)


def record_projected(configuration_id: UUID, counts: Mapping[str, int]) -> None:
    for outcome, count in counts.items():
        _PROJECTED.labels(outcome).inc(count)
        if outcome in _STATUSES:
            traffic.count(Counted.STATUS, outcome.upper(), count)
    if counts:
        _log.info("email.webhook.projected", configuration=str(configuration_id), **counts)


def record_registry_added(versions: int) -> None:
    _REFRESH.labels("added").inc(versions)
    _log.info("email.material_registry.refresh.added", versions=versions)


def record_registry_unreadable(reason: str) -> None:
    """What was read before stays in use."""
    _REFRESH.labels("parse_failed").inc()
    _log.error("email.material_registry.refresh.parse_failed", reason=reason)


def record_worker_fault(queue: str, error: BaseException) -> None:
    _FAULT.labels(queue, type(error).__name__).inc()
    _log.error("email.worker.fault", queue=queue, error=type(error).__name__, exc_info=error)


def record_worker_stalled(reason: str) -> None:
    _log.error("email.worker.stalled", reason=reason)


def record_search_failed(claim_id: UUID, *, code: str) -> None:
    _DOUBT.labels("search_failed").inc()
    _log.warning("email.send.search_failed", claim=str(claim_id), code=code)


def record_leadership(*, leads: bool) -> None:
    _log.info("email.scheduler.leadership", leads=leads)


def record_scheduler_fault(job: str, error: BaseException) -> None:
    _FAULT.labels("scheduler", type(error).__name__).inc()
    _log.error("email.scheduler.fault", job=job, error=type(error).__name__, exc_info=error)


def record_role(role: str, release: str | None) -> None:
    """Once a process."""
    _ROLE.labels(role, release or "").set(1)


def record_queue_wait(queue: str, seconds: float) -> None:
    _QUEUE_WAIT.labels(queue).observe(seconds)


def record_handled(actor: str, seconds: float) -> None:
    """Also of a handler that raised."""
    _HANDLED.labels(actor).observe(seconds)


def record_metrics_served(address: str) -> None:
    _log.info("email.metrics.served", address=address)


def record_metrics_not_served(address: str, *, reason: str) -> None:
    _log.error("email.metrics.not_served", address=address, reason=reason)


def record_fault_point(name: str) -> None:
    _log.warning("email.fault_point.hit", point=name)
