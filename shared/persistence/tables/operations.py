"""What people have to look at, and what they did about it."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from shared.domain.dead_letter import Rest, Subject
from shared.domain.replay import Fate, ReplayState
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

# Dead letters put back in bulk. What is wanted is a `DeadLetterFilter`, a column each; fates have a count each.
replay = Table(
    "replay",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("subject", Text),
    Column("error_class", KEY),
    Column("tenant_id", Uuid),
    Column("configuration_id", Uuid),
    Column("actor", KEY),
    Column("raised_from", MOMENT),
    # Or a job that fails as often as it is put back would keep it going for ever.
    Column("raised_until", MOMENT, nullable=False),
    Column("per_second", Double, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("begins_at", MOMENT, nullable=False),
    Column("found", Integer, nullable=False),
    *(Column(fate.value, Integer, nullable=False, server_default=text("0")) for fate in Fate),
    # The last dead letter that was looked at.
    Column("cursor", Uuid),
    Column("due_at", MOMENT),
    Column("lease_token", Uuid),
    Column("lease_until", MOMENT),
    Column("finished_at", MOMENT),
    Column("stopped_by", Text),
    one_of("subject", Subject),
    one_of("state", ReplayState),
    CheckConstraint("per_second > 0", name="moves"),
    CheckConstraint("(state IN ('waiting', 'running')) = (due_at IS NOT NULL)", name="open_is_due"),
    CheckConstraint("(due_at IS NULL) = (finished_at IS NOT NULL)", name="finished_when"),
    CheckConstraint("(state = 'stopped') = (stopped_by IS NOT NULL)", name="stopped_by_whom"),
    CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease_whole"),
    CheckConstraint("lease_token IS NULL OR state = 'running'", name="leased_runs"),
    postgresql_with={"fillfactor": "50"},
)
# Not by `due_at`, which every slice moves.
Index("ix_replay_open", replay.c.e_id, postgresql_where=text("due_at IS NOT NULL"))

replay_result = Table(
    "replay_result",
    metadata,
    Column("replay_id", Uuid, ForeignKey(replay.c.e_id), primary_key=True),
    Column("letter_id", Uuid, ForeignKey(dead_letter.c.e_id), primary_key=True),
    Column("fate", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    one_of("fate", Fate),
)
Index("ix_replay_result_letter", replay_result.c.letter_id)

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
