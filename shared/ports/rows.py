"""What every repository has in common."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, TypeVar


class Lock(Enum):
    NONE = auto()
    # Holds off changes to the row until this transaction ends; any number may hold it.
    SHARE = auto()
    UPDATE = auto()


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    rows: tuple[Row, ...]
    more: bool
