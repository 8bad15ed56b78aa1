"""The first schema: configurations, jobs, events, suppressions."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EMAIL_CONFIGURATION = """
CREATE TABLE email_configuration (
    e_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    slug text COLLATE "C" NOT NULL,
    from_local_part text NOT NULL,
    from_name text NOT NULL,
    reply_to_email text,
    operational text NOT NULL,
    administrative text NOT NULL,
    retired_at timestamptz,
    cleaned_up_at timestamptz,
    recovering boolean NOT NULL,
    server_id bigint,
    server_token text,
    signature_id bigint,
    domain_id bigint,
    webhook_id bigint,
    records_written boolean NOT NULL,
    intent text,
    undoing boolean NOT NULL,
    tries integer NOT NULL,
    dkim_host text,
    dkim_value text,
    return_path_host text,
    return_path_target text,
    routing_token_hash bytea,
    failure_step text,
    failure_code text,
    failure_message text,
    verification_started_at timestamptz,
    verification_due_at timestamptz,
    send_faults_in_a_row integer NOT NULL,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    lease_token uuid,
    lease_until timestamptz,
    CONSTRAINT pk_email_configuration PRIMARY KEY (e_id),
    CONSTRAINT ck_email_configuration_operational
        CHECK (operational IN (
            'PENDING', 'PROVISIONING', 'AWAITING_VERIFICATION', 'OK', 'DEGRADED', 'MISSING', 'UNVERIFIED',
            'FAILURE'
        )),
    CONSTRAINT ck_email_configuration_administrative
        CHECK (administrative IN ('LOCKED', 'UNLOCKED', 'LOCKING')),
    CONSTRAINT ck_email_configuration_intent
        CHECK (intent IN ('createServer', 'createSignature', 'installWebhook', 'writeRecords')),
    CONSTRAINT ck_email_configuration_failure_step
        CHECK (failure_step IN ('createServer', 'createSignature', 'installWebhook', 'writeRecords')),
    CONSTRAINT ck_email_configuration_cleaned_up_is_retired
        CHECK (cleaned_up_at IS NULL OR retired_at IS NOT NULL),
    CONSTRAINT ck_email_configuration_failure_whole
        CHECK (num_nulls(failure_step, failure_code, failure_message) IN (0, 3)),
    CONSTRAINT ck_email_configuration_dns_whole
        CHECK (num_nulls(dkim_host, dkim_value, return_path_host, return_path_target) IN (0, 4)),
    CONSTRAINT ck_email_configuration_lease_whole CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) WITH (
    fillfactor = 80
);
CREATE UNIQUE INDEX uq_email_configuration_routing_token_hash ON email_configuration (routing_token_hash)
    WHERE routing_token_hash IS NOT NULL;
CREATE UNIQUE INDEX uq_email_configuration_sendable_of_tenant ON email_configuration (tenant_id)
    WHERE retired_at IS NULL AND administrative IN ('UNLOCKED', 'LOCKING');
CREATE UNIQUE INDEX uq_email_configuration_slug_in_use ON email_configuration (slug) WHERE cleaned_up_at IS NULL;
CREATE INDEX ix_email_configuration_locking ON email_configuration (updated_at)
    WHERE retired_at IS NULL AND administrative = 'LOCKING';
CREATE INDEX ix_email_configuration_provisioning ON email_configuration (updated_at)
    WHERE retired_at IS NULL AND operational = 'PROVISIONING';
CREATE INDEX ix_email_configuration_removal ON email_configuration (retired_at)
    WHERE retired_at IS NOT NULL AND cleaned_up_at IS NULL;
CREATE INDEX ix_email_configuration_tenant ON email_configuration (tenant_id, created_at, e_id);
CREATE INDEX ix_email_configuration_verification_due ON email_configuration (verification_due_at)
    WHERE retired_at IS NULL AND operational = 'AWAITING_VERIFICATION';
