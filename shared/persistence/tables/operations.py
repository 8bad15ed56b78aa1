"""What people have to look at, and what they did about it."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, Uuid, text

from shared.domain.dead_letter import Rest, Subject
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("actor", KEY),
    Column("tenant_id", Uuid),
    Column("configuration_id", Uuid),
    Column("error_class", KEY, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("traceback", Text),
    Column("raised_at", MOMENT, nullable=False),
    Column("rest", Text, nullable=False),
    Column("rested_at", MOMENT),
    one_of("subject", Subject),
    one_of("rest", Rest),
    CheckConstraint("(rest = 'open') = (rested_at IS NULL)", name="rested_when"),
    CheckConstraint("(subject = 'message') = (actor IS NOT NULL)", name="message_has_actor"),
)
_letter = dead_letter.c
Index(
    "uq_dead_letter_open",
    _letter.subject,
    _letter.subject_id,
    _letter.actor,
    unique=True,
    postgresql_where=text("rest = 'open'"),
    postgresql_nulls_not_distinct=True,
)
Index("ix_dead_letter_open", _letter.e_id, postgresql_where=text("rest = 'open'"))

# How often in a row an actor's handler raised on a row; forgotten by the first pause that is long enough.
handler_fault = Table(
    "handler_fault",
    metadata,
    Column("actor", KEY, primary_key=True),
    Column("row_id", Uuid, primary_key=True),
    Column("in_a_row", Integer, nullable=False),
    Column("raised_at", MOMENT, nullable=False),
)

operator_action = Table(
    "operator_action",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("tenant_id", Uuid),
    Column("action", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
)
Index("ix_operator_action_subject", operator_action.c.subject_id, operator_action.c.at)
Index("ix_operator_action_at", operator_action.c.at)
Index("ix_operator_action_author", operator_action.c.author, operator_action.c.at)

# For pictures: added up from what the processes counted.
traffic = Table(
    "traffic",
    metadata,
    Column("minute", MOMENT, primary_key=True),
    Column("counted", KEY, primary_key=True),
    Column("label", KEY, primary_key=True),
    Column("count", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "50"},
)
