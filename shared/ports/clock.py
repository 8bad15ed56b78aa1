"""Time and identity, so that tests can hold both still."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware UTC."""
        ...


class NewId(Protocol):
    """Makes UUIDs of version 7 (RFC 9562): they sort by creation, so that inserts stay at one end of an index."""

    def __call__(self) -> UUID: ...
