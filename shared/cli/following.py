"""Look again and again until something rests, or the time for it is over."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from shared.cli.exits import NotReached
from shared.cli.session import Session
from shared.domain.errors import StoreUnavailable

Found = TypeVar("Found")

LOOK_SECONDS = 2.0


def looks(
    session: Session, look: Callable[[], Found], *, timeout: timedelta, every_seconds: float = LOOK_SECONDS
) -> Iterator[Found]:
    """What each look finds, the last one when the time is over. Whoever is satisfied breaks off.

    A look that gets no answer is told of and made again; the last one raises.
    """
    tools = session.tools
    ends_at = tools.clock.now() + timeout
    while True:
        is_over = tools.clock.now() >= ends_at
        try:
            found = look()
        except (NotReached, StoreUnavailable) as fault:
            if is_over:
                raise
            session.out.note(f"No answer ({type(fault).__name__}): looking again.")
        else:
            yield found
            if is_over:
                return
        tools.wait(every_seconds)
