from datetime import timedelta

from shared.ports.pace import Turn
from tests.fakes.store.state import Moment, State


class MemoryTurns:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    def take(
        self, neighbour: str, *, per_second: float, patience_seconds: float, at_once: float | None = None
    ) -> Turn:
        interval = timedelta(seconds=1 / per_second)
        longest_ago = self._moment.now - interval * max((per_second if at_once is None else at_once) - 1, 0)
        turn_at = max(self._state.turns.get(neighbour, longest_ago), longest_ago)
        wait_seconds = max((turn_at - self._moment.now).total_seconds(), 0.0)
        if wait_seconds > patience_seconds:
            return Turn(granted=False, wait_seconds=wait_seconds)
        self._state.turns[neighbour] = turn_at + interval
        return Turn(granted=True, wait_seconds=wait_seconds)
