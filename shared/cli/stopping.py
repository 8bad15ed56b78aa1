"""Ctrl-C as a request: what is being done is done to its end, and then it is said how far it came."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# A pause is looked out of so often.
_SLICE_SECONDS = 0.5


class Stop:
    """Whether somebody wants an end."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        self._wait = wait
        self._wanted = False

    def __call__(self) -> bool:
        return self._wanted

    def ask(self) -> None:
        self._wanted = True

    def pause(self, seconds: float) -> None:
        """Waits, but not past the moment in which somebody wants an end."""
        while seconds > 0 and not self._wanted:
            self._wait(min(seconds, _SLICE_SECONDS))
            seconds -= _SLICE_SECONDS


@contextmanager
def stopping(wait: Callable[[float], None], note: Callable[[str], None]) -> Iterator[Stop]:
    """The first Ctrl-C asks; a second one breaks off at once, as ever."""
    stop = Stop(wait)
    before = signal.getsignal(signal.SIGINT)

    def interrupted(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop.ask()
        note("Stopping after the one in hand; Ctrl-C once more breaks off at once.")

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
