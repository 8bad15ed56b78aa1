from datetime import datetime

from tests.fakes.store.state import Moment, State


class MemoryPresence:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def seen(self, role: str) -> datetime | None:
        before = self._state.presence.get(role)
        self._state.presence[role] = self._moment.now
        return before
