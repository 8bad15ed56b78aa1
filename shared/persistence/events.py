"""Events: stored once, raw and in our words; projected in their order of arrival, one transaction a configuration."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, Uuid, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.suppression import SuppressionReason
from shared.persistence.due import configurations_waiting, due_now
from shared.persistence.letters import park_events
from shared.persistence.locks import hold_addresses, hold_projection, share_list
from shared.persistence.sets import (
    after,
    any_of,
    as_arrays,
    constant,
    given_rows,
    ids_of,
    parameter,
    rows_of,
    run,
)
from shared.persistence.tables import BEARS_ON_SUPPRESSION, EventStatus, email_event, email_job
from shared.ports.clock import NewId
from shared.ports.events import EventHeaders

_column = email_event.c

_ADD = (
    insert(email_event)
    # Due by the clock that will be asked, which need not be the one of whoever received it.
    .values(status=EventStatus.PENDING.value, due_at=func.now())
    .on_conflict_do_nothing(index_elements=[_column.configuration_id, _column.content_key])
    .returning(_column.e_id)
)
_PENDING = _column.status == constant(EventStatus.PENDING)
_UNPROJECTED = (
    select(email_event)
    .where(_column.configuration_id == parameter("configuration_id"), _PENDING, _column.due_at <= func.now())
    .order_by(_column.received_at, _column.e_id)
)
_JOINED = {"event_id": Uuid, "job_id": Uuid}
_joined = given_rows(**_JOINED)
_recipient = select(email_job.c.recipient).where(email_job.c.e_id == _joined.c.job_id).scalar_subquery()
_MARK_PROJECTED = (
    update(email_event)
    .where(_column.e_id == _joined.c.event_id)
    .values(
        status=EventStatus.PROJECTED.value,
        job_id=_joined.c.job_id,
        # Some real bounces name no address: from now on they are found by their job's.
        recipient=func.coalesce(_column.recipient, _recipient),
        # After the wait for other projectors, and the same for the whole batch.
        projected_at=func.statement_timestamp(),
        due_at=None,
    )
)
_STILL_PENDING = update(email_event).where(any_of(_column.e_id, "event_ids"), _PENDING)
_PUT_OFF = _STILL_PENDING.values(due_at=after("pause"))
_ABOUT = (
    select(email_event)
    .where(_column.tenant_id == parameter("tenant_id"), any_of(_column.recipient, "addresses"))
    .where(text(f"({BEARS_ON_SUPPRESSION})"))
    .order_by(_column.received_at, _column.e_id)
)
_DUE = due_now(configurations_waiting(_column.configuration_id, _column.due_at, _PENDING))


class PostgresEvents:
    def __init__(self, connection: Connection, new_id: NewId) -> None:
        self._connection = connection
        self._new_id = new_id

    def add(self, event: EmailEvent, headers: EventHeaders) -> bool:
        return self._connection.scalar(_ADD, _row_of(event, headers)) is not None

    def serialise(self, configuration_id: UUID) -> None:
        hold_projection(self._connection, configuration_id)

    def unprojected(self, configuration_id: UUID, *, limit: int) -> list[EmailEvent]:
        return self._events(_UNPROJECTED.limit(limit), {"configuration_id": configuration_id})

    def mark_projected(self, job_ids: Mapping[UUID, UUID | None]) -> None:
        rows = [{"event_id": event_id, "job_id": job_id} for event_id, job_id in job_ids.items()]
        run(self._connection, _MARK_PROJECTED, as_arrays(_JOINED, rows))

    def put_off(self, event_ids: Collection[UUID], *, seconds: float) -> None:
        run(self._connection, _PUT_OFF, {"event_ids": list(event_ids), "pause": timedelta(seconds=seconds)})

    def park(self, event_ids: Collection[UUID]) -> None:
        park_events(self._connection, self._new_id, event_ids)

    def for_job(self, tenant_id: UUID, job_id: UUID) -> list[EmailEvent]:
        wanted = select(email_event).where(_column.job_id == job_id, _column.tenant_id == tenant_id)
        return self._events(wanted.order_by(_column.received_at, _column.e_id), {})

    def about(self, tenant_id: UUID, addresses: Collection[str]) -> list[EmailEvent]:
        """Holds the addresses until the transaction ends, so that what is made of these events is not overtaken."""
        share_list(self._connection, tenant_id)
        hold_addresses(self._connection, tenant_id, addresses)
        return self._events(_ABOUT, {"tenant_id": tenant_id, "addresses": list(addresses)})

    def configurations_with_due_events(self, limit: int) -> list[UUID]:
        return ids_of(self._connection, _DUE.limit(limit))

    def _events(self, statement: Select[Any], parameters: Mapping[str, Any]) -> list[EmailEvent]:
        return [event_of(row) for row in rows_of(self._connection, statement, parameters)]


_FACTS = ("content_key", "occurred_at", "message_id", "recipient", "hard_bounce", "suppresses")


def _row_of(event: EmailEvent, headers: EventHeaders) -> dict[str, Any]:
    facts = event.facts
    return {
        **{name: getattr(facts, name) for name in _FACTS},
        "e_id": event.e_id,
        "tenant_id": event.tenant_id,
        "configuration_id": event.configuration_id,
        "kind": facts.kind.value,
        "job_ref": facts.job_id,
        "suppression_reason": facts.suppression_reason and facts.suppression_reason.value,
        "headers": {name: value for name, value in asdict(headers).items() if value is not None},
        "raw": event.raw,
        "received_at": event.received_at,
    }


def event_of(row: Mapping[str, Any]) -> EmailEvent:
    reason = row["suppression_reason"]
    facts = EventFacts(
        **{name: row[name] for name in _FACTS},
        kind=EventKind(row["kind"]),
        job_id=row["job_ref"],
        suppression_reason=SuppressionReason(reason) if reason is not None else None,
    )
    return EmailEvent(
        e_id=row["e_id"],
        tenant_id=row["tenant_id"],
        configuration_id=row["configuration_id"],
        facts=facts,
        received_at=row["received_at"],
        job_id=row["job_id"],
        projected_at=row["projected_at"],
        raw=row["raw"],
    )
