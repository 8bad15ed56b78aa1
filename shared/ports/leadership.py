"""One leader among several schedulers."""

from typing import Protocol


class Leadership(Protocol):
    """The lead is a lease: whoever asks for nothing for its `silence_seconds` has lost it. Never raises."""

    def hold(self, *, silence_seconds: float) -> bool:
        """True while this process leads: tries to become leader, or makes sure that it still is."""
        ...

    def holds(self) -> bool:
        """Whether this process leads still. Never makes it leader."""
        ...

    def resign(self) -> None:
        """So that another takes over at once."""
        ...
