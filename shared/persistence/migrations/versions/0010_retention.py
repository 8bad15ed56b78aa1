"""How far the removal of old rows has come."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE retention (
    e_id uuid NOT NULL,
    kind text NOT NULL,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    begun_at timestamptz,
    until_at timestamptz,
    cursor uuid,
    looked bigint DEFAULT 0 NOT NULL,
    removed bigint DEFAULT 0 NOT NULL,
    removed_in_all bigint DEFAULT 0 NOT NULL,
    reached_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT pk_retention PRIMARY KEY (e_id),
    CONSTRAINT uq_retention_kind UNIQUE (kind),
    CONSTRAINT ck_retention_kind CHECK (
        kind IN (
            'contents', 'attempts', 'events', 'jobs', 'records', 'audit', 'replays', 'deadLetters', 'findings',
            'traffic'
        )
    ),
    CONSTRAINT ck_retention_lease_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CONSTRAINT ck_retention_leased_has_begun CHECK (lease_token IS NULL OR until_at IS NOT NULL),
    CONSTRAINT ck_retention_begun_is_due CHECK (
        until_at IS NULL OR (due_at IS NOT NULL AND begun_at IS NOT NULL)
    ),
    CONSTRAINT ck_retention_cursor_of_a_pass CHECK (cursor IS NULL OR until_at IS NOT NULL)
) WITH (fillfactor = 50)
"""


def upgrade() -> None:
    op.execute(TABLE.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
