"""Recoveries: what is done after the database was restored to an earlier moment."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PARTS = (
    """
CREATE TABLE recovery (
    e_id uuid NOT NULL,
    gap_from timestamptz NOT NULL,
    gap_until timestamptz NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT pk_recovery PRIMARY KEY (e_id),
    CONSTRAINT ck_recovery_gap CHECK (gap_from < gap_until),
    CONSTRAINT ck_recovery_ended_by_whom CHECK ((ended_at IS NULL) = (ended_by IS NULL))
)
""",
    "CREATE UNIQUE INDEX uq_recovery_open ON recovery (ended_at) NULLS NOT DISTINCT WHERE ended_at IS NULL",
    """
CREATE TABLE recovery_look (
    recovery_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    look smallint NOT NULL,
    begun_at timestamptz NOT NULL,
    searched_until timestamptz NOT NULL,
    messages integer DEFAULT 0 NOT NULL,
    fault text,
    finished_at timestamptz,
    CONSTRAINT pk_recovery_look PRIMARY KEY (recovery_id, configuration_id, look),
    CONSTRAINT fk_recovery_look_recovery_id FOREIGN KEY (recovery_id) REFERENCES recovery (e_id),
    CONSTRAINT fk_recovery_look_configuration_id FOREIGN KEY (configuration_id)
        REFERENCES email_configuration (e_id),
    CONSTRAINT ck_recovery_look_look CHECK (look IN (1, 2))
) WITH (fillfactor = 50)
""",
    """
CREATE TABLE recovery_message (
    recovery_id uuid NOT NULL,
    job_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    found text NOT NULL,
    provider_message_id text COLLATE "C" NOT NULL,
    taken_at timestamptz NOT NULL,
    written_at timestamptz NOT NULL,
    CONSTRAINT pk_recovery_message PRIMARY KEY (recovery_id, job_id),
    CONSTRAINT fk_recovery_message_recovery_id FOREIGN KEY (recovery_id) REFERENCES recovery (e_id),
    CONSTRAINT ck_recovery_message_found CHECK (found IN ('settled', 'adopted', 'contradicted'))
)
""",
)


def upgrade() -> None:
    for statement in PARTS:
        op.execute(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
