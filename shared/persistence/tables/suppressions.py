"""Suppressed addresses, and what is known of them that no event tells."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Table, Text, Uuid, text

from shared.domain.suppression import SuppressionReason
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

suppression_entry = Table(
    "suppression_entry",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("address", KEY, nullable=False),
    Column("reason", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("since", MOMENT, nullable=False),
    Column("lifted_at", MOMENT),
    Column("source_event_id", Uuid),
    Column("author", Text, nullable=False),
    Column("note", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    one_of("reason", SuppressionReason),
    CheckConstraint("active = (lifted_at IS NULL)", name="lifted_when"),
)
_entry = suppression_entry.c
Index(
    "uq_suppression_entry_active",
    _entry.tenant_id,
    _entry.address,
    unique=True,
    postgresql_where=text("active"),
)
Index("ix_suppression_entry_address", _entry.tenant_id, _entry.address, _entry.created_at)
Index("ix_suppression_entry_since", _entry.tenant_id, _entry.since, _entry.e_id)
Index("ix_suppression_entry_tenant", _entry.tenant_id, _entry.e_id)
Index("ix_suppression_entry_anywhere", _entry.address, _entry.e_id)

# What operators, and the provider when it refuses a recipient, did to an address. Entries are overwritten by what
# events say; a rebuild needs these facts whole.
suppression_fact = Table(
    "suppression_fact",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("address", KEY, nullable=False),
    Column("occurred_at", MOMENT, nullable=False),
    Column("reason", Text),
    Column("author", Text, nullable=False),
    Column("note", Text),
    Column("recorded_at", MOMENT, nullable=False),
    one_of("reason", SuppressionReason),
)
Index(
    "ix_suppression_fact_address",
    suppression_fact.c.tenant_id,
    suppression_fact.c.address,
    suppression_fact.c.occurred_at,
)
