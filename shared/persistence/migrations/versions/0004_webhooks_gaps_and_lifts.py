"""How webhooks do and which key each shows; gaps to be caught up; lifts the provider is to be asked for."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EMAIL_CONFIGURATION = "ALTER TABLE email_configuration ADD COLUMN webhook_key text"

PARTS = (
    """
CREATE TABLE presence (
    role text COLLATE "C" NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pk_presence PRIMARY KEY (role)
) WITH (fillfactor = 50)
""",
    """
CREATE TABLE api_key_use (
    fingerprint text COLLATE "C" NOT NULL,
    purpose text NOT NULL,
    last_used_at timestamptz NOT NULL,
    CONSTRAINT pk_api_key_use PRIMARY KEY (fingerprint, purpose)
) WITH (fillfactor = 50)
""",
    """
CREATE TABLE webhook_look (
    configuration_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    checked_at timestamptz,
    since timestamptz,
    state text,
    webhooks integer DEFAULT 0 NOT NULL,
    paused text[] DEFAULT '{}' NOT NULL,
    requests bigint DEFAULT 0 NOT NULL,
    failures bigint DEFAULT 0 NOT NULL,
    reverified boolean,
    fault text,
    CONSTRAINT pk_webhook_look PRIMARY KEY (configuration_id),
    CONSTRAINT ck_webhook_look_state CHECK (state IN ('ok', 'missing', 'doubled', 'paused', 'unknown')),
    CONSTRAINT ck_webhook_look_looked_whole CHECK (num_nulls(checked_at, since, state) IN (0, 3)),
    CONSTRAINT fk_webhook_look_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
)
""",
    "CREATE INDEX ix_webhook_look_due ON webhook_look (due_at)",
    "CREATE INDEX ix_webhook_look_ailing ON webhook_look (since) WHERE state <> 'ok'",
    """
CREATE TABLE event_gap (
    e_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    cause text NOT NULL,
    author text NOT NULL,
    found integer DEFAULT 0 NOT NULL,
    cursor uuid,
    tries integer DEFAULT 0 NOT NULL,
    fault text,
    opened_at timestamptz NOT NULL,
    due_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT pk_event_gap PRIMARY KEY (e_id),
    CONSTRAINT ck_event_gap_open_is_due CHECK ((due_at IS NULL) = (finished_at IS NOT NULL)),
    CONSTRAINT ck_event_gap_times CHECK (from_at <= until_at),
    CONSTRAINT fk_event_gap_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
)
""",
    "CREATE INDEX ix_event_gap_due ON event_gap (due_at) WHERE finished_at IS NULL",
    "CREATE INDEX ix_event_gap_configuration ON event_gap (configuration_id, opened_at)",
    "CREATE INDEX ix_event_gap_opened ON event_gap (opened_at)",
    """
CREATE TABLE provider_lift (
    configuration_id uuid NOT NULL,
    address text COLLATE "C" NOT NULL,
    tenant_id uuid NOT NULL,
    wanted_at timestamptz NOT NULL,
    due_at timestamptz,
    tries integer DEFAULT 0 NOT NULL,
    message text,
    CONSTRAINT pk_provider_lift PRIMARY KEY (configuration_id, address),
    CONSTRAINT ck_provider_lift_due_or_refused CHECK ((due_at IS NULL) = (message IS NOT NULL)),
    CONSTRAINT fk_provider_lift_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
)
""",
    "CREATE INDEX ix_provider_lift_due ON provider_lift (configuration_id, due_at, address) WHERE due_at IS NOT NULL",
    "CREATE INDEX ix_provider_lift_tenant ON provider_lift (tenant_id, address)",
    EMAIL_CONFIGURATION,
)


def upgrade() -> None:
    for statement in PARTS:
        op.execute(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