"""

EMAIL_CONFIGURATION_RECORD = """
CREATE TABLE email_configuration_record (
    r_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    version integer NOT NULL,
    snapshot jsonb NOT NULL,
    effective_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    author text NOT NULL,
    cause text NOT NULL,
    reason text,
    previous uuid,
    CONSTRAINT pk_email_configuration_record PRIMARY KEY (r_id),
    CONSTRAINT uq_email_configuration_record_configuration_id_version UNIQUE (configuration_id, version),
    CONSTRAINT ck_email_configuration_record_no_secret
        CHECK (NOT snapshot ?| array['server_token', 'routing_token_hash']),
    CONSTRAINT fk_email_configuration_record_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
);
"""

EMAIL_JOB = """
CREATE TABLE email_job (
    e_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    body_hash bytea NOT NULL,
    status text NOT NULL,
    tag text COLLATE "C",
    author text NOT NULL,
    accepted_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    due_at timestamptz,
    attempts integer NOT NULL,
    claim_id uuid,
    lease_until timestamptz,
    in_doubt_since timestamptz,
    late_looks integer NOT NULL,
    provider_message_id text COLLATE "C",
    error_code text COLLATE "C",
    error_text text,
    version integer NOT NULL,
    CONSTRAINT pk_email_job PRIMARY KEY (e_id),
    CONSTRAINT uq_email_job_tenant_id_idempotency_key UNIQUE (tenant_id, idempotency_key),
    CONSTRAINT ck_email_job_status
        CHECK (status IN (
            'QUEUED', 'SENDING', 'IN_DOUBT', 'SENT', 'DELIVERED', 'BOUNCED', 'COMPLAINED', 'FAILED',
            'CANCELLED', 'SUPPRESSED', 'INCONSISTENT'
        )),
    CONSTRAINT ck_email_job_waiting_is_due CHECK (status NOT IN ('QUEUED', 'IN_DOUBT') OR due_at IS NOT NULL),
    CONSTRAINT ck_email_job_sending_is_leased
        CHECK (status <> 'SENDING' OR num_nulls(claim_id, lease_until) = 0),
    CONSTRAINT ck_email_job_doubt_is_searchable
        CHECK (status <> 'IN_DOUBT' OR num_nulls(claim_id, in_doubt_since) = 0),
    CONSTRAINT fk_email_job_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05
);
CREATE INDEX ix_email_job_in_doubt ON email_job (configuration_id, due_at) WHERE status = 'IN_DOUBT';
CREATE INDEX ix_email_job_lease ON email_job (lease_until) WHERE status = 'SENDING';
CREATE INDEX ix_email_job_provider_message_id ON email_job (provider_message_id)
    WHERE provider_message_id IS NOT NULL;
CREATE INDEX ix_email_job_queued ON email_job (configuration_id, due_at, e_id) WHERE status = 'QUEUED';
CREATE INDEX ix_email_job_tenant_accepted ON email_job (tenant_id, accepted_at, e_id);
CREATE INDEX ix_email_job_tenant_recipient ON email_job (tenant_id, recipient);
"""

EMAIL_JOB_CONTENT = """
CREATE TABLE email_job_content (
    job_id uuid NOT NULL,
    subject text NOT NULL,
    html_body text,
    text_body text,
    reply_to_email text,
    metadata jsonb NOT NULL,
    attachments jsonb NOT NULL,
    CONSTRAINT pk_email_job_content PRIMARY KEY (job_id),
    CONSTRAINT fk_email_job_content_job_id FOREIGN KEY (job_id) REFERENCES email_job (e_id) ON DELETE CASCADE
);
"""

EMAIL_EVENT = """
CREATE TABLE email_event (
    e_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    configuration_id uuid NOT NULL,
    kind text NOT NULL,
    content_key bytea NOT NULL,
    occurred_at timestamptz,
    message_id text COLLATE "C",
    job_ref uuid,
    recipient text COLLATE "C",
    hard_bounce boolean NOT NULL,
    suppresses boolean,
    suppression_reason text,
    headers jsonb NOT NULL,
    raw text NOT NULL,
    received_at timestamptz NOT NULL,
    status text NOT NULL,
    due_at timestamptz,
    job_id uuid,
    projected_at timestamptz,
    CONSTRAINT pk_email_event PRIMARY KEY (e_id),
    CONSTRAINT uq_email_event_configuration_id_content_key UNIQUE (configuration_id, content_key),
    CONSTRAINT ck_email_event_kind
        CHECK (kind IN (
            'Delivery', 'Bounce', 'SpamComplaint', 'SubscriptionChange', 'Open', 'Click', 'Test', 'Other'
        )),
    CONSTRAINT ck_email_event_suppression_reason
        CHECK (suppression_reason IN (
            'HARD_BOUNCE', 'SPAM_COMPLAINT', 'UNSUBSCRIBED', 'PROVIDER_INACTIVE', 'MANUAL', 'IMPORTED'
        )),
    CONSTRAINT ck_email_event_status CHECK (status IN ('pending', 'projected', 'parked')),
    CONSTRAINT ck_email_event_pending_is_due CHECK ((status = 'pending') = (due_at IS NOT NULL)),
    CONSTRAINT ck_email_event_projected_when CHECK ((status = 'projected') = (projected_at IS NOT NULL)),
    CONSTRAINT fk_email_event_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
) WITH (
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_insert_scale_factor = 0.05
);
CREATE INDEX ix_email_event_arrival ON email_event (configuration_id, received_at, e_id)
    WHERE status = 'pending';
