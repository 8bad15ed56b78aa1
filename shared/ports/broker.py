"""The broker as operators look at it. Reads only, and never raises: it is a doorbell, and may be away."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Rings that nobody took yet, and those in workers' hands."""

    waiting: int
    taken: int


class QueueDepths(Protocol):
    def depths(self) -> Mapping[str, QueueDepth] | None:
        """Of every queue, empty ones too; None when the broker does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """As it tells of itself; None for what it does not tell us. `max_bytes` is 0 where nothing bounds it."""

    version: str | None = None
    # Of keys, when it is full: `noeviction` is the one that drops none.
    eviction: str | None = None
    append_only: bool | None = None
    used_bytes: int | None = None
    max_bytes: int | None = None


class BrokerLook(Protocol):
    def look(self) -> BrokerSeen | str:
        """Why not, in a word, when it does not answer."""
        ...
