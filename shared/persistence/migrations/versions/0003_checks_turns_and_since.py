"""Since when a configuration is in its states; what checks of domains found; turns at a neighbour.

The rows that are there have been in their states for longer than the default says: nobody knows since when.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

EMAIL_CONFIGURATION = """
ALTER TABLE email_configuration
    ADD COLUMN operational_since timestamptz DEFAULT now() NOT NULL,
    ADD COLUMN administrative_since timestamptz DEFAULT now() NOT NULL;
"""

VERIFICATION_CHECK = """
CREATE TABLE verification_check (
    configuration_id uuid NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times integer NOT NULL,
    dkim_verified boolean,
    return_path_verified boolean,
    dkim_seen text,
    return_path_seen text,
    provider_fault text,
    zone_fault text,
    CONSTRAINT pk_verification_check PRIMARY KEY (configuration_id, first_at),
    CONSTRAINT fk_verification_check_configuration_id
        FOREIGN KEY (configuration_id) REFERENCES email_configuration (e_id)
);
"""

NEIGHBOUR_TURN = """
CREATE TABLE neighbour_turn (
    neighbour text COLLATE "C" NOT NULL,
    free_at timestamptz NOT NULL,
    CONSTRAINT pk_neighbour_turn PRIMARY KEY (neighbour)
) WITH (
    fillfactor = 50
);
"""


def upgrade() -> None:
    for statement in (NEIGHBOUR_TURN, EMAIL_CONFIGURATION, VERIFICATION_CHECK):
        op.execute(statement.strip().removesuffix(";"))


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: see docs/migrations.md")
