"""Webhook events."""

from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.domain.event import EventKind
from shared.domain.suppression import SuppressionReason
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of


class EventStatus(StrEnum):
    PENDING = "pending"
    PROJECTED = "projected"
    PARKED = "parked"


email_event = Table(
    "email_event",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_key", LargeBinary, nullable=False),
    Column("occurred_at", MOMENT),
    Column("message_id", KEY),
    # The job id that the message's metadata echoes; whether there is such a job is found out later.
    Column("job_ref", Uuid),
    Column("recipient", KEY),
    Column("hard_bounce", Boolean, nullable=False),
    Column("suppresses", Boolean),
    Column("suppression_reason", Text),
    Column("headers", JSONB, nullable=False),
    Column("raw", Text, nullable=False),
    Column("received_at", MOMENT, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", MOMENT),
    Column("job_id", Uuid),
    Column("projected_at", MOMENT),
    UniqueConstraint("configuration_id", "content_key"),
    one_of("kind", EventKind),
    one_of("suppression_reason", SuppressionReason),
    one_of("status", EventStatus),
    CheckConstraint("(status = 'pending') = (due_at IS NOT NULL)", name="pending_is_due"),
    CheckConstraint("(status = 'projected') = (projected_at IS NOT NULL)", name="projected_when"),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
    },
)
_event = email_event.c
Index(
    "ix_email_event_arrival",
    _event.configuration_id,
    _event.received_at,
    _event.e_id,
    postgresql_where=text("status = 'pending'"),
)
Index(
    "ix_email_event_due", _event.configuration_id, _event.due_at, postgresql_where=text("status = 'pending'")
)
Index("ix_email_event_job", _event.job_id, postgresql_where=text("job_id IS NOT NULL"))
Index("ix_email_event_configuration", _event.configuration_id, _event.e_id)
BEARS_ON_SUPPRESSION = "hard_bounce OR kind IN ('SpamComplaint', 'SubscriptionChange')"
Index(
    "ix_email_event_suppression",
    _event.tenant_id,
    _event.recipient,
    postgresql_where=text(BEARS_ON_SUPPRESSION),
)
