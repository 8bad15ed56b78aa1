"""How hard the provider may be pressed, by what it answered: shared by all workers, in rows.

Nothing limits until the provider says so. A row exists only while there is a limit, so that the ordinary case is one
read that finds nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol
from uuid import UUID


class Gate(Enum):
    OPEN = auto()
    # No call for the whole account: it is paused, or a recovery is open.
    SHUT = auto()
    # The pause is over: this one call finds out whether the account may send again. Nobody else calls meanwhile.
    PROBE = auto()


class AccountState(Protocol):
    """The account's circuit breaker. It half-opens by itself."""

    def gate(self, *, probe_seconds: float) -> Gate:
        """PROBE is given to one caller; when it says nothing for `probe_seconds`, to another."""
        ...

    def pause(self, *, seconds: float, longest_seconds: float, reason: str) -> float:
        """Shuts the gate; each pause in a row is twice as long, up to `longest_seconds`. Returns its length.

        Of calls that were under way together all may fail: while a pause runs, another one is not the next in a row.
        """
        ...

    def hand_back(self) -> None:
        """Of who got PROBE and has nothing to find out with: the next who asks gets it. In the same transaction."""
        ...

    def resume(self) -> None:
        """After a probe that was answered: open again, and the next pause is short again.

        A pause that began meanwhile stays.
        """
        ...

    def paused_until(self) -> datetime | None:
        """For people: the end of the pause that runs now."""
        ...


@dataclass(frozen=True, slots=True)
class Permit:
    """`batch_size` bounds the next call when unknown outcomes made it small. `limited`: there is something to ease."""

    allowed: bool
    batch_size: int | None = None
    limited: bool = False


class Pressure(Protocol):
    """Token buckets, one a configuration's server and one for the account, and the size of batches.

    Times are the database's; a bucket holds at most one second's worth of calls.
    """

    def is_free(self, configuration_id: UUID) -> bool:
        """Nothing is in the way of a call: the gate is open, and it needs no permit. One read; holds nothing."""
        ...

    def is_limited(self, configuration_id: UUID) -> bool:
        """Whether a call needs a permit. One read; holds nothing."""
        ...

    def permit(self, configuration_id: UUID) -> Permit:
        """Takes one call's token from both buckets, where there are any.

        In a transaction of its own: the account's bucket is everybody's, and held until the end of it.
        """
        ...

    def throttled(self, configuration_id: UUID, *, wait_seconds: float) -> None:
        """After a 429: no call of this server for `wait_seconds`, then half as many a second as before.

        When several servers were throttled within ten seconds, the account's bucket is narrowed as well.
        """
        ...

    def shrink_batch(self, configuration_id: UUID, *, from_size: int) -> None:
        """After an unknown outcome: half of `from_size`, or of what it is already; at least 1."""
        ...

    def ease(self, configuration_id: UUID, *, full_batch_size: int) -> None:
        """After a call that went well: a quarter more calls a second, a batch twice as large, until nothing limits."""
        ...
