"""Closing the gap after the database was restored to an earlier moment."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)

from shared.domain.recovery import Found
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of
from shared.persistence.tables.configurations import email_configuration

# Nothing is sent, and callers are kept out, while one is open.
recovery = Table(
    "recovery",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("gap_from", MOMENT, nullable=False),
    Column("gap_until", MOMENT, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("begun_at", MOMENT, nullable=False),
    Column("ended_at", MOMENT),
    Column("ended_by", Text),
    CheckConstraint("gap_from < gap_until", name="gap"),
    CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_whom"),
)
Index(
    "uq_recovery_open",
    recovery.c.ended_at,
    unique=True,
    postgresql_where=text("ended_at IS NULL"),
    postgresql_nulls_not_distinct=True,
)

# How far the provider was asked about one configuration: all that it took before `searched_until` is written down.
recovery_look = Table(
    "recovery_look",
    metadata,
    Column("recovery_id", Uuid, ForeignKey(recovery.c.e_id), primary_key=True),
    Column("configuration_id", Uuid, ForeignKey(email_configuration.c.e_id), primary_key=True),
    Column("look", SmallInteger, primary_key=True, autoincrement=False),
    Column("begun_at", MOMENT, nullable=False),
    Column("searched_until", MOMENT, nullable=False),
    Column("messages", Integer, nullable=False, server_default=text("0")),
    Column("fault", Text),
    Column("finished_at", MOMENT),
    CheckConstraint("look IN (1, 2)", name="look"),
    postgresql_with={"fillfactor": "50"},
)

# No key to the job: this outlives it.
recovery_message = Table(
    "recovery_message",
    metadata,
    Column("recovery_id", Uuid, ForeignKey(recovery.c.e_id), primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("configuration_id", Uuid, nullable=False),
    Column("found", Text, nullable=False),
    Column("provider_message_id", KEY, nullable=False),
    Column("taken_at", MOMENT, nullable=False),
    Column("written_at", MOMENT, nullable=False),
    one_of("found", Found),
)
