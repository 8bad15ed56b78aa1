"""Replays of dead letters, which survive whoever asked for them."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PARTS = (
    """
CREATE TABLE replay (
    e_id uuid NOT NULL,
    subject text,
    error_class text COLLATE "C",
    tenant_id uuid,
    configuration_id uuid,
    actor text COLLATE "C",
    raised_from timestamptz,
    raised_until timestamptz NOT NULL,
    per_second double precision NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    created_at timestamptz NOT NULL,
    begins_at timestamptz NOT NULL,
    found integer NOT NULL,
    put_back integer DEFAULT 0 NOT NULL,
    moved_on integer DEFAULT 0 NOT NULL,
    locked integer DEFAULT 0 NOT NULL,
    retired integer DEFAULT 0 NOT NULL,
    cursor uuid,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    finished_at timestamptz,
    stopped_by text,
    CONSTRAINT pk_replay PRIMARY KEY (e_id),
    CONSTRAINT ck_replay_subject CHECK (subject IN ('job', 'event', 'message')),
    CONSTRAINT ck_replay_state CHECK (state IN ('waiting', 'running', 'stopped', 'done')),
    CONSTRAINT ck_replay_moves CHECK (per_second > 0),
    CONSTRAINT ck_replay_open_is_due CHECK ((state IN ('waiting', 'running')) = (due_at IS NOT NULL)),
    CONSTRAINT ck_replay_finished_when CHECK ((due_at IS NULL) = (finished_at IS NOT NULL)),
    CONSTRAINT ck_replay_stopped_by_whom CHECK ((state = 'stopped') = (stopped_by IS NOT NULL)),
    CONSTRAINT ck_replay_lease_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CONSTRAINT ck_replay_leased_runs CHECK (lease_token IS NULL OR state = 'running')
) WITH (fillfactor = 50)
""",
    "CREATE INDEX ix_replay_open ON replay (e_id) WHERE due_at IS NOT NULL",
    """
CREATE TABLE replay_result (
    replay_id uuid NOT NULL,
    letter_id uuid NOT NULL,
    fate text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_replay_result PRIMARY KEY (replay_id, letter_id),
    CONSTRAINT fk_replay_result_replay_id FOREIGN KEY (replay_id) REFERENCES replay (e_id),
    CONSTRAINT fk_replay_result_letter_id FOREIGN KEY (letter_id) REFERENCES dead_letter (e_id),
    CONSTRAINT ck_replay_result_fate CHECK (fate IN ('put_back', 'moved_on', 'locked', 'retired'))
)
""",
)


def upgrade() -> None:
    for statement in PARTS:
        op.execute(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
