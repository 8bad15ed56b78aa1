"""Attempts, decisions, pressure, dead letters.

Columns of filled tables get constant defaults, so that no row is rewritten; code that knows none of this goes on.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

EMAIL_JOB = """
ALTER TABLE email_job
    ADD COLUMN worker_deaths integer DEFAULT 0 NOT NULL,
    ADD COLUMN replayed_at timestamptz;
"""

PROVIDER_ACCOUNT = """
ALTER TABLE provider_account
    ADD COLUMN probing_until timestamptz,
    ADD COLUMN pauses_in_a_row integer DEFAULT 0 NOT NULL;
"""

SEND_ATTEMPT = """
CREATE TABLE send_attempt (
    job_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    number integer NOT NULL,
    claimed_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text,
    code text,
    text text,
    provider_message_id text,
    fenced boolean NOT NULL,
    CONSTRAINT pk_send_attempt PRIMARY KEY (job_id, claim_id),
    CONSTRAINT ck_send_attempt_outcome
        CHECK (outcome IN (
            'QUEUED', 'SENDING', 'IN_DOUBT', 'SENT', 'DELIVERED', 'BOUNCED', 'COMPLAINED', 'FAILED',
            'CANCELLED', 'SUPPRESSED', 'INCONSISTENT'
        )),
    CONSTRAINT ck_send_attempt_finished_with_outcome CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CONSTRAINT fk_send_attempt_job_id FOREIGN KEY (job_id) REFERENCES email_job (e_id) ON DELETE CASCADE
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05
);
"""

SEND_PRESSURE = """
CREATE TABLE send_pressure (
    scope uuid NOT NULL,
    batch_size integer,
    calls_per_second double precision,
    tokens double precision,
    refilled_at timestamptz,
    blocked_until timestamptz,
    throttled_at timestamptz,
    CONSTRAINT pk_send_pressure PRIMARY KEY (scope),
    CONSTRAINT ck_send_pressure_bucket_whole
        CHECK (num_nulls(calls_per_second, tokens, refilled_at) IN (0, 3)),
    CONSTRAINT ck_send_pressure_batch_size CHECK (batch_size >= 1),
    CONSTRAINT ck_send_pressure_calls_per_second CHECK (calls_per_second > 0)
) WITH (
    fillfactor = 50
);
"""

DEAD_LETTER = """
CREATE TABLE dead_letter (
    e_id uuid NOT NULL,
    subject text NOT NULL,
    subject_id uuid NOT NULL,
    actor text COLLATE "C",
    tenant_id uuid,
    configuration_id uuid,
    error_class text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    traceback text,
    raised_at timestamptz NOT NULL,
    rest text NOT NULL,
    rested_at timestamptz,
    CONSTRAINT pk_dead_letter PRIMARY KEY (e_id),
    CONSTRAINT ck_dead_letter_subject CHECK (subject IN ('job', 'event', 'message')),
    CONSTRAINT ck_dead_letter_rest CHECK (rest IN ('open', 'replayed', 'discarded')),
    CONSTRAINT ck_dead_letter_rested_when CHECK ((rest = 'open') = (rested_at IS NULL)),
    CONSTRAINT ck_dead_letter_message_has_actor CHECK ((subject = 'message') = (actor IS NOT NULL))
);
CREATE UNIQUE INDEX uq_dead_letter_open ON dead_letter (subject, subject_id, actor) NULLS NOT DISTINCT
    WHERE rest = 'open';
CREATE INDEX ix_dead_letter_open ON dead_letter (e_id) WHERE rest = 'open';
"""

HANDLER_FAULT = """
CREATE TABLE handler_fault (
    actor text COLLATE "C" NOT NULL,
    row_id uuid NOT NULL,
    in_a_row integer NOT NULL,
    raised_at timestamptz NOT NULL,
    CONSTRAINT pk_handler_fault PRIMARY KEY (actor, row_id)
);
"""

OPERATOR_ACTION = """
CREATE TABLE operator_action (
    e_id uuid NOT NULL,
    tenant_id uuid,
    action text NOT NULL,
    subject_id uuid NOT NULL,
    author text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_operator_action PRIMARY KEY (e_id)
);
CREATE INDEX ix_operator_action_subject ON operator_action (subject_id, at);
"""

PARTS = (
    SEND_PRESSURE,
    DEAD_LETTER,
    HANDLER_FAULT,
    OPERATOR_ACTION,
    PROVIDER_ACCOUNT,
    # Last, so that the busy table is locked for as short as possible.
    EMAIL_JOB,
    SEND_ATTEMPT,
)


def upgrade() -> None:
    for part in PARTS:
        for statement in part.strip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
