"""One leader among several schedulers."""

from typing import Protocol


class Leadership(Protocol):
    def hold(self) -> bool:
        """True while this process leads: tries to become leader, or makes sure that it still is. Never raises."""
        ...

    def resign(self) -> None:
        """So that another takes over at once."""
        ...
