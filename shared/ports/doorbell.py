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
        """Rung after the commit. False when the broker could not be reached: logged and counted, never raised.

        Nothing is added while an earlier message for the same row waits: its handler begins later and sees the commit.
        """
        ...

    def ring_again(self, *messages: Message) -> bool:
        """A sweep's ring for what still waits. As `ring`, and also past a message that some worker took and sits on."""
        ...
