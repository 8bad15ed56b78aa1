from datetime import datetime
from uuid import UUID

from shared.domain.event import EmailEvent, EventFacts
from shared.ports.arrivals import Received
from shared.ports.events import EventHeaders
from shared.ports.jobs import OfferedJob
from shared.ports.store import Store


class MemoryArrivals:
    """As a transaction of the same store would do it. Of whatever store: also of one that fails in the middle."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def event(
        self, routing_hash: bytes, e_id: UUID, facts: EventFacts, raw: str, headers: EventHeaders
    ) -> Received | None:
        with self._store.begin() as tx:
            source = tx.configurations.id_by_routing_hash(routing_hash)
            if source is None:
                return None
            tenant_id, configuration_id = source
            event = EmailEvent(
                e_id=e_id,
                tenant_id=tenant_id,
                configuration_id=configuration_id,
                facts=facts,
                received_at=tx.now(),
                raw=raw,
            )
            return Received(configuration_id, fresh=tx.events.add(event, headers))

    def job(self, tenant_id: UUID, offered: OfferedJob) -> datetime | None:
        with self._store.begin() as tx:
            return tx.jobs.offer(tenant_id, [offered]).get(offered.e_id)
