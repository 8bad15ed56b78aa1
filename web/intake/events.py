"""The provider's callbacks: kept as they came, before anything is made of them."""

from dataclasses import dataclass, replace
from uuid import UUID

from shared.domain.event import EmailEvent, EventFacts, EventKind
from shared.domain.webhook import routing_digest
from shared.messaging.messages import ProjectEvents
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.events import EventHeaders
from shared.ports.mail import EventReader
from shared.ports.store import Store, Transaction
from shared.telemetry.fault_points import fault_point

# Our own are 36 and 254 long at the most. What is longer joins nothing, and is too long for an index.
_NAME_MAX = 255


@dataclass(frozen=True, slots=True)
class EventPorts:
    store: Store
    doorbell: Doorbell
    reader: EventReader
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Stored:
    kind: EventKind
    duplicate: bool


def knows(ports: EventPorts, routing_token: str) -> bool:
    with ports.store.begin() as tx:
        return _source_of(tx, routing_token) is not None


def store(ports: EventPorts, routing_token: str, raw: str, headers: EventHeaders) -> Stored | None:
    """None when nobody has this token. Test events are kept and go no further.

    The tenant comes from the token alone, never from the body. Tokens of retired configurations are known too: their
    last events still arrive.
    """
    facts = _bounded(ports.reader.read(raw))
    with ports.store.begin() as tx:
        source = _source_of(tx, routing_token)
        if source is None:
            return None
        tenant_id, configuration_id = source
        event = EmailEvent(
            e_id=ports.new_id(),
            tenant_id=tenant_id,
            configuration_id=configuration_id,
            facts=facts,
            received_at=tx.now(),
            raw=raw,
        )
        added = tx.events.add(event, headers)
        fault_point("event.before_commit")
    fault_point("event.committed")
    if added and facts.kind is not EventKind.TEST:
        ports.doorbell.ring(ProjectEvents(configuration_id))
    return Stored(facts.kind, duplicate=not added)


def _source_of(tx: Transaction, routing_token: str) -> tuple[UUID, UUID] | None:
    """Tenant and configuration."""
    token_hash = routing_digest(routing_token)
    return tx.configurations.id_by_routing_hash(token_hash)


def _bounded(facts: EventFacts) -> EventFacts:
    return replace(facts, message_id=_name(facts.message_id), recipient=_name(facts.recipient))


def _name(text: str | None) -> str | None:
    return text if text is not None and len(text) <= _NAME_MAX else None
