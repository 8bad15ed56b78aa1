"""For what comes true by the work of other threads."""

import threading
import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    """Whether it came to hold within `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.01)
    return True
