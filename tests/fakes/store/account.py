from datetime import datetime

from tests.fakes.store.state import Moment, State

_ONLY = "account"


class MemoryAccountState:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def paused_until(self) -> datetime | None:
        until = self._state.pauses.get(_ONLY)
        return until if until is not None and until > self._moment.now else None

    def pause(self, *, seconds: float, reason: str) -> None:
        until = self._moment.after(seconds)
        self._state.pauses[_ONLY] = max(until, self._state.pauses.get(_ONLY, until))
