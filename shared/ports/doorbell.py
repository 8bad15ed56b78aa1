"""The doorbell: says that a committed row waits. Losing a ring loses nothing; a sweep rings again."""

from typing import ClassVar, Protocol
from uuid import UUID


class Message(Protocol):
    """An imperative with one id. The types are in `shared.messaging.messages`."""

    queue: ClassVar[str]

    @property
    def id(self) -> UUID: ...


class Doorbell(Protocol):
    def ring(self, *messages: Message) -> bool:
        """Rung after the commit. False when the broker could not be reached: logged and counted, never raised."""
        ...
