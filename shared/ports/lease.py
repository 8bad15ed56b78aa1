"""A lease that a worker holds while it calls others: looked at right before each call.

A worker may be stopped between two lines for longer than any lease (SIGSTOP, a machine without memory, a host that
hangs). What it does afterwards would be somebody else's to do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_look: ContextVar[Callable[[], None] | None] = ContextVar("lease", default=None)


def before_call() -> None:
    """Called by every gateway before the first byte leaves. Raises what the look raises: then nothing is called."""
    look = _look.get()
    if look is not None:
        look()


@contextmanager
def looked_after(look: Callable[[], None]) -> Iterator[None]:
    """Every call of this thread, while it lasts, is made only after `look`."""
    token = _look.set(look)
    try:
        yield
    finally:
        _look.reset(token)
