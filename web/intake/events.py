"""The provider's callbacks: kept as they came, before anything is made of them."""

from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from shared.domain.event import EmailEvent, EventKind
from shared.messaging.messages import ProjectEvents
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.events import EventHeaders
from shared.ports.mail import EventReader
from shared.ports.store import Store
from shared.telemetry.fault_points import fault_point


@dataclass(frozen=True, slots=True)
class EventPorts:
    store: Store
    doorbell: Doorbell
    reader: EventReader
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Source:
    """Whose events a routing token brings. Retired configurations included: their last events still arrive."""

    tenant_id: UUID
    configuration_id: UUID


@dataclass(frozen=True, slots=True)
class Stored:
    kind: EventKind
    duplicate: bool


def source_of(ports: EventPorts, routing_token: str) -> Source | None:
    """The tenant comes from the token alone, never from the body."""
    token_hash = sha256(routing_token.encode("utf-8", "surrogateescape")).digest()
    with ports.store.begin() as tx:
        found = tx.configurations.id_by_routing_hash(token_hash)
    return Source(*found) if found else None


def store(ports: EventPorts, source: Source, raw: str, headers: EventHeaders) -> Stored:
    """Raises `InvalidValue` when `raw` is no JSON object. Test events are kept and go no further."""
    facts = ports.reader.read(raw)
    with ports.store.begin() as tx:
        event = EmailEvent(
            e_id=ports.new_id(),
            tenant_id=source.tenant_id,
            configuration_id=source.configuration_id,
            facts=facts,
            received_at=tx.now(),
            raw=raw,
        )
        added = tx.events.add(event, headers)
        fault_point("event.before_commit")
    fault_point("event.committed")
    if added and facts.kind is not EventKind.TEST:
        ports.doorbell.ring(ProjectEvents(source.configuration_id))
    return Stored(facts.kind, duplicate=not added)
