"""Moments at which something may come between: before and after every commit and every call, and at every named point.

Coming between is dying, or anything else that another process, an operator or time may do while this one stands still.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.ports.store import transaction_open
from shared.telemetry.fault_points import POINTS, Plan, arm


class Death(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


Act = Callable[[], None]


@dataclass(frozen=True, slots=True)
class At:
    """The moment with this number, counted from the beginning of a run."""

    number: int


@dataclass(frozen=True, slots=True)
class AtPoint:
    """The first time that a run comes to this named point."""

    name: str


Where = At | AtPoint


class Moments:
    """One thing at most comes between in one run, and nothing comes between that."""

    def __init__(self) -> None:
        self._where: Where | None = None
        self._act: Act | None = None
        self._come_to = 0
        self._suspended = False

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """In here nothing comes between."""
        self._suspended = True
        try:
            yield
        finally:
            self._suspended = False

    @contextmanager
    def interrupted(self, where: Where, act: Act) -> Iterator[None]:
        self._where, self._act, self._come_to = where, act, 0
        arm(Plan(dict.fromkeys(POINTS, 1.0)), self._point)
        try:
            yield
        finally:
            self._disarm()

    def come_to(self) -> None:
        if isinstance(self._where, At) and not self._suspended:
            self._come_to += 1
            if self._come_to > self._where.number:
                self._strike()

    def _point(self, name: str) -> None:
        if self._where == AtPoint(name) and not self._suspended:
            self._strike()

    def _strike(self) -> None:
        if transaction_open.get() and self._act is not die:
            # Nobody else's transaction fits into this one: the next moment will do.
            return
        name = self._where.name if isinstance(self._where, AtPoint) else None
        act = self._disarm()
        if act is die and name is not None:
            raise Death(name)
        if act is not None:
            act()

    def _disarm(self) -> Act | None:
        act, self._act, self._where = self._act, None, None
        arm(Plan({}), lambda _: None)
        return act


def die() -> None:
    raise Death
