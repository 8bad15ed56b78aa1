"""Status and configuration beside the order of acceptance: told from the index alone, without a look at the rows."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = "ix_email_job_tenant_accepted"
NEXT = f"{NAME}_next"
DEFINITION = "email_job (tenant_id, accepted_at, e_id) INCLUDE (status, configuration_id)"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Nobody waits for an index that is built beside the work, and it waits for every transaction that is open.
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = 0")
        # One that failed leaves an invalid index behind.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NEXT}")
        op.execute(f"CREATE INDEX CONCURRENTLY {NEXT} ON {DEFINITION}")
        # Run again from anywhere here, it ends the same.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        op.execute(f"ALTER INDEX {NEXT} RENAME TO {NAME}")
        # As every migration begins.
        op.execute("SET lock_timeout = '2s'")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
