"""Configurations and their history."""

from sqlalchemy import (
    BigInteger,
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

from shared.domain.configuration import Step
from shared.domain.lifecycle import Administrative, Operational
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

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
    Column("operational_since", MOMENT, nullable=False, server_default=text("now()")),
    Column("administrative_since", MOMENT, nullable=False, server_default=text("now()")),
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
    # The fingerprint of the key that its webhook shows us; no part of the domain's value and of no record,
    Column("webhook_key", Text),
    # like who is at work on it.
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
Index(
    "ix_email_configuration_server",
    _configuration.server_id,
    postgresql_where=text("server_id IS NOT NULL"),
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
_record = email_configuration_record.c
Index("ix_email_configuration_record_recorded", _record.recorded_at)
Index("ix_email_configuration_record_author", _record.author, _record.recorded_at)

# A row is a run of checks that found the same. NULL: nobody answered; '' in a seen value: there is no such record.
verification_check = Table(
    "verification_check",
    metadata,
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), primary_key=True),
    Column("first_at", MOMENT, primary_key=True),
    Column("last_at", MOMENT, nullable=False),
    Column("times", Integer, nullable=False),
    Column("dkim_verified", Boolean),
    Column("return_path_verified", Boolean),
    Column("dkim_seen", Text),
    Column("return_path_seen", Text),
    Column("provider_fault", Text),
    Column("zone_fault", Text),
)
