"""How often a neighbour that limits calls for the whole account may be called, by all workers together."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Turn:
    """`granted`: it is ours, `wait_seconds` from now. Else nothing was taken, and none is to be had before that."""

    granted: bool
    wait_seconds: float


class Turns(Protocol):
    """One row a neighbour: the moment of the next free turn, by the database's clock."""

    def take(
        self, neighbour: str, *, per_second: float, patience_seconds: float, at_once: float | None = None
    ) -> Turn:
        """The next free turn, when it comes within `patience_seconds`.

        A neighbour that was left alone may be called `at_once` times, which is a second's worth unless said
        otherwise; then evenly. With 1 no second ever has more than `per_second` calls.
        """
        ...


class Pace(Protocol):
    """What a gateway asks before each call."""

    def keep(self, *, patient: bool = True) -> None:
        """Returns when it is our turn; raises `OutOfTurn` when that is too far off to wait for.

        Not `patient`: for what may as well be left out. It waits for a quarter of the time, so that it never takes
        the turn of what may not.
        """
        ...
