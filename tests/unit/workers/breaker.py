"""A process that dies at a chosen moment: before or after any commit, before or after any call."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.ports.store import Store, Transaction


class Death(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class Breaker:
    """Counts the moments of a run; dies at the one numbered `dies_at`."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at = dies_at
        self.moments: list[str] = []

    def moment(self, name: str) -> None:
        self.moments.append(name)
        if len(self.moments) - 1 == self.dies_at:
            raise Death(name)


class BreakingStore:
    """Implements `ports.store.Store` on another one. Dying before a commit rolls back."""

    def __init__(self, store: Store, breaker: Breaker) -> None:
        self._store = store
        self._breaker = breaker

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as tx:
            yield tx
            self._breaker.moment("before commit")
        self._breaker.moment("after commit")

    def ping(self) -> None:
        self._store.ping()


class BreakingPort:
    """Stands in for any port that is called."""

    def __init__(self, port: object, breaker: Breaker) -> None:
        self._port = port
        self._breaker = breaker

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._breaker.moment(f"before {name}")
            answer = found(*args, **kwargs)
            self._breaker.moment(f"after {name}")
            return answer

        return call
