"""Waiting for its own sake, in a worker that has nothing else to do."""

from threading import Event

LONGEST_SECONDS = 1.0


def pause(seconds: float) -> None:
    """A second at the most, however long is asked for: whoever waits longer looks around in between."""
    Event().wait(min(seconds, LONGEST_SECONDS))
