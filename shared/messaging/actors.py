"""Declares the actor of a message type."""

from collections.abc import Callable
from uuid import UUID

import dramatiq

from shared.messaging.messages import Message, actor_name


def declare(broker: dramatiq.Broker, message_type: type[Message], handle: Callable[[UUID], None]) -> None:
    def act(row_id: str) -> None:
        handle(UUID(row_id))

    dramatiq.actor(act, actor_name=actor_name(message_type), queue_name=message_type.queue, broker=broker)
