"""How much happened in each minute."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PARTS = (
    """
CREATE TABLE traffic (
    minute timestamptz NOT NULL,
    counted text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    CONSTRAINT pk_traffic PRIMARY KEY (minute, counted, label)
) WITH (fillfactor = 50)
""",
)


def upgrade() -> None:
    for statement in PARTS:
        op.execute(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