CREATE INDEX ix_email_event_due ON email_event (configuration_id, due_at) WHERE status = 'pending';
CREATE INDEX ix_email_event_job ON email_event (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX ix_email_event_suppression ON email_event (tenant_id, recipient)
    WHERE hard_bounce OR kind IN ('SpamComplaint', 'SubscriptionChange');
"""

SUPPRESSION_ENTRY = """
CREATE TABLE suppression_entry (
    e_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    address text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    active boolean NOT NULL,
    since timestamptz NOT NULL,
    lifted_at timestamptz,
    source_event_id uuid,
    author text NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_suppression_entry PRIMARY KEY (e_id),
    CONSTRAINT ck_suppression_entry_reason
        CHECK (reason IN (
            'HARD_BOUNCE', 'SPAM_COMPLAINT', 'UNSUBSCRIBED', 'PROVIDER_INACTIVE', 'MANUAL', 'IMPORTED'
        )),
    CONSTRAINT ck_suppression_entry_lifted_when CHECK (active = (lifted_at IS NULL))
);
CREATE UNIQUE INDEX uq_suppression_entry_active ON suppression_entry (tenant_id, address) WHERE active;
CREATE INDEX ix_suppression_entry_address ON suppression_entry (tenant_id, address, created_at);
CREATE INDEX ix_suppression_entry_since ON suppression_entry (tenant_id, since, e_id);
"""

SUPPRESSION_FACT = """
CREATE TABLE suppression_fact (
    e_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    address text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    reason text,
    author text NOT NULL,
    note text,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT pk_suppression_fact PRIMARY KEY (e_id),
    CONSTRAINT ck_suppression_fact_reason
        CHECK (reason IN (
            'HARD_BOUNCE', 'SPAM_COMPLAINT', 'UNSUBSCRIBED', 'PROVIDER_INACTIVE', 'MANUAL', 'IMPORTED'
        ))
);
CREATE INDEX ix_suppression_fact_address ON suppression_fact (tenant_id, address, occurred_at);
"""

PROVIDER_ACCOUNT = """
CREATE TABLE provider_account (
    id smallint NOT NULL,
    paused_until timestamptz NOT NULL,
    reason text NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT pk_provider_account PRIMARY KEY (id),
    CONSTRAINT ck_provider_account_one_row CHECK (id = 1)
);
"""

TABLES = (
    EMAIL_CONFIGURATION,
    EMAIL_CONFIGURATION_RECORD,
    EMAIL_JOB,
    EMAIL_JOB_CONTENT,
    EMAIL_EVENT,
    SUPPRESSION_ENTRY,
    SUPPRESSION_FACT,
    PROVIDER_ACCOUNT,
)


def upgrade() -> None:
    for table in TABLES:
        for statement in table.strip().removesuffix(";").split(";\n"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
