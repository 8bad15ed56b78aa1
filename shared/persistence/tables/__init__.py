"""The tables. Their reasons, and the query that each index serves, are in docs/migrations.md.

Columns carry the names of the domain's fields. Text that is compared has collation C: the same order on every server,
and the one that callers see in an answer.
"""

from shared.persistence.tables.base import KEY, MOMENT, metadata
from shared.persistence.tables.callbacks import (
    api_key_use,
    event_gap,
    presence,
    provider_lift,
    webhook_look,
)
from shared.persistence.tables.configurations import (
    email_configuration,
    email_configuration_record,
    verification_check,
)
from shared.persistence.tables.drift import drift_assertion, drift_finding, drift_sighting
from shared.persistence.tables.events import BEARS_ON_SUPPRESSION, EventStatus, email_event
from shared.persistence.tables.jobs import email_job, email_job_content, send_attempt
from shared.persistence.tables.operations import (
    dead_letter,
    handler_fault,
    operator_action,
    replay,
    replay_result,
    traffic,
)
from shared.persistence.tables.provider import neighbour_turn, provider_account, send_pressure
from shared.persistence.tables.recovery import recovery, recovery_look, recovery_message
from shared.persistence.tables.retention import retention
from shared.persistence.tables.suppressions import suppression_entry, suppression_fact

__all__ = [
    "KEY",
    "MOMENT",
    "metadata",
    "email_configuration",
    "email_configuration_record",
    "verification_check",
    "email_job",
    "email_job_content",
    "send_attempt",
    "email_event",
    "EventStatus",
    "BEARS_ON_SUPPRESSION",
    "suppression_entry",
    "suppression_fact",
    "provider_account",
    "send_pressure",
    "neighbour_turn",
    "dead_letter",
    "handler_fault",
    "replay",
    "replay_result",
    "operator_action",
    "traffic",
    "presence",
    "api_key_use",
    "webhook_look",
    "event_gap",
    "provider_lift",
    "drift_assertion",
    "drift_sighting",
    "drift_finding",
    "retention",
    "recovery",
    "recovery_look",
    "recovery_message",
]
