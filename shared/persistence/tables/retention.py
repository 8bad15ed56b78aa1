"""How far the removal of old rows has come, a row a kind."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, Uuid, text

from shared.domain.retention import Kind
from shared.persistence.tables.base import MOMENT, metadata, one_of

retention = Table(
    "retention",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False, unique=True),
    # NULL: nobody wants it.
    Column("due_at", MOMENT),
    Column("lease_token", Uuid),
    Column("lease_until", MOMENT),
    Column("begun_at", MOMENT),
    # Of the pass that was begun and is not finished: what it removes is older, and the last row it looked at.
    Column("until_at", MOMENT),
    Column("cursor", Uuid),
    Column("looked", BigInteger, nullable=False, server_default=text("0")),
    Column("removed", BigInteger, nullable=False, server_default=text("0")),
    Column("removed_in_all", BigInteger, nullable=False, server_default=text("0")),
    Column("reached_at", MOMENT),
    Column("finished_at", MOMENT),
    one_of("kind", Kind),
    CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_whole"),
    CheckConstraint("lease_token IS NULL OR until_at IS NOT NULL", name="leased_has_begun"),
    CheckConstraint("until_at IS NULL OR (due_at IS NOT NULL AND begun_at IS NOT NULL)", name="begun_is_due"),
    CheckConstraint("cursor IS NULL OR until_at IS NOT NULL", name="cursor_of_a_pass"),
    # A slice is an update of no indexed column.
    postgresql_with={"fillfactor": "50"},
)
