"""Jobs, what is in them, and every attempt to send them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.domain.job import JobStatus
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

email_job = Table(
    "email_job",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), nullable=False),
    Column("recipient", KEY, nullable=False),
    Column("idempotency_key", KEY, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("tag", KEY),
    Column("author", Text, nullable=False),
    Column("accepted_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("due_at", MOMENT),
    Column("attempts", Integer, nullable=False),
    Column("claim_id", Uuid),
    Column("lease_until", MOMENT),
    Column("in_doubt_since", MOMENT),
    Column("late_looks", Integer, nullable=False),
    Column("provider_message_id", KEY),
    Column("error_code", KEY),
    Column("error_text", Text),
    Column("version", Integer, nullable=False),
    Column("worker_deaths", Integer, nullable=False, server_default=text("0")),
    Column("replayed_at", MOMENT),
    # Of the request that brought it, as `telemetry.tracing` writes it; NULL for jobs from before there were any.
    Column("trace", Text),
    UniqueConstraint("tenant_id", "idempotency_key"),
    one_of("status", JobStatus),
    # What keeps an accepted job from being forgotten: whatever waits says when it is to be looked at.
    CheckConstraint("status NOT IN ('QUEUED', 'IN_DOUBT') OR due_at IS NOT NULL", name="waiting_is_due"),
    CheckConstraint("status <> 'SENDING' OR num_nulls(claim_id, lease_until) = 0", name="sending_is_leased"),
    CheckConstraint(
        "status <> 'IN_DOUBT' OR num_nulls(claim_id, in_doubt_since) = 0", name="doubt_is_searchable"
    ),
    # Each life is three or four updates, none of them HOT (the status is in the predicates below): vacuum early, so
    # that a claim does not walk over dead entries at the head of the queue.
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
        "autovacuum_vacuum_insert_scale_factor": "0.05",
    },
)
_job = email_job.c
Index(
    "ix_email_job_queued",
    _job.configuration_id,
    _job.due_at,
    _job.e_id,
    postgresql_where=text("status = 'QUEUED'"),
)
Index("ix_email_job_lease", _job.lease_until, postgresql_where=text("status = 'SENDING'"))
Index(
    "ix_email_job_in_doubt", _job.configuration_id, _job.due_at, postgresql_where=text("status = 'IN_DOUBT'")
)
Index(
    "ix_email_job_provider_message_id",
    _job.provider_message_id,
    postgresql_where=text("provider_message_id IS NOT NULL"),
)
Index("ix_email_job_inconsistent", _job.e_id, postgresql_where=text("status = 'INCONSISTENT'"))
# How mail ends that has not come: a few of a hundred jobs, written once each.
Index(
    "ix_email_job_ended_badly",
    _job.tenant_id,
    _job.status,
    _job.accepted_at,
    _job.e_id,
    postgresql_where=text("status IN ('BOUNCED', 'COMPLAINED', 'FAILED', 'CANCELLED', 'SUPPRESSED')"),
)
# With what tells the jobs of one status or one configuration, without a look at the rows of the others.
Index(
    "ix_email_job_tenant_accepted",
    _job.tenant_id,
    _job.accepted_at,
    _job.e_id,
    postgresql_include=["status", "configuration_id"],
)
Index("ix_email_job_tenant_recipient", _job.tenant_id, _job.recipient)

email_job_content = Table(
    "email_job_content",
    metadata,
    Column("job_id", Uuid, ForeignKey("email_job.e_id", ondelete="CASCADE"), primary_key=True),
    Column("subject", Text, nullable=False),
    Column("html_body", Text),
    Column("text_body", Text),
    Column("reply_to_email", Text),
    Column("metadata", JSONB, nullable=False),
    Column("attachments", JSONB, nullable=False),
)

send_attempt = Table(
    "send_attempt",
    metadata,
    Column("job_id", Uuid, ForeignKey("email_job.e_id", ondelete="CASCADE"), primary_key=True),
    Column("claim_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("claimed_at", MOMENT, nullable=False),
    Column("finished_at", MOMENT),
    Column("outcome", Text),
    Column("code", Text),
    Column("text", Text),
    Column("provider_message_id", Text),
    Column("fenced", Boolean, nullable=False),
    one_of("outcome", JobStatus),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_with_outcome"),
    # Its one update, soon after it was written, makes the row nearly twice as long and touches no index: with half of
    # the page left free it stays in the page (HOT), which is full then all the same.
    postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.05"},
)
