"""What the provider's answers say about how hard it may be pressed."""

from sqlalchemy import CheckConstraint, Column, Float, Integer, SmallInteger, Table, Text, Uuid, text

from shared.persistence.tables.base import KEY, MOMENT, metadata

provider_account = Table(
    "provider_account",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("paused_until", MOMENT, nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("probing_until", MOMENT),
    Column("pauses_in_a_row", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("id = 1", name="one_row"),
)

# A row exists only while something is limited. Its scope is a configuration, or for the whole account the nil UUID.
send_pressure = Table(
    "send_pressure",
    metadata,
    Column("scope", Uuid, primary_key=True),
    Column("batch_size", Integer),
    Column("calls_per_second", Float),
    # As of `refilled_at`, which lies ahead while calls are blocked.
    Column("tokens", Float),
    Column("refilled_at", MOMENT),
    Column("blocked_until", MOMENT),
    Column("throttled_at", MOMENT),
    CheckConstraint("num_nulls(calls_per_second, tokens, refilled_at) IN (0, 3)", name="bucket_whole"),
    CheckConstraint("batch_size >= 1", name="batch_size"),
    CheckConstraint("calls_per_second > 0", name="calls_per_second"),
    # A call is an update of no indexed column.
    postgresql_with={"fillfactor": "50"},
)

# When the next call may be made to a neighbour that limits calls for the whole account.
neighbour_turn = Table(
    "neighbour_turn",
    metadata,
    Column("neighbour", KEY, primary_key=True),
    Column("free_at", MOMENT, nullable=False),
    postgresql_with={"fillfactor": "50"},
)
