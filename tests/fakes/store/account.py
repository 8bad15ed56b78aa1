from dataclasses import replace
from datetime import datetime

from shared.ports.pressure import Gate
from tests.fakes.store.state import Moment, Pause, State

_ONLY = "account"


class MemoryAccountState:
    def __init__(self, state: State, moment: Moment) -> None:
        self._state = state
        self._moment = moment

    @property
    def _pause(self) -> Pause | None:
        return self._state.pauses.get(_ONLY)

    @property
    def is_shut(self) -> bool:
        held = self._pause
        if self._state.is_recovering:
            return True
        return held is not None and any(
            until is not None and until > self._moment.now for until in (held.until, held.probing_until)
        )

    def gate(self, *, probe_seconds: float) -> Gate:
        held = self._pause
        if self.is_shut:
            return Gate.SHUT
        if held is None:
            return Gate.OPEN
        self._state.pauses[_ONLY] = replace(held, probing_until=self._moment.after(probe_seconds))
        return Gate.PROBE

    def pause(self, *, seconds: float, longest_seconds: float, reason: str) -> float:
        held = self._pause
        running = held is not None and held.until > self._moment.now
        in_a_row = 1 if held is None else held.in_a_row + (0 if running else 1)
        length = min(longest_seconds, seconds * 2.0 ** (in_a_row - 1))
        until = self._moment.after(length)
        self._state.pauses[_ONLY] = Pause(max(until, held.until) if held else until, in_a_row)
        return length

    def hand_back(self) -> None:
        held = self._pause
        if held is not None and self.paused_until() is None:
            self._state.pauses[_ONLY] = replace(held, probing_until=None)

    def resume(self) -> None:
        if self.paused_until() is None:
            self._state.pauses.pop(_ONLY, None)

    def paused_until(self) -> datetime | None:
        held = self._pause
        return held.until if held is not None and held.until > self._moment.now else None
