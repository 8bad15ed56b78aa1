"""Declares the actor of a message type."""

from collections.abc import Callable
from uuid import UUID

import dramatiq

from shared.messaging.messages import Message, actor_name


def declare(broker: dramatiq.Broker, message_type: type[Message], handle: Callable[[UUID], None]) -> None:
    @dramatiq.actor(actor_name=actor_name(message_type), queue_name=message_type.queue, broker=broker)
    def act(row_id: str) -> None:
        handle(UUID(row_id))
