"""The tables. Their reasons, and the query that each index serves, are in docs/migrations.md.

Columns carry the names of the domain's fields. Text that is compared has collation C: the same order on every server,
and the one that callers see in an answer.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.domain.configuration import Step
from shared.domain.event import EventKind
from shared.domain.job import JobStatus
from shared.domain.lifecycle import Administrative, Operational
from shared.domain.suppression import SuppressionReason

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

KEY = Text(collation="C")
MOMENT = DateTime(timezone=True)


class EventStatus(StrEnum):
    PENDING = "pending"
    PROJECTED = "projected"
    PARKED = "parked"


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


email_configuration = Table(
    "email_configuration",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("slug", KEY, nullable=False),
    Column("from_local_part", Text, nullable=False),
    Column("from_name", Text, nullable=False),
    Column("reply_to_email", Text),
    Column("operational", Text, nullable=False),
    Column("administrative", Text, nullable=False),
    Column("retired_at", MOMENT),
    Column("cleaned_up_at", MOMENT),
    Column("recovering", Boolean, nullable=False),
    Column("server_id", BigInteger),
    Column("server_token", Text),
    Column("signature_id", BigInteger),
    Column("domain_id", BigInteger),
    Column("webhook_id", BigInteger),
    Column("records_written", Boolean, nullable=False),
    Column("intent", Text),
    Column("undoing", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("dkim_host", Text),
    Column("dkim_value", Text),
    Column("return_path_host", Text),
    Column("return_path_target", Text),
    Column("routing_token_hash", LargeBinary),
    Column("failure_step", Text),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("verification_started_at", MOMENT),
    Column("verification_due_at", MOMENT),
    Column("send_faults_in_a_row", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    # Who is at work on it; no part of the domain's value and of no record.
    Column("lease_token", Uuid),
    Column("lease_until", MOMENT),
    one_of("operational", Operational),
    one_of("administrative", Administrative),
    one_of("intent", Step),
    one_of("failure_step", Step),
    CheckConstraint("cleaned_up_at IS NULL OR retired_at IS NOT NULL", name="cleaned_up_is_retired"),
    CheckConstraint("num_nulls(failure_step, failure_code, failure_message) IN (0, 3)", name="failure_whole"),
    CheckConstraint(
        "num_nulls(dkim_host, dkim_value, return_path_host, return_path_target) IN (0, 4)", name="dns_whole"
    ),
    CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_whole"),
    # Lease renewals and fault counters touch no indexed column: with room in the page they stay in it (HOT).
    postgresql_with={"fillfactor": "80"},
)
_configuration = email_configuration.c
Index(
    "uq_email_configuration_slug_in_use",
    _configuration.slug,
    unique=True,
    postgresql_where=text("cleaned_up_at IS NULL"),
)
Index(
    "uq_email_configuration_sendable_of_tenant",
    _configuration.tenant_id,
    unique=True,
    postgresql_where=text("retired_at IS NULL AND administrative IN ('UNLOCKED', 'LOCKING')"),
)
Index(
    "uq_email_configuration_routing_token_hash",
    _configuration.routing_token_hash,
    unique=True,
    postgresql_where=text("routing_token_hash IS NOT NULL"),
)
Index(
    "ix_email_configuration_tenant", _configuration.tenant_id, _configuration.created_at, _configuration.e_id
)
Index(
    "ix_email_configuration_verification_due",
    _configuration.verification_due_at,
    postgresql_where=text("retired_at IS NULL AND operational = 'AWAITING_VERIFICATION'"),
)
Index(
    "ix_email_configuration_provisioning",
    _configuration.updated_at,
    postgresql_where=text("retired_at IS NULL AND operational = 'PROVISIONING'"),
)
Index(
    "ix_email_configuration_removal",
    _configuration.retired_at,
    postgresql_where=text("retired_at IS NOT NULL AND cleaned_up_at IS NULL"),
)
Index(
    "ix_email_configuration_locking",
    _configuration.updated_at,
    postgresql_where=text("retired_at IS NULL AND administrative = 'LOCKING'"),
)

email_configuration_record = Table(
    "email_configuration_record",
    metadata,
    Column("r_id", Uuid, primary_key=True),
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), nullable=False),
    # The configuration's version that this record is of: the order of recording.
    Column("version", Integer, nullable=False),
    Column("snapshot", JSONB, nullable=False),
    Column("effective_at", MOMENT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    Column("author", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("reason", Text),
    Column("previous", Uuid),
    UniqueConstraint("configuration_id", "version"),
    CheckConstraint("NOT snapshot ?| array['server_token', 'routing_token_hash']", name="no_secret"),
)

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
Index("ix_email_job_tenant_accepted", _job.tenant_id, _job.accepted_at, _job.e_id)
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
BEARS_ON_SUPPRESSION = "hard_bounce OR kind IN ('SpamComplaint', 'SubscriptionChange')"
Index(
    "ix_email_event_suppression",
    _event.tenant_id,
    _event.recipient,
    postgresql_where=text(BEARS_ON_SUPPRESSION),
)

suppression_entry = Table(
    "suppression_entry",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("address", KEY, nullable=False),
    Column("reason", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("since", MOMENT, nullable=False),
    Column("lifted_at", MOMENT),
    Column("source_event_id", Uuid),
    Column("author", Text, nullable=False),
    Column("note", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    one_of("reason", SuppressionReason),
    CheckConstraint("active = (lifted_at IS NULL)", name="lifted_when"),
)
_entry = suppression_entry.c
Index(
    "uq_suppression_entry_active",
    _entry.tenant_id,
    _entry.address,
    unique=True,
    postgresql_where=text("active"),
)
Index("ix_suppression_entry_address", _entry.tenant_id, _entry.address, _entry.created_at)
Index("ix_suppression_entry_since", _entry.tenant_id, _entry.since, _entry.e_id)

# What operators, and the provider when it refuses a recipient, did to an address. Entries are overwritten by what
# events say; a rebuild needs these facts whole.
suppression_fact = Table(
    "suppression_fact",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("address", KEY, nullable=False),
    Column("occurred_at", MOMENT, nullable=False),
    Column("reason", Text),
    Column("author", Text, nullable=False),
    Column("note", Text),
    Column("recorded_at", MOMENT, nullable=False),
    one_of("reason", SuppressionReason),
)
Index(
    "ix_suppression_fact_address",
    suppression_fact.c.tenant_id,
    suppression_fact.c.address,
    suppression_fact.c.occurred_at,
)

provider_account = Table(
    "provider_account",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("paused_until", MOMENT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
