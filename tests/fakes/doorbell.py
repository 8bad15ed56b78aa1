"""A doorbell that writes down who rang."""

from shared.ports.doorbell import Message
from shared.ports.store import outside_transaction


class RecordingDoorbell:
    """Implements `ports.doorbell.Doorbell`. While `down`, rings are lost, as with an unreachable broker."""

    def __init__(self) -> None:
        self.rung: list[Message] = []
        self.down = False

    def ring(self, *messages: Message) -> bool:
        outside_transaction()
        if not self.down:
            self.rung.extend(messages)
        return not self.down
