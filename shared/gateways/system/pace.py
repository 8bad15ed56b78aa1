"""A neighbour's pace, kept by all processes together: the turns are rows."""

import time

from shared.domain.errors import OutOfTurn
from shared.ports.store import Store, outside_transaction

# What may be left out joins a short queue only: there is always room behind it for what may not.
LESS = 0.25


class SharedPace:
    """Implements `ports.pace.Pace`."""

    def __init__(
        self,
        store: Store,
        neighbour: str,
        *,
        calls_per_second: float,
        patience_seconds: float,
        at_once: float | None = None,
    ) -> None:
        """`at_once`: see `ports.pace.Turns`."""
        self._store = store
        self._neighbour = neighbour
        self._calls_per_second = calls_per_second
        self._patience_seconds = patience_seconds
        self._at_once = at_once

    def keep(self, *, patient: bool = True) -> None:
        outside_transaction()
        with self._store.begin() as tx:
            turn = tx.turns.take(
                self._neighbour,
                per_second=self._calls_per_second,
                patience_seconds=self._patience_seconds * (1.0 if patient else LESS),
                at_once=self._at_once,
            )
        if not turn.granted:
            raise OutOfTurn(self._neighbour, retry_after_seconds=turn.wait_seconds)
        if turn.wait_seconds > 0:
            time.sleep(turn.wait_seconds)
