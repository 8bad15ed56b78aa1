"""What the scheduler's leader reads from the rows and tells: how many there are now, and for how long they have waited.

Of rows there is one truth, so of these there is one that tells: see `exposition.OF_THE_LEADER`.
"""

from collections.abc import Mapping
from itertools import product

from prometheus_client import Gauge

from shared.domain.dead_letter import Subject
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.webhook import WebhookState
from shared.telemetry.exposition import OF_THE_LEADER

_CONFIGURATIONS = Gauge(
    "email_configuration_lifecycle_state",
    "Configurations in each state",
    ("operational", "administrative"),
    registry=OF_THE_LEADER,
)
_OLDEST_WAIT = Gauge(
    "email_oldest_wait_seconds",
    "For how long the one that waits longest has waited, by state",
    ("state",),
    registry=OF_THE_LEADER,
)
_RECOVERY = Gauge(
    "email_recovery_open",
    "Whether the database is being recovered after a restore: then nothing is sent and nothing accepted",
    registry=OF_THE_LEADER,
)
_HOOK_STATES = Gauge(
    "email_webhook_state",
    "Webhooks in each state, as of their last look",
    ("state",),
    registry=OF_THE_LEADER,
)
_GAPS = Gauge(
    "email_webhook_gap_open",
    "Times whose events may be missing and are not asked for yet",
    registry=OF_THE_LEADER,
)
_IN_DOUBT = Gauge(
    "email_send_in_doubt", "Jobs of which nobody knows whether they were sent", registry=OF_THE_LEADER
)
_INCONSISTENT = Gauge(
    "email_send_inconsistent", "Jobs whose events contradict one another", registry=OF_THE_LEADER
)
_LETTERS = Gauge(
    "email_dead_letter_open", "Dead letters that wait for an operator", ("subject",), registry=OF_THE_LEADER
)
_BEHIND = Gauge(
    "email_material_registry_tokens_behind",
    "Server tokens that an older key version sealed",
    registry=OF_THE_LEADER,
)


def record_configurations_by_state(counts: Mapping[tuple[str, str], int]) -> None:
    # Every pair, zeros too: a state that emptied must not keep its last count.
    for operational, administrative in product(Operational, Administrative):
        count = counts.get((operational, administrative), 0)
        _CONFIGURATIONS.labels(operational.value, administrative.value).set(count)


def record_oldest_waits(seconds: Mapping[str, float]) -> None:
    """By every state in which something may wait; 0 where nothing does."""
    for state, waited in seconds.items():
        _OLDEST_WAIT.labels(state).set(waited)


def record_recovering(recovering: bool) -> None:
    _RECOVERY.set(recovering)


def record_standing(
    *, jobs_in_doubt: int, jobs_inconsistent: int, gaps_open: int, dead_letters: Mapping[Subject, int]
) -> None:
    _IN_DOUBT.set(jobs_in_doubt)
    _INCONSISTENT.set(jobs_inconsistent)
    _GAPS.set(gaps_open)
    for subject in Subject:
        _LETTERS.labels(subject.value).set(dead_letters.get(subject, 0))


def record_webhooks_by_state(counts: Mapping[str, int]) -> None:
    for state in WebhookState:
        _HOOK_STATES.labels(state.value).set(counts.get(state.value, 0))


def record_tokens_behind(count: int) -> None:
    _BEHIND.set(count)
