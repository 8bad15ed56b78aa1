"""What is known of the provider's callbacks beside the events: their health, the gaps, and who showed which key."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.domain.webhook import WebhookState
from shared.persistence.tables.base import KEY, MOMENT, metadata, one_of

presence = Table(
    "presence",
    metadata,
    Column("role", KEY, primary_key=True),
    Column("seen_at", MOMENT, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

api_key_use = Table(
    "api_key_use",
    metadata,
    Column("fingerprint", KEY, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("last_used_at", MOMENT, nullable=False),
    postgresql_with={"fillfactor": "50"},
)

webhook_look = Table(
    "webhook_look",
    metadata,
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), primary_key=True),
    Column("due_at", MOMENT, nullable=False),
    Column("checked_at", MOMENT),
    # Since when the state is what it is.
    Column("since", MOMENT),
    Column("state", Text),
    Column("webhooks", Integer, nullable=False, server_default=text("0")),
    Column("paused", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("requests", BigInteger, nullable=False, server_default=text("0")),
    Column("failures", BigInteger, nullable=False, server_default=text("0")),
    Column("reverified", Boolean),
    Column("fault", Text),
    one_of("state", WebhookState),
    CheckConstraint("num_nulls(checked_at, since, state) IN (0, 3)", name="looked_whole"),
)
Index("ix_webhook_look_due", webhook_look.c.due_at)
Index("ix_webhook_look_ailing", webhook_look.c.since, postgresql_where=text("state <> 'ok'"))

event_gap = Table(
    "event_gap",
    metadata,
    Column("e_id", Uuid, primary_key=True),
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), nullable=False),
    Column("from_at", MOMENT, nullable=False),
    Column("until_at", MOMENT, nullable=False),
    Column("cause", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("found", Integer, nullable=False, server_default=text("0")),
    Column("cursor", Uuid),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("fault", Text),
    Column("opened_at", MOMENT, nullable=False),
    Column("due_at", MOMENT),
    Column("finished_at", MOMENT),
    CheckConstraint("(due_at IS NULL) = (finished_at IS NOT NULL)", name="open_is_due"),
    CheckConstraint("from_at <= until_at", name="times"),
)
_gap = event_gap.c
Index("ix_event_gap_due", _gap.due_at, postgresql_where=text("finished_at IS NULL"))
Index("ix_event_gap_configuration", _gap.configuration_id, _gap.opened_at)
Index("ix_event_gap_opened", _gap.opened_at)

# Addresses that the provider is to take off its list: due, or refused for good with its words.
provider_lift = Table(
    "provider_lift",
    metadata,
    Column("configuration_id", Uuid, ForeignKey("email_configuration.e_id"), primary_key=True),
    Column("address", KEY, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("wanted_at", MOMENT, nullable=False),
    Column("due_at", MOMENT),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("message", Text),
    CheckConstraint("(due_at IS NULL) = (message IS NOT NULL)", name="due_or_refused"),
)
_lift = provider_lift.c
Index(
    "ix_provider_lift_due",
    _lift.configuration_id,
    _lift.due_at,
    _lift.address,
    postgresql_where=text("due_at IS NOT NULL"),
)
Index("ix_provider_lift_tenant", _lift.tenant_id, _lift.address)
