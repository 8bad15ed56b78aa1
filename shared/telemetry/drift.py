"""What is worth telling of drift: each finding once, and each round; as in `metrics`."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog
from prometheus_client import Counter, Gauge

from shared.domain.drift import Assertion, Drift, Finding, FindingState
from shared.telemetry.errors import report_finding
from shared.telemetry.exposition import OF_THE_LEADER

_log = structlog.get_logger("email")

_ROUND = Counter(
    "email_drift_round", "Rounds of drift checks, by what they could say", ("assertion", "verdict")
)
_FOUND = Counter("email_drift_found", "Findings that were told of", ("tag",))
_FINDINGS = Gauge(
    "email_drift_findings",
    "Findings that are not resolved",
    ("tag", "state"),
    registry=OF_THE_LEADER,
)
_FINISHED = Gauge(
    "email_drift_last_finished_seconds",
    "When each assertion last came to an end, as Unix time; 0 when it never did",
    ("assertion",),
    registry=OF_THE_LEADER,
)
_SECONDS = Gauge(
    "email_drift_round_seconds",
    "How long the last whole round took",
    ("assertion",),
    registry=OF_THE_LEADER,
)
_INTERVAL = Gauge(
    "email_drift_interval_seconds",
    "How often each assertion is checked; 0 when it is switched off",
    ("assertion",),
    registry=OF_THE_LEADER,
)


def record_drift_found(finding: Finding) -> None:
    """Its name is its tag."""
    discrepancy = finding.discrepancy
    tag, context = discrepancy.tag.value, discrepancy.context()
    _FOUND.labels(tag).inc()
    _log.warning(tag, finding=str(finding.e_id), **context)
    report_finding(tag, {"finding": str(finding.e_id), **context}, fingerprint=(tag, discrepancy.subject))


def record_drift_round(
    assertion: Assertion, *, verdict: str, found: int, resolved: int, fault: str | None
) -> None:
    _ROUND.labels(assertion.value, verdict).inc()
    _log.info(
        "email.drift.round",
        assertion=assertion.value,
        verdict=verdict,
        found=found,
        resolved=resolved,
        fault=fault,
    )


def record_findings_by_state(counts: Mapping[tuple[Drift, FindingState], int]) -> None:
    # Every pair, zeros too: what was resolved must not keep its last count.
    for tag in Drift:
        for state in (FindingState.YOUNG, FindingState.OPEN, FindingState.SNOOZED):
            _FINDINGS.labels(tag.value, state.value).set(counts.get((tag, state), 0))


def record_drift_freshness(rounds: Iterable[tuple[Assertion, datetime | None, float | None]]) -> None:
    for assertion, finished_at, seconds in rounds:
        _FINISHED.labels(assertion.value).set(0.0 if finished_at is None else finished_at.timestamp())
        _SECONDS.labels(assertion.value).set(seconds or 0.0)


def record_drift_intervals(every_seconds: Mapping[Assertion, float]) -> None:
    """`every_seconds`: of those that are switched on."""
    for assertion in Assertion:
        _INTERVAL.labels(assertion.value).set(every_seconds.get(assertion, 0.0))
