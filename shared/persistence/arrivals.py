"""What comes in from outside, each in one round trip: a statement without a transaction around it is one by itself.

Under load one of them carries what several requests brought.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, LargeBinary, Select, Text, cast, exists, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from shared.domain.event import EventFacts
from shared.persistence import job_statements
from shared.persistence.direct import DirectStatement, Row
from shared.persistence.job_rows import row_of_offer
from shared.persistence.sets import Kind, as_arrays, constant, given_rows, parameter
from shared.persistence.tables import EventStatus, email_configuration, email_event
from shared.persistence.together import Together
from shared.ports.arrivals import Received
from shared.ports.events import EventHeaders
from shared.ports.jobs import OfferedJob

_configuration = email_configuration.c
_column = email_event.c

# What an event brings itself, and the token it came with. The rest of its row its configuration and the database give.
_BROUGHT: dict[str, Kind] = {
    **{
        name: _column[name].type
        for name in ("e_id", "kind", "content_key", "occurred_at", "job_ref", "hard_bounce", "suppresses")
    },
    # Plain, because a cast of an array names no collation; JSON as text, or each element would need a wrapper.
    **dict.fromkeys(("message_id", "recipient", "suppression_reason", "headers", "raw"), Text),
    "routing_hash": LargeBinary,
}
# Longer ones go alone: nobody waits for what another one has to say.
_TOGETHER_MAX_BYTES = 100_000


def _receive(rows: Select[Any]) -> Select[Any]:
    given = rows.cte("brought").prefix_with("MATERIALIZED")
    source = (
        select(given.c.e_id, _configuration.tenant_id, _configuration.e_id.label("configuration_id"))
        .join(email_configuration, _configuration.routing_token_hash == given.c.routing_hash)
        .cte("source")
    )
    brought = {name: given.c[name] for name in _BROUGHT if name in _column}
    values = {
        **brought,
        "headers": cast(given.c.headers, JSONB),
        "tenant_id": source.c.tenant_id,
        "configuration_id": source.c.configuration_id,
        "received_at": func.now(),
        "status": constant(EventStatus.PENDING),
        # Due by the clock that will be asked, which need not be the one of whoever received it.
        "due_at": func.now(),
    }
    # In one order: two that bring the same wait for one another in one direction only.
    arriving = (
        select(*values.values())
        .select_from(given.join(source, source.c.e_id == given.c.e_id))
        .order_by(source.c.configuration_id, given.c.content_key)
    )
    adding = insert(email_event).from_select(list(values), arriving)
    added = (
        adding.on_conflict_do_nothing(index_elements=[_column.configuration_id, _column.content_key])
        .returning(_column.e_id)
        .cte("added")
    )
    fresh = exists(select(added.c.e_id).where(added.c.e_id == source.c.e_id))
    return select(source.c.e_id, source.c.configuration_id, fresh.label("fresh"))


# Casts, or a column of which there is nothing would be a text.
_RECEIVE_ONE = _receive(
    select(*(cast(parameter(name, kind), kind).label(name) for name, kind in _BROUGHT.items()))
)
_RECEIVE_TOGETHER = _receive(select(given_rows(**_BROUGHT)))

_Row = Mapping[str, object]


class PostgresArrivals:
    def __init__(self, engine: Engine) -> None:
        self._receive = _Statements(engine, one=_RECEIVE_ONE, together=_RECEIVE_TOGETHER)
        self._offer = _Statements(
            engine, one=job_statements.OFFER_ONE, together=job_statements.OFFER_TOGETHER
        )

    def event(
        self, routing_hash: bytes, e_id: UUID, facts: EventFacts, raw: str, headers: EventHeaders
    ) -> Received | None:
        row = {"routing_hash": routing_hash, **_brought(e_id, facts, raw, headers)}
        found = self._receive.ask(row, size_bytes=len(raw))
        return None if found is None else Received(*found)

    def job(self, tenant_id: UUID, offered: OfferedJob) -> datetime | None:
        found = self._offer.ask(row_of_offer(tenant_id, offered), size_bytes=offered.content.size_bytes)
        return None if found is None else found[0]


class _Statements:
    """One for a row, and one for the rows of several requests. Both answer with its `e_id` first, where at all."""

    def __init__(self, engine: Engine, *, one: Select[Any], together: Select[Any]) -> None:
        self._one, self._many = DirectStatement(engine, one), DirectStatement(engine, together)
        self._together = Together(self._answers)

    def ask(self, row: _Row, *, size_bytes: int) -> Row | None:
        return self._together(row) if size_bytes <= _TOGETHER_MAX_BYTES else self._answers([row])[0]

    def _answers(self, rows: Sequence[_Row]) -> list[Row | None]:
        told = self._one.rows(rows[0]) if len(rows) == 1 else self._many.rows(as_arrays(rows[0], rows))
        found = {row[0]: row[1:] for row in told}
        return [found.get(row["e_id"]) for row in rows]


def _brought(e_id: UUID, facts: EventFacts, raw: str, headers: EventHeaders) -> dict[str, object]:
    return {
        "e_id": e_id,
        "kind": facts.kind.value,
        "content_key": facts.content_key,
        "occurred_at": facts.occurred_at,
        "message_id": facts.message_id,
        "job_ref": facts.job_id,
        "recipient": facts.recipient,
        "hard_bounce": facts.hard_bounce,
        "suppresses": facts.suppresses,
        "suppression_reason": facts.suppression_reason and facts.suppression_reason.value,
        "headers": json.dumps({name: value for name, value in asdict(headers).items() if value is not None}),
        "raw": raw,
    }
