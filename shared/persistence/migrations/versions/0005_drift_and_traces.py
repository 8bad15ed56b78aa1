"""What the drift checks know, and the trace that a job belongs to."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Not CONCURRENTLY: a row a tenant, and so built in milliseconds.
SERVER = "CREATE INDEX ix_email_configuration_server ON email_configuration (server_id) WHERE server_id IS NOT NULL"
EMAIL_JOB = "ALTER TABLE email_job ADD COLUMN trace text"

PARTS = (
    """
CREATE TABLE drift_assertion (
    e_id uuid NOT NULL,
    assertion text NOT NULL,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    begun_at timestamptz,
    finished_at timestamptz,
    seconds double precision,
    checked integer,
    calls integer,
    verdict text,
    fault text,
    CONSTRAINT pk_drift_assertion PRIMARY KEY (e_id),
    CONSTRAINT uq_drift_assertion_assertion UNIQUE (assertion),
    CONSTRAINT ck_drift_assertion_assertion CHECK (assertion IN ('postmarkInventory', 'registry', 'dns')),
    CONSTRAINT ck_drift_assertion_verdict CHECK (verdict IN ('clean', 'drifted', 'could_not_tell')),
    CONSTRAINT ck_drift_assertion_lease_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CONSTRAINT ck_drift_assertion_leased_is_due CHECK (lease_token IS NULL OR due_at IS NOT NULL),
    CONSTRAINT ck_drift_assertion_finished_whole
        CHECK (num_nulls(finished_at, seconds, checked, calls) IN (0, 4)),
    CONSTRAINT ck_drift_assertion_fault_of_could_not_tell
        CHECK ((verdict = 'could_not_tell') = (fault IS NOT NULL))
)
""",
    """
CREATE TABLE drift_sighting (
    assertion_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    tag text COLLATE "C" NOT NULL,
    CONSTRAINT pk_drift_sighting PRIMARY KEY (assertion_id, configuration_id, tag),
    CONSTRAINT fk_drift_sighting_assertion_id FOREIGN KEY (assertion_id) REFERENCES drift_assertion (e_id)
)
""",
    """
CREATE TABLE drift_finding (
    e_id uuid NOT NULL,
    tag text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    problem text NOT NULL,
    configuration_id uuid,
    tenant_id uuid,
    server_id bigint,
    server_name text,
    key_version text,
    record_name text,
    grace_seconds double precision DEFAULT 0 NOT NULL,
    first_seen_at timestamptz NOT NULL,
    since_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    seen_in uuid,
    opened_at timestamptz,
    told_at timestamptz,
    resolved_at timestamptz,
    snoozed_until timestamptz,
    snoozed_by text,
    snooze_reason text,
    CONSTRAINT pk_drift_finding PRIMARY KEY (e_id),
    CONSTRAINT ck_drift_finding_tag CHECK (tag IN (
        'email.drift.postmark_orphan_db_row', 'email.drift.postmark_orphan_server',
        'email.drift.registry_missing_key', 'email.drift.dns_dkim_mismatch',
        'email.drift.dns_return_path_mismatch')),
    CONSTRAINT ck_drift_finding_problem CHECK (problem IN ('absent', 'different', 'unaccounted')),
    CONSTRAINT ck_drift_finding_resolved_was_open CHECK (resolved_at IS NULL OR opened_at IS NOT NULL),
    CONSTRAINT ck_drift_finding_told_was_open CHECK (told_at IS NULL OR opened_at IS NOT NULL),
    CONSTRAINT ck_drift_finding_snooze_whole
        CHECK (num_nulls(snoozed_until, snoozed_by, snooze_reason) IN (0, 3))
)
""",
    "CREATE UNIQUE INDEX uq_drift_finding_subject ON drift_finding (tag, subject)",
    "CREATE INDEX ix_drift_finding_standing ON drift_finding (tag) WHERE resolved_at IS NULL",
    """
CREATE INDEX ix_drift_finding_untold ON drift_finding (opened_at, e_id)
    WHERE resolved_at IS NULL AND told_at IS NULL AND opened_at IS NOT NULL
""",
    "CREATE INDEX ix_drift_finding_configuration ON drift_finding (configuration_id)",
    SERVER,
    EMAIL_JOB,
)


def upgrade() -> None:
    for statement in PARTS:
        op.execute(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
