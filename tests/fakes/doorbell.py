"""A doorbell that writes down who rang."""

from shared.ports.doorbell import Message
from shared.ports.store import outside_transaction


class RecordingDoorbell:
    """Implements `ports.doorbell.Doorbell`. While `down`, rings are lost, as with an unreachable broker.

    Nothing coalesces: each ring stands in `rung`, and a sweep's in `rung_again` as well.
    """

    def __init__(self) -> None:
        self.rung: list[Message] = []
        self.rung_again: list[Message] = []
        self.down = False

    def ring(self, *messages: Message) -> bool:
        outside_transaction()
        if not self.down:
            self.rung.extend(messages)
        return not self.down

    def ring_again(self, *messages: Message) -> bool:
        if not self.down:
            self.rung_again.extend(messages)
        return self.ring(*messages)
