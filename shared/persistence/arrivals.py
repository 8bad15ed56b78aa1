"""What comes in from outside, each in one round trip: a statement without a transaction around it is one by itself."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, LargeBinary, Select, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.domain.event import EventFacts
from shared.persistence import job_statements
from shared.persistence.direct import DirectStatement
from shared.persistence.job_rows import row_of_offer
from shared.persistence.sets import constant, parameter
from shared.persistence.tables import EventStatus, email_configuration, email_event
from shared.ports.arrivals import Received
from shared.ports.events import EventHeaders
from shared.ports.jobs import OfferedJob

_configuration = email_configuration.c
_column = email_event.c
_OF_TOKEN = _configuration.routing_token_hash == parameter("routing_hash", LargeBinary)

# What an event brings itself; the rest of its row is its configuration's, or the database's.
_BROUGHT = (
    *("e_id", "kind", "content_key", "occurred_at", "message_id", "job_ref", "recipient", "hard_bounce"),
    *("suppresses", "suppression_reason", "headers", "raw"),
)


def _receive() -> Select[Any]:
    source = select(_configuration.tenant_id, _configuration.e_id).where(_OF_TOKEN).cte("source")
    values = {
        **{name: parameter(name, _column[name].type) for name in _BROUGHT},
        "tenant_id": source.c.tenant_id,
        "configuration_id": source.c.e_id,
        "received_at": func.now(),
        "status": constant(EventStatus.PENDING),
        # Due by the clock that will be asked, which need not be the one of whoever received it.
        "due_at": func.now(),
    }
    adding = insert(email_event).from_select(list(values), select(*values.values()).select_from(source))
    added = (
        adding.on_conflict_do_nothing(index_elements=[_column.configuration_id, _column.content_key])
        .returning(_column.e_id)
        .cte("added")
    )
    return select(source.c.e_id, exists(select(added.c.e_id)).label("fresh"))


_RECEIVE = _receive()


class PostgresArrivals:
    def __init__(self, engine: Engine) -> None:
        self._receive = DirectStatement(engine, _RECEIVE)
        self._offer = DirectStatement(engine, job_statements.OFFER_ONE)

    def event(
        self, routing_hash: bytes, e_id: UUID, facts: EventFacts, raw: str, headers: EventHeaders
    ) -> Received | None:
        row = self._receive.first({"routing_hash": routing_hash, **_brought(e_id, facts, raw, headers)})
        return None if row is None else Received(*row)

    def job(self, tenant_id: UUID, offered: OfferedJob) -> datetime | None:
        given = {"tenant_id": tenant_id, "author": offered.author, **row_of_offer(offered)}
        row = self._offer.first({name: value for name, value in given.items() if name != "job_id"})
        return None if row is None else row[1]


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
        "headers": {name: value for name, value in asdict(headers).items() if value is not None},
        "raw": raw,
    }
