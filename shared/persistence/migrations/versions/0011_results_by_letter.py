"""An index by which a dead letter's results are found when it is removed: its foreign key asks for each."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = "ix_replay_result_letter"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        # Nobody waits for an index that is built beside the work, and it waits for every transaction that is open.
        op.execute("SET statement_timeout = 0")
        op.execute("SET lock_timeout = 0")
        # One that failed leaves an invalid index behind.
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
        op.execute(f"CREATE INDEX CONCURRENTLY {NAME} ON replay_result (letter_id)")
        # As every migration begins.
        op.execute("SET lock_timeout = '2s'")
        op.execute("SET statement_timeout = '60s'")


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
