"""What the drift checks know."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from shared.domain.drift import Assertion, Drift, Problem, Verdict
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

drift_assertion = Table(
    "drift_assertion",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("assertion", Text, nullable=False, unique=True),
    # NULL: nobody wants it.
    Column("due_at", MOMENT),
    Column("lease_token", Uuid),
    Column("lease_until", MOMENT),
    Column("begun_at", MOMENT),
    Column("finished_at", MOMENT),
    Column("seconds", Double),
    Column("checked", Integer),
    Column("calls", Integer),
    Column("verdict", Text),
    Column("fault", Text),
    one_of("assertion", Assertion),
    one_of("verdict", Verdict),
    CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_whole"),
    CheckConstraint("lease_token IS NULL OR due_at IS NOT NULL", name="leased_is_due"),
    CheckConstraint("num_nulls(finished_at, seconds, checked, calls) IN (0, 4)", name="finished_whole"),
    CheckConstraint("(verdict = 'could_not_tell') = (fault IS NOT NULL)", name="fault_of_could_not_tell"),
)

# The sheet of the round that runs: which configurations it came across on the other side.
drift_sighting = Table(
    "drift_sighting",
    metadata,
    Column("assertion_id", Uuid, ForeignKey("drift_assertion.e_id"), primary_key=True),
    Column("configuration_id", Uuid, primary_key=True),
    Column("tag", KEY, primary_key=True),
)

drift_finding = Table(
    "drift_finding",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tag", KEY, nullable=False),
    # What it is about: a configuration's id, or a server's at the provider.
    Column("subject", KEY, nullable=False),
    Column("problem", Text, nullable=False),
    Column("configuration_id", Uuid),
    Column("tenant_id", Uuid),
    Column("server_id", BigInteger),
    Column("server_name", Text),
    Column("key_version", Text),
    Column("record_name", Text),
    Column("grace_seconds", Double, nullable=False, server_default=text("0")),
    Column("first_seen_at", MOMENT, nullable=False),
    Column("since_at", MOMENT, nullable=False),
    Column("last_seen_at", MOMENT, nullable=False),
    # The token of the round that saw it last; NULL when it was no round.
    Column("seen_in", Uuid),
    Column("opened_at", MOMENT),
    Column("told_at", MOMENT),
    Column("resolved_at", MOMENT),
    Column("snoozed_until", MOMENT),
    Column("snoozed_by", Text),
    Column("snooze_reason", Text),
    one_of("tag", Drift),
    one_of("problem", Problem),
    CheckConstraint("resolved_at IS NULL OR opened_at IS NOT NULL", name="resolved_was_open"),
    CheckConstraint("told_at IS NULL OR opened_at IS NOT NULL", name="told_was_open"),
    CheckConstraint("num_nulls(snoozed_until, snoozed_by, snooze_reason) IN (0, 3)", name="snooze_whole"),
)
_finding = drift_finding.c
Index("uq_drift_finding_subject", _finding.tag, _finding.subject, unique=True)
Index("ix_drift_finding_standing", _finding.tag, postgresql_where=text("resolved_at IS NULL"))
Index(
    "ix_drift_finding_untold",
    _finding.opened_at,
    _finding.e_id,
    postgresql_where=text("resolved_at IS NULL AND told_at IS NULL AND opened_at IS NOT NULL"),
)
Index("ix_drift_finding_configuration", _finding.configuration_id)
