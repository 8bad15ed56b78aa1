"""Indexes of what operators search by, across tenants."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_email_job_inconsistent": "email_job (e_id) WHERE status = 'INCONSISTENT'",
    "ix_email_job_ended_badly": """email_job (tenant_id, status, accepted_at, e_id)
    WHERE status IN ('BOUNCED', 'COMPLAINED', 'FAILED', 'CANCELLED', 'SUPPRESSED')""",
    "ix_email_event_configuration": "email_event (configuration_id, e_id)",
    "ix_suppression_entry_tenant": "suppression_entry (tenant_id, e_id)",
    "ix_suppression_entry_anywhere": "suppression_entry (address, e_id)",
    "ix_email_configuration_record_recorded": "email_configuration_record (recorded_at)",
    "ix_email_configuration_record_author": "email_configuration_record (author, recorded_at)",
    "ix_operator_action_at": "operator_action (at)",
    "ix_operator_action_author": "operator_action (author, at)",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Nobody waits for an index that is built beside the work, and it waits for every transaction that is open.
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = 0")
        for name, definition in INDEXES.items():
            # One that failed leaves an invalid index behind.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {definition}")
        # As every migration begins.
        op.execute("SET lock_timeout = '2s'")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
