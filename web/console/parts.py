"""A page of several parts: one that cannot be read is said to have failed, and the others are shown."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.domain.errors import StoreUnavailable
from shared.ports.store import Store, Transaction
from web import errors

Found = TypeVar("Found")

# A page that has taken so long does not ask for the parts that are left.
PATIENCE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Part(Generic[Found]):
    """`value` is None when it `failed`; then `why` says so to people."""

    name: str
    value: Found | None = None
    why: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.why)


class Parts:
    """Of one request. Each part has a transaction of its own: a failed statement spoils the rest of its transaction."""

    def __init__(self, store: Store, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._elapsed = elapsed
        self._began = elapsed()
        self._read = 0
        self._failed = 0

    def read(self, name: str, read: Callable[[Transaction], Found]) -> Part[Found]:
        self._read += 1
        if self._elapsed() - self._began > PATIENCE_SECONDS:
            return self._fail(name, "it was not asked for, as the page has taken long already")
        try:
            with self._store.begin() as tx:
                return Part(name, read(tx))
        except StoreUnavailable as error:
            errors.tell(error)
            return self._fail(name, "the database did not answer in time")
        except Exception as error:  # noqa: BLE001 - whatever it is, the other parts are worth showing
            errors.tell(error)
            return self._fail(name, "something broke here")

    def none_was_read(self) -> bool:
        return self._failed == self._read > 0

    def _fail(self, name: str, why: str) -> Part[Found]:
        self._failed += 1
        return Part(name, None, why)
