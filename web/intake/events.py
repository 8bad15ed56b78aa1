"""The provider's callbacks: kept as they came, before anything is made of them."""

from dataclasses import dataclass, replace

from shared.domain.event import EventFacts, EventKind
from shared.domain.webhook import routing_digest
from shared.messaging.messages import ProjectEvents
from shared.ports.arrivals import Arrivals
from shared.ports.clock import NewId
from shared.ports.doorbell import Doorbell
from shared.ports.events import EventHeaders
from shared.ports.mail import EventReader
from shared.ports.store import Store
from shared.telemetry.fault_points import fault_point

# Our own are 36 and 254 long at the most. What is longer joins nothing, and is too long for an index.
_NAME_MAX = 255


@dataclass(frozen=True, slots=True)
class EventPorts:
    store: Store
    arrivals: Arrivals
    doorbell: Doorbell
    reader: EventReader
    new_id: NewId


@dataclass(frozen=True, slots=True)
class Stored:
    kind: EventKind
    duplicate: bool


def knows(ports: EventPorts, routing_token: str) -> bool:
    with ports.store.begin() as tx:
        return tx.configurations.id_by_routing_hash(routing_digest(routing_token)) is not None


def store(ports: EventPorts, routing_token: str, raw: str, headers: EventHeaders) -> Stored | None:
    """None when nobody has this token. Test events are kept and go no further.

    The tenant comes from the token alone, never from the body.
    """
    facts = _bounded(ports.reader.read(raw))
    fault_point("event.before_commit")
    received = ports.arrivals.event(routing_digest(routing_token), ports.new_id(), facts, raw, headers)
    if received is None:
        return None
    fault_point("event.committed")
    if received.fresh and facts.kind is not EventKind.TEST:
        ports.doorbell.ring(ProjectEvents(received.configuration_id))
    return Stored(facts.kind, duplicate=not received.fresh)


def _bounded(facts: EventFacts) -> EventFacts:
    return replace(facts, message_id=_name(facts.message_id), recipient=_name(facts.recipient))


def _name(text: str | None) -> str | None:
    return text if text is not None and len(text) <= _NAME_MAX else None
